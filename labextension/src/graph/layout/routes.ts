/** Routes of the wires of a part whose boxes have their places. */

import type { ShapeWire } from '../model';
import type { Part } from './columns';
import type { Item, Layout, Point, Spaces } from './geometry';
import type { Ports } from './ports';
import { ROW, type Rows } from './rows';

/** Part of a flow whose boxes have their places. */
export interface Placed {
  readonly part: Part;
  /** All wires of the flow; those of the part are indices into this list. */
  readonly wires: ShapeWire[];
  /** Column of each node. */
  readonly column: Map<string, number>;
  readonly rows: Rows;
  /** Left side and width of each column. */
  readonly lefts: number[];
  readonly widths: number[];
  /** Items of each wire in the columns that the wire passes. */
  readonly passed: Map<number, Item[]>;
  readonly spaces: Spaces;
  readonly ports: Ports;
  readonly made: Layout;
  /** Lower edge of the part, lowered by routes below all boxes. */
  bottom: number;
}

export class Routes {
  constructor(private readonly placed: Placed) {}

  /** Route all wires of the part. */
  route(): void {
    const { part, wires, rows } = this.placed;
    const far: Array<[number, ShapeWire]> = [];
    for (const index of part.wires) {
      const wire = wires[index];
      if (this.start(wire) < this.end(wire)) {
        if (rows.of(this.start(wire)) === rows.of(this.end(wire))) {
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
    if (rows.firsts.length > 1) {
      far.forEach(([index, wire]) => this.set(wire, this.returned(index, wire), true));
      this.placed.bottom += far.length ? rows.gap(rows.firsts.length - 1) - ROW : 0;
      return;
    }
    this.lanes(far.map(([, wire]) => wire).sort((a, b) => this.span(a) - this.span(b)));
  }

  private set(wire: ShapeWire, points: Point[], back: boolean): void {
    this.placed.made.wires.set(wire.name, { points, back });
  }

  /** Return the column in which a wire starts. */
  private start(wire: ShapeWire): number {
    return this.placed.column.get(wire.source)!;
  }

  /** Return the column in which a wire ends. */
  private end(wire: ShapeWire): number {
    return this.placed.column.get(wire.target)!;
  }

  private span(wire: ShapeWire): number {
    return this.start(wire) - this.end(wire);
  }

  /** Route wires below all boxes: short routes above long ones, several in one lane if their ranges do not meet. */
  private lanes(far: ShapeWire[]): void {
    const lanes: Array<Array<[number, number]>> = [];
    const top = this.placed.bottom + this.placed.spaces.gap / 2 + 4;
    for (const wire of far) {
      const [first, last] = [this.end(wire), this.start(wire)];
      const free = lanes.findIndex(taken => taken.every(([a, b]) => last < a || b < first));
      const lane = free < 0 ? lanes.push([]) - 1 : free;
      lanes[lane].push([first, last]);
      this.loop(wire, top + this.placed.spaces.lane * lane, (lane % 5) * 4);
    }
    if (lanes.length) {
      this.placed.bottom = top + this.placed.spaces.lane * (lanes.length - 1);
    }
  }

  private exit(wire: ShapeWire): Point {
    const box = this.placed.made.nodes.get(wire.source)!;
    return { x: box.x + box.width, y: box.y + this.placed.ports.place(wire, 'out') * box.height };
  }

  private entry(wire: ShapeWire): Point {
    const box = this.placed.made.nodes.get(wire.target)!;
    return { x: box.x, y: box.y + this.placed.ports.place(wire, 'in') * box.height };
  }

  private passages(index: number, wire: ShapeWire): Point[] {
    const column = this.start(wire);
    const { passed, lefts } = this.placed;
    const points = [{ x: this.edge(column), y: this.exit(wire).y }]; // a box may be narrower than its column
    for (const { column: at, center: y } of passed.get(index)!) {
      points.push({ x: lefts[at], y }, { x: this.edge(at), y });
    }
    return points;
  }

  /** Route a wire level from column to column, and from the end of a row through the gap below to the beginning of the next. */
  private wrapped(index: number, wire: ShapeWire): Point[] {
    const [points, end] = [[this.exit(wire)], this.entry(wire)];
    const { rows, lefts, spaces } = this.placed;
    const passed = this.placed.passed.get(index)!;
    const first = this.start(wire) + 1;
    for (let column = first; column <= this.end(wire); column++) {
      const y = column - first < passed.length ? passed[column - first].center : end.y;
      const row = rows.of(column);
      const before = points[points.length - 1].y;
      if (row === rows.of(column - 1)) {
        const x = lefts[column] - spaces.gutter / 2;
        points.push({ x, y: before }, { x, y });
      } else {
        points.push(...this.turn(index, row - 1, before, this.right(column - 1), -14, y));
      }
    }
    return [...points, end];
  }

  /** Route a wire through the gap below its own row and, to another row, by the margin to the gap below the row of its end. */
  private returned(index: number, wire: ShapeWire): Point[] {
    const { rows } = this.placed;
    const [start, end] = [this.exit(wire), this.entry(wire)];
    const [row, goal] = [rows.of(this.start(wire)), rows.of(this.end(wire))];
    const right = this.right(this.start(wire));
    if (row === goal) {
      return [start, ...this.turn(index, row, start.y, right, end.x - 14, end.y), end];
    }
    const lane = rows.lane(index, goal);
    const left = end.x - 14 - rows.offset(index, goal);
    return [start, ...this.turn(index, row, start.y, right, -14, lane), { x: left, y: lane }, { x: left, y: end.y }, end];
  }

  /** Return the right edge of a column. */
  private edge(column: number): number {
    return this.placed.lefts[column] + this.placed.widths[column];
  }

  private right(column: number): number {
    return this.edge(column) + 12;
  }

  private turn(index: number, row: number, y: number, right: number, left: number, to: number): Point[] {
    const { rows } = this.placed;
    const [lane, offset] = [rows.lane(index, row), rows.offset(index, row)];
    return [
      { x: right + offset, y },
      { x: right + offset, y: lane },
      { x: left - offset, y: lane },
      { x: left - offset, y: to }
    ];
  }

  /** Route a wire close around its own node, in the gap below the node. */
  private ring(wire: ShapeWire): void {
    const box = this.placed.made.nodes.get(wire.source)!;
    const y = box.y + box.height + this.placed.spaces.gap / 2 - 2;
    this.placed.bottom = Math.max(this.placed.bottom, y);
    this.around(wire, box.x + box.width + 10, box.x - 12, y);
  }

  private loop(wire: ShapeWire, y: number, offset: number): void {
    const column = this.start(wire);
    this.around(wire, this.right(column) + offset, this.entry(wire).x - 14 - offset, y);
  }

  private around(wire: ShapeWire, right: number, left: number, y: number): void {
    const [start, end] = [this.exit(wire), this.entry(wire)];
    this.set(wire, [start, { x: right, y: start.y }, { x: right, y }, { x: left, y }, { x: left, y: end.y }, end], true);
  }
}
