/**
 * Layout of boxes and wires: the same steps as `core/picture/layout.py`, so that the live picture looks like the static one.
 *
 * The steps are columns, few crossings (barycenters, sweeping back and forth), heights near the mean of the neighbours', and
 * wires that go back below all boxes. A generator that pauses between sweeps lays out large flows piece by piece and never blocks
 * the page. (A library for layouts would be more than half of the widget's bundle, which each saved notebook carries.)
 */

import { columns, grid, parts, type Part } from './columns';
import type { Shape, ShapeWire } from '../model';
import { orderColumns } from './crossings';
import { SPACES, type Item, type Layout, type Size, type Spaces } from './geometry';
import { setHeights } from './heights';
import { Ports } from './ports';
import { Routes, type Placed } from './routes';
import { ROW, Rows } from './rows';

export { SPACES };

/**
 * Lay out a shape, cutting parts wider than `widest` into rows; an `aspect` widens the rows to about these proportions of the
 * whole.
 */
export function* layout(
  shape: Shape,
  sizes: Map<string, Size>,
  spaces: Spaces = SPACES,
  widest = Infinity,
  aspect = 0
): Generator<void, Layout> {
  const made: Layout = { nodes: new Map(), wires: new Map(), width: 0, height: 0 };
  const ports = new Ports(shape.wires);
  let top = 0;
  for (const part of parts(shape)) {
    const placed = new Placing(part, shape.wires, sizes, spaces, ports, made);
    yield* placed.place(top, widest, aspect);
    made.width = Math.max(made.width, placed.width);
    top = placed.bottom + spaces.gap;
  }
  made.height = Math.max(0, top - spaces.gap);
  return made;
}

class Placing implements Placed {
  width = 0;
  bottom = 0;
  readonly column: Map<string, number>;
  private readonly columns: Item[][];
  private readonly items = new Map<string, Item>();
  readonly passed = new Map<number, Item[]>();
  lefts: number[] = [];
  widths: number[] = [];
  rows: Rows;

  constructor(
    readonly part: Part,
    readonly wires: ShapeWire[],
    private readonly sizes: Map<string, Size>,
    readonly spaces: Spaces,
    readonly ports: Ports,
    readonly made: Layout
  ) {
    const mine = part.wires.map(i => wires[i]);
    this.column = mine.length ? columns(part.nodes, mine) : grid(part.nodes);
    this.columns = Array.from({ length: [...this.column.values()].reduce((a, b) => Math.max(a, b), -1) + 1 }, () => []);
    this.rows = new Rows([0], this.columns.length);
  }

  *place(top: number, widest: number, aspect: number): Generator<void> {
    this.fill();
    yield* orderColumns(this.columns);
    yield* setHeights(this.columns);
    this.lift(top);
    this.sides();
    if (this.width > widest && this.part.wires.length) {
      this.cut(top, widest, aspect);
    }
    for (const name of this.part.nodes) {
      const size = this.sizes.get(name)!;
      const item = this.items.get(name)!;
      this.made.nodes.set(name, { x: this.lefts[item.column], y: item.center - size.height / 2, ...size });
    }
    new Routes(this).route();
  }

  private forward(wire: ShapeWire): boolean {
    return this.column.get(wire.source)! < this.column.get(wire.target)!;
  }

  private add(node: string, wire: number, column: number, height: number): Item {
    const item = { node, wire, column, height, before: [], behind: [], center: 0, at: 0 };
    this.columns[column].push(item);
    return item;
  }

  private fill(): void {
    for (const name of this.part.nodes) {
      this.items.set(name, this.add(name, -1, this.column.get(name)!, this.sizes.get(name)!.height + this.spaces.gap));
    }
    for (const index of this.part.wires) {
      const wire = this.wires[index];
      if (!this.forward(wire)) {
        continue;
      }
      const end = this.items.get(wire.target)!;
      const way: Item[] = [];
      let last = this.items.get(wire.source)!;
      for (let column = last.column + 1; column <= end.column; column++) {
        const next = column === end.column ? end : this.add('', index, column, this.spaces.passage);
        last.behind.push(next);
        next.before.push(last);
        way.push(next);
        last = next;
      }
      this.passed.set(index, way.slice(0, -1));
    }
  }

  private lift(top: number): void {
    const edges = this.columns.flat().map(item => [item, item.wire < 0 ? (item.height - this.spaces.gap) / 2 : 0] as const);
    const shift = top - edges.reduce((least, [item, half]) => Math.min(least, item.center - half), Infinity);
    edges.forEach(([item]) => {
      item.center += shift;
    });
    this.bottom = edges.reduce((most, [item, half]) => Math.max(most, item.center + half), top);
  }

  private sides(): void {
    let at = 0;
    for (const column of this.columns) {
      const width = column.reduce((most, item) => (item.wire < 0 ? Math.max(most, this.sizes.get(item.node)!.width) : most), 0);
      this.lefts.push(at);
      this.widths.push(width);
      at += width + this.spaces.gutter;
    }
    this.width = at - this.spaces.gutter;
  }

  /** Put the columns into rows below each other. */
  private cut(top: number, widest: number, aspect: number): void {
    const limit = Math.max(widest, Math.sqrt(aspect * this.width * (this.bottom - top + ROW)));
    const per = Math.ceil(this.columns.length / Math.ceil(this.width / limit));
    this.rows = new Rows(
      Array.from({ length: Math.ceil(this.columns.length / per) }, (_, i) => i * per),
      this.columns.length
    );
    const ends = this.part.wires.map(i => [i, this.column.get(this.wires[i].source)!, this.column.get(this.wires[i].target)!]);
    ends
      .filter(([, source, target]) => source < target)
      .forEach(([i, source, target]) => this.rows.reserveForward(i, source, target));
    for (const [i, source, target] of ends) {
      if (source >= target && this.wires[i].source !== this.wires[i].target) {
        this.rows.reserveBack(i, source, target);
      }
    }
    this.width = 0;
    this.rows.firsts.forEach((first, row) => {
      const last = this.rows.end(row);
      const edges = this.columns
        .slice(first, last)
        .flat()
        .map(item => [item, item.wire < 0 ? this.sizes.get(item.node)!.height / 2 : 0] as const);
      const shift = top - edges.reduce((least, [item, half]) => Math.min(least, item.center - half), Infinity);
      edges.forEach(([item]) => {
        item.center += shift;
      });
      this.bottom = edges.reduce((most, [item, half]) => Math.max(most, item.center + half), -Infinity);
      this.rows.bottoms.push(this.bottom);
      top = this.bottom + this.rows.gap(row);
      this.width = Math.max(this.width, this.lefts[last - 1] + this.widths[last - 1] - this.lefts[first]);
    });
    this.lefts = this.lefts.map((left, column) => left - this.lefts[this.rows.firsts[this.rows.of(column)]]);
  }
}
