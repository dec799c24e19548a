/**
 * Layout of boxes and wires: the same steps as `core/picture/layout.py`, so that the live picture looks like the static one.
 *
 * The steps are columns, few crossings (barycenters, sweeping back and forth), heights near the mean of the neighbours', and
 * wires that go back below all boxes. A generator that pauses between sweeps lays out large flows piece by piece and never blocks
 * the page. (A library for layouts would be more than half of the widget's bundle, which each saved notebook carries.)
 */

import { columns, grid, parts, type Part } from './columns';
import type { Shape, ShapeWire } from '../model';
import { Ports } from './ports';
import { ROW, Rows } from './rows';

export interface Point { x: number; y: number }
export interface Size { width: number; height: number }
export interface Box extends Point, Size {}
export interface Route {
  /** Forward: pairs of points with a straight line between, then the end. Back, or to another row: the corners of the route. */
  points: Point[];
  back: boolean;
}
export interface Layout extends Size {
  nodes: Map<string, Box>;
  wires: Map<string, Route>;
}
export interface Spaces { gap: number; passage: number; gutter: number; lane: number }

export const SPACES: Spaces = { gap: 26, passage: 14, gutter: 76, lane: 16 };
const SWEEPS = 8;

/**
 * Lay out a shape, cutting parts wider than `widest` into rows; an `aspect` widens the rows to about these proportions of the
 * whole.
 */
