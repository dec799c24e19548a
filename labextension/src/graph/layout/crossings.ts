/** Order of the items in each column, with few crossings of wires: barycenters, sweeping back and forth. */

import { mean, type Item } from './geometry';

const SWEEPS = 8;

/** Order the items of each column, pausing now and then. */
export function* orderColumns(columns: Item[][]): Generator<void> {
  let best = columns.map(c => [...c]);
  let fewest = crossings(columns);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    align(columns, sweep % 2 === 0);
    yield;
    const found = crossings(columns);
    if (found < fewest) {
      best = columns.map(c => [...c]);
      fewest = found;
    }
    yield;
  }
  columns.splice(0, columns.length, ...best);
}

/** Order each column by the mean places of the neighbours in the column before it, or behind it. */
function align(columns: Item[][], forward: boolean): void {
  const count = columns.length;
  for (let i = 1; i < count; i++) {
    const [fixed, free] = forward ? [i - 1, i] : [count - i, count - i - 1];
    columns[fixed].forEach((item, at) => {
      item.at = at;
    });
    const means = new Map(
      columns[free].map((item, at) => [
        item,
        mean(
          (forward ? item.before : item.behind).map(n => n.at),
          at
        )
      ])
    );
    columns[free].sort((a, b) => means.get(a)! - means.get(b)!);
  }
}

function crossings(columns: Item[][]): number {
  let count = 0;
  for (let i = 1; i < columns.length; i++) {
    columns[i].forEach((item, at) => {
      item.at = at;
    });
    // a Fenwick tree counts, for each end, the earlier ends that lie beyond
    const seen = new Array<number>(columns[i].length + 1).fill(0);
    let all = 0;
    for (const item of columns[i - 1]) {
      for (const { at } of item.behind) {
        let upTo = 0;
        for (let k = at + 1; k > 0; k -= k & -k) {
          upTo += seen[k];
        }
        count += all - upTo;
      }
      for (const { at } of item.behind) {
        all++;
        for (let k = at + 1; k < seen.length; k += k & -k) {
          seen[k]++;
        }
      }
    }
  }
  return count;
}
