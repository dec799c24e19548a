/** Drawing from a shape: sizes and positions of cards, routes of wires, and labels of wires without overlaps. */

import type { Box, Layout, Point, Route, Size, Spaces } from './geometry';
import { layout } from './layout';
import type { Shape } from '../model';
import { Ports } from './ports';
import { width } from '../pictures/text';

/** Path of a wire and place of its label; the label of a quiet wire is shown only under the pointer. */
export interface WirePath {
  path: string;
  label: Point;
  quiet: boolean;
}
/** Places of all nodes and paths of all wires. */
export interface Drawing extends Size {
  vertical: boolean;
  ports: Ports;
  nodes: Map<string, Box>;
  wires: Map<string, WirePath>;
}

/** Height of a node in CSS pixels, unless its ports need more. */
export const CARD_HEIGHT = 52;
const NARROWEST = 152;
const WIDEST = 264;
/** Pixels for one port along a side. */
const PORT = 15;
/** CSS pixels kept free around the drawing. */
export const MARGIN = 32;
const ACROSS: Spaces = { gap: 30, passage: 16, gutter: 100, lane: 18 };
const DOWN: Spaces = { gap: 26, passage: 16, gutter: 64, lane: 18 };
/** Width in pixels above which flows stand in rows, and their proportions: about those of the view, so that texts can be read. */
const ROOM = 1000;
const ASPECT = 2.4;
const LABEL: Size = { width: 50, height: 28 };

/** Make the drawing, pausing now and then for callers that run in pieces. `vertical`: from top to bottom, for narrow views. */
export function* makeDrawing(shape: Shape, vertical: boolean): Generator<void, Drawing> {
  const ports = new Ports(shape.wires);
  const sizes = new Map(shape.nodes.map(n => [n.id, card(n.id, ports, vertical)]));
  yield;
  const flat = vertical ? new Map([...sizes].map(([id, s]) => [id, transposed(s)])) : sizes;
  const place = yield* layout(shape, flat, vertical ? DOWN : ACROSS, vertical ? Infinity : ROOM, ASPECT);
  const nodes = new Map([...place.nodes].map(([id, box]) => [id, vertical ? transposedBox(box) : box]));
  yield;
  const wires = yield* wirePaths(place, nodes, vertical);
  return { ...(vertical ? transposed(place) : { width: place.width, height: place.height }), vertical, ports, nodes, wires };
}

/** Run a generator to its end at once, or in pieces of a few milliseconds; false from `alive` stops the work. */
export function runInPieces<T>(
  work: Generator<void, T>,
  done: (made: T) => void,
  inPieces: boolean,
  alive: () => boolean = () => true
): void {
  const until = performance.now() + (inPieces ? 8 : Infinity);
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) {
      done(step.value);
      return;
    }
    if (performance.now() > until) {
      setTimeout(() => {
        if (alive()) {
          runInPieces(work, done, true, alive);
        }
      });
      return;
    }
  }
}

function card(id: string, ports: Ports, vertical: boolean): Size {
  const most = (Math.max(ports.of(id, 'in').length, ports.of(id, 'out').length) + 1) * PORT;
  const wide = Math.min(WIDEST, Math.max(NARROWEST, Math.ceil(width(id, 'name')) + 66));
  return vertical ? { width: Math.max(wide, most), height: CARD_HEIGHT } : { width: wide, height: Math.max(CARD_HEIGHT, most) };
}

const transposed = ({ width: a, height: b }: Size): Size => ({ width: b, height: a });
const transposedPoint = ({ x, y }: Point): Point => ({ x: y, y: x });
const transposedBox = (box: Box): Box => ({ ...transposed(box), ...transposedPoint(box) });

function* wirePaths(place: Layout, nodes: Map<string, Box>, vertical: boolean): Generator<void, Map<string, WirePath>> {
  const found = new Map<string, WirePath>();
  const covered = new CoveredAreas(nodes.values());
  for (const [name, { points, back }] of place.wires) {
    const turnedPoints = vertical ? points.map(transposedPoint) : points;
    const spots = labels({ points: turnedPoints, back });
    const free = spots.find(at => covered.free(at));
    if (free) {
      covered.take(free);
    }
    found.set(name, { path: path({ points: turnedPoints, back }, vertical), label: free ?? spots[0], quiet: !free });
    if (found.size % 64 === 0) {
      yield;
    }
  }
  return found;
}

/** Return the path of a wire: straight within pairs of points, curved between pairs; routes back have round corners. */
export function path({ points: given, back }: Route, vertical: boolean): string {
  const points = given.map(({ x, y }) => ({ x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10 }));
  const [start] = points;
  if (back) {
    return rounded(points);
  }
  let text = `M${start.x},${start.y}`;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    if (i % 2) {
      text += `L${b.x},${b.y}`;
    } else {
      const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
      text += vertical ? `C${a.x},${my} ${b.x},${my} ${b.x},${b.y}` : `C${mx},${a.y} ${mx},${b.y} ${b.x},${b.y}`;
    }
  }
  return text;
}

function rounded(points: Point[]): string {
  let text = `M${points[0].x},${points[0].y}`;
  for (let i = 1; i < points.length - 1; i++) {
    const [a, corner, b] = [points[i - 1], points[i], points[i + 1]];
    const from = towards(corner, a),
      to = towards(corner, b);
    text += `L${from.x},${from.y}Q${corner.x},${corner.y} ${to.x},${to.y}`;
  }
  const end = points[points.length - 1];
  return `${text}L${end.x},${end.y}`;
}

/** Return a point near the corner, in the direction of another point. */
function towards(corner: Point, other: Point): Point {
  const far = Math.hypot(other.x - corner.x, other.y - corner.y);
  const part = far ? Math.min(7, far / 2) / far : 0;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}

/** Return the points where a label may stand: the middles of curves, of straight pieces between, or of the route back. */
function labels({ points, back }: Route): Point[] {
  const between = (i: number, part = 0.5) => ({
    x: points[i].x + (points[i + 1].x - points[i].x) * part,
    y: points[i].y + (points[i + 1].y - points[i].y) * part
  });
  if (back) {
    return [between(2), between(2, 0.25), between(2, 0.75)];
  }
  const bends = [];
  for (let i = 1; i < points.length - 1; i += 2) {
    bends.push(between(i), ...(i + 1 < points.length - 1 ? [between(i + 1)] : []));
  }
  return bends;
}

/** Index of covered areas by cells, so that the time of a look-up does not depend on the number of areas. */
class CoveredAreas {
  private readonly cells = new Map<string, Box[]>();

  constructor(boxes: Iterable<Box>) {
    for (const box of boxes) {
      this.add(box);
    }
  }

  free(at: Point): boolean {
    const box = labelBox(at);
    return cellsOf(box).every(key => (this.cells.get(key) ?? []).every(other => !overlap(box, other)));
  }

  take(at: Point): void {
    this.add(labelBox(at));
  }

  private add(box: Box): void {
    for (const key of cellsOf(box)) {
      const there = this.cells.get(key);
      if (there) {
        there.push(box);
      } else {
        this.cells.set(key, [box]);
      }
    }
  }
}

const CELL = 128;

function labelBox({ x, y }: Point): Box {
  return { x: x - LABEL.width / 2, y: y - LABEL.height / 2, ...LABEL };
}

function cellsOf(box: Box): string[] {
  const keys = [];
  for (let i = Math.floor(box.x / CELL); i <= (box.x + box.width) / CELL; i++) {
    for (let j = Math.floor(box.y / CELL); j <= (box.y + box.height) / CELL; j++) {
      keys.push(`${i},${j}`);
    }
  }
  return keys;
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