export function* layout(shape: Shape, sizes: Map<string, Size>, spaces: Spaces = SPACES, widest = Infinity, aspect = 0): Generator<void, Layout> {
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

/** Node, or wire (`wire` is its index) that passes a column. */
interface Item { node: string; wire: number; column: number; height: number; before: Item[]; behind: Item[]; center: number; at: number }

class Placing {
  width = 0;
  bottom = 0;
  private readonly column: Map<string, number>;
  private readonly columns: Item[][];
  private readonly items = new Map<string, Item>();
  private readonly passed = new Map<number, Item[]>();
  private lefts: number[] = [];
  private widths: number[] = [];
  private rows: Rows;

  constructor(private readonly part: Part, private readonly all: ShapeWire[], private readonly sizes: Map<string, Size>,
    private readonly spaces: Spaces, private readonly ports: Ports, private readonly made: Layout) {
    const wires = part.wires.map(i => all[i]);
    this.column = wires.length ? columns(part.nodes, wires) : grid(part.nodes);
    this.columns = Array.from({ length: [...this.column.values()].reduce((a, b) => Math.max(a, b), -1) + 1 }, () => []);
    this.rows = new Rows([0], this.columns.length);
  }

  *place(top: number, widest: number, aspect: number): Generator<void> {
    this.fill();
    yield* this.order();
    yield* this.heights();
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
    this.route();
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
      const wire = this.all[index];
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

  private *order(): Generator<void> {
    let best = this.columns.map(c => [...c]);
    let fewest = this.crossings();
    for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
      this.sweep(sweep % 2 === 0);
      yield;
      const crossings = this.crossings();
      if (crossings < fewest) {
        best = this.columns.map(c => [...c]);
        fewest = crossings;
      }
      yield;
    }
    this.columns.splice(0, this.columns.length, ...best);
  }

  private sweep(forward: boolean): void {
    const count = this.columns.length;
    for (let i = 1; i < count; i++) {
      const [fixed, free] = forward ? [i - 1, i] : [count - i, count - i - 1];
      this.columns[fixed].forEach((item, at) => { item.at = at; });
      const means = new Map(this.columns[free].map((item, at) => [item, mean((forward ? item.before : item.behind).map(n => n.at), at)]));
      this.columns[free].sort((a, b) => means.get(a)! - means.get(b)!);
    }
  }

  private crossings(): number {
    let count = 0;
    for (let i = 1; i < this.columns.length; i++) {
      this.columns[i].forEach((item, at) => { item.at = at; });
      // a Fenwick tree counts, for each end, the earlier ends that lie beyond
      const neighbours = new Array<number>(this.columns[i].length + 1).fill(0);
      let all = 0;
      for (const item of this.columns[i - 1]) {
        for (const { at } of item.behind) {
          let upTo = 0;
          for (let k = at + 1; k > 0; k -= k & -k) { upTo += neighbours[k]; }
          count += all - upTo;
        }
        for (const { at } of item.behind) {
          all++;
          for (let k = at + 1; k < neighbours.length; k += k & -k) { neighbours[k]++; }
        }
      }
    }
    return count;
  }

  private *heights(): Generator<void> {
    this.columns.forEach(column => this.settle(column, () => 0));
    for (let sweep = 0; sweep < SWEEPS * 2; sweep++) {
      for (const column of sweep % 2 ? [...this.columns].reverse() : this.columns) {
        const wanted = new Map(column.map(item => [item, mean(neighbours(item, sweep).map(n => n.center), item.center)]));
        this.settle(column, item => wanted.get(item)!);
      }
      yield;
    }
  }

  /** Find the positions nearest to the wanted ones that keep the order and the distances (pool adjacent violators). */
  private settle(column: Item[], wanted: (item: Item) => number): void {
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
    column.forEach((item, i) => { item.center = Math.round((starts[i] + offsets[i]) * 10) / 10; });
  }

  private lift(top: number): void {
    const edges = this.columns.flat().map(item => [item, item.wire < 0 ? (item.height - this.spaces.gap) / 2 : 0] as const);
    const shift = top - edges.reduce((least, [item, half]) => Math.min(least, item.center - half), Infinity);
    edges.forEach(([item]) => { item.center += shift; });
    this.bottom = edges.reduce((most, [item, half]) => Math.max(most, item.center + half), top);
  }

  private sides(): void {
    let at = 0;
    for (const column of this.columns) {
      const width = column.reduce((most, item) => item.wire < 0 ? Math.max(most, this.sizes.get(item.node)!.width) : most, 0);
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
    this.rows = new Rows(Array.from({ length: Math.ceil(this.columns.length / per) }, (_, i) => i * per), this.columns.length);
    const ends = this.part.wires.map(i => [i, this.column.get(this.all[i].source)!, this.column.get(this.all[i].target)!]);
    ends.filter(([, source, target]) => source < target).forEach(([i, source, target]) => this.rows.reserveForward(i, source, target));
    for (const [i, source, target] of ends) {
      if (source >= target && this.all[i].source !== this.all[i].target) {
        this.rows.reserveBack(i, source, target);
      }
    }
    this.width = 0;
    this.rows.firsts.forEach((first, row) => {
      const last = this.rows.end(row);
      const edges = this.columns.slice(first, last).flat().map(item => [item, item.wire < 0 ? this.sizes.get(item.node)!.height / 2 : 0] as const);
      const shift = top - edges.reduce((least, [item, half]) => Math.min(least, item.center - half), Infinity);
      edges.forEach(([item]) => { item.center += shift; });
      this.bottom = edges.reduce((most, [item, half]) => Math.max(most, item.center + half), -Infinity);
      this.rows.bottoms.push(this.bottom);
      top = this.bottom + this.rows.gap(row);
      this.width = Math.max(this.width, this.lefts[last - 1] + this.widths[last - 1] - this.lefts[first]);
    });
    this.lefts = this.lefts.map((left, column) => left - this.lefts[this.rows.firsts[this.rows.of(column)]]);
  }

  // --- wires

  private route(): void {
    const far: Array<[number, ShapeWire]> = [];
    for (const index of this.part.wires) {
      const wire = this.all[index];
      if (this.forward(wire)) {
        if (this.rows.of(this.column.get(wire.source)!) === this.rows.of(this.column.get(wire.target)!)) {
          this.set(wire, [this.exit(wire), ...this.passages(index, wire), this.entry(wire)], false);
        } else {
          this.set(wire, this.wrapped(index, wire), true);
        }
      } else if (wire.source === wire.target) {
        this.ring(wire);
      } else {
        far.push([index, wire]);
      }
    }
    if (this.rows.firsts.length > 1) {
      far.forEach(([index, wire]) => this.set(wire, this.returned(index, wire), true));
      this.bottom += far.length ? this.rows.gap(this.rows.firsts.length - 1) - ROW : 0;
      return;
    }
    this.lanes(far.map(([, wire]) => wire).sort((a, b) => this.span(a) - this.span(b)));
  }

  private set(wire: ShapeWire, points: Point[], back: boolean): void {
    this.made.wires.set(wire.name, { points, back });
  }

  private span(wire: ShapeWire): number {
    return this.column.get(wire.source)! - this.column.get(wire.target)!;
  }

  /** Route wires below all boxes: short routes above long ones, several in one lane if their ranges do not meet. */
  private lanes(far: ShapeWire[]): void {
    const lanes: Array<Array<[number, number]>> = [];
    const top = this.bottom + this.spaces.gap / 2 + 4;
    for (const wire of far) {
      const [first, last] = [this.column.get(wire.target)!, this.column.get(wire.source)!];
      const free = lanes.findIndex(taken => taken.every(([a, b]) => last < a || b < first));
      const lane = free < 0 ? lanes.push([]) - 1 : free;
      lanes[lane].push([first, last]);
      this.loop(wire, top + this.spaces.lane * lane, lane % 5 * 4);
    }
    if (lanes.length) {
      this.bottom = top + this.spaces.lane * (lanes.length - 1);
    }
  }

  private exit(wire: ShapeWire): Point {
    const box = this.made.nodes.get(wire.source)!;
    return { x: box.x + box.width, y: box.y + this.ports.place(wire, 'out') * box.height };
  }

  private entry(wire: ShapeWire): Point {
    const box = this.made.nodes.get(wire.target)!;
    return { x: box.x, y: box.y + this.ports.place(wire, 'in') * box.height };
  }

  private passages(index: number, wire: ShapeWire): Point[] {
    const column = this.column.get(wire.source)!;
    const points = [{ x: this.lefts[column] + this.widths[column], y: this.exit(wire).y }]; // a box may be narrower than its column
    for (const { column: at, center: y } of this.passed.get(index)!) {
      points.push({ x: this.lefts[at], y }, { x: this.lefts[at] + this.widths[at], y });
    }
    return points;
  }

  /** Route a wire level from column to column, and from the end of a row through the gap below to the beginning of the next. */
  private wrapped(index: number, wire: ShapeWire): Point[] {
    const [points, end] = [[this.exit(wire)], this.entry(wire)];
    const passed = this.passed.get(index)!;
    const first = this.column.get(wire.source)! + 1;
    for (let column = first; column <= this.column.get(wire.target)!; column++) {
      const y = column - first < passed.length ? passed[column - first].center : end.y;
      const row = this.rows.of(column);
      const before = points[points.length - 1].y;
      if (row === this.rows.of(column - 1)) {
        const x = this.lefts[column] - this.spaces.gutter / 2;
        points.push({ x, y: before }, { x, y });
      } else {
        points.push(...this.turn(index, row - 1, before, this.right(column - 1), -14, y));
      }
    }
    return [...points, end];
  }

  /** Route a wire through the gap below its own row and, to another row, by the margin to the gap below the row of its end. */
  private returned(index: number, wire: ShapeWire): Point[] {
    const [start, end] = [this.exit(wire), this.entry(wire)];
    const [row, goal] = [this.rows.of(this.column.get(wire.source)!), this.rows.of(this.column.get(wire.target)!)];
    const right = this.right(this.column.get(wire.source)!);
    if (row === goal) {
      return [start, ...this.turn(index, row, start.y, right, end.x - 14, end.y), end];
    }
    const lane = this.rows.lane(index, goal);
    const left = end.x - 14 - this.rows.offset(index, goal);
    return [start, ...this.turn(index, row, start.y, right, -14, lane), { x: left, y: lane }, { x: left, y: end.y }, end];
  }

  private right(column: number): number {
    return this.lefts[column] + this.widths[column] + 12;
  }

  private turn(index: number, row: number, y: number, right: number, left: number, to: number): Point[] {
    const [lane, offset] = [this.rows.lane(index, row), this.rows.offset(index, row)];
    return [{ x: right + offset, y }, { x: right + offset, y: lane }, { x: left - offset, y: lane }, { x: left - offset, y: to }];
  }

  /** Route a wire close around its own node, in the gap below the node. */
  private ring(wire: ShapeWire): void {
    const box = this.made.nodes.get(wire.source)!;
    const y = box.y + box.height + this.spaces.gap / 2 - 2;
    this.bottom = Math.max(this.bottom, y);
    this.around(wire, box.x + box.width + 10, box.x - 12, y);
  }

  private loop(wire: ShapeWire, y: number, offset: number): void {
    const column = this.column.get(wire.source)!;
    this.around(wire, this.lefts[column] + this.widths[column] + 12 + offset, this.entry(wire).x - 14 - offset, y);
  }

  private around(wire: ShapeWire, right: number, left: number, y: number): void {
    const [start, end] = [this.exit(wire), this.entry(wire)];
    this.set(wire, [start, { x: right, y: start.y }, { x: right, y }, { x: left, y }, { x: left, y: end.y }, end], true);
  }
}

/** Return the neighbours to align with: those of one side while sweeping, of both sides at the end. */
function neighbours(item: Item, sweep: number): Item[] {
  const { before, behind } = item;
  if (sweep >= SWEEPS) {
    return [...before, ...behind];
  }
  return sweep % 2 ? (behind.length ? behind : before) : before.length ? before : behind;
}

function mean(values: number[], otherwise: number): number {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : otherwise;
}
