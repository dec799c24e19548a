/** Heights of the items in their columns, near the mean of the heights of their neighbours. */

import { mean, type Item } from './geometry';

/** Number of sweeps that align with one side each; as many align with both sides afterwards. */
const SWEEPS = 8;

/** Set the centers of all items, pausing after each sweep. */
export function* setHeights(columns: Item[][]): Generator<void> {
  columns.forEach(column => settle(column, () => 0));
  for (let sweep = 0; sweep < SWEEPS * 2; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wanted = new Map(
        column.map(item => [
          item,
          mean(
            neighbours(item, sweep).map(n => n.center),
            item.center
          )
        ])
      );
      settle(column, item => wanted.get(item)!);
    }
    yield;
  }
}

/** Find the positions nearest to the wanted ones that keep the order and the distances (pool adjacent violators). */
function settle(column: Item[], wanted: (item: Item) => number): void {
  const blocks: Array<[number, number]> = [];
  const offsets: number[] = [];
  column.forEach((item, i) => {
    offsets.push(i ? offsets[i - 1] + (column[i - 1].height + item.height) / 2 : 0);
    let [value, size] = [wanted(item) - offsets[i], 1];
    while (blocks.length && blocks[blocks.length - 1][0] > value) {
      const [other, count] = blocks.pop()!;
      [value, size] = [(value * size + other * count) / (size + count), size + count];
    }
    blocks.push([value, size]);
  });
  const starts = blocks.flatMap(([value, size]) => new Array<number>(size).fill(value));
  column.forEach((item, i) => {
    item.center = Math.round((starts[i] + offsets[i]) * 10) / 10;
  });
}

/** Return the neighbours to align with: those of one side while sweeping, of both sides at the end. */
function neighbours(item: Item, sweep: number): Item[] {
  const { before, behind } = item;
  if (sweep >= SWEEPS) {
    return [...before, ...behind];
  }
  return sweep % 2 ? (behind.length ? behind : before) : before.length ? before : behind;
}
