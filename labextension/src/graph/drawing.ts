/** Drawing of a flow: boxes, paths and labels at the positions that Python computed (`core/picture/page.py`). */

import type { PageLayout } from '../wire';
import type { Box, Point, Size } from './geometry';
import type { ShapeWire, Side } from './model';

/** Path of a wire and place of its label; the label of a quiet wire is shown only under the pointer. */
export interface WirePath {
  path: string;
  label: Point;
  quiet: boolean;
  /** Where the wire leaves its source and meets its target. */
  ends: { out: Point; in: Point };
}
/** Positions of all nodes and paths of all wires. */
export interface Drawing extends Size {
  vertical: boolean;
  nodes: Map<string, Box>;
  wires: Map<string, WirePath>;
}
/** Port of a node, at a point relative to the node's box. */
export interface PortAt extends Point {
  name: string;
}
/** Ports by node, in the order of the wires. */
export type Ports = Record<Side, Map<string, PortAt[]>>;

/** CSS pixels kept free around the drawing. */
export const MARGIN = 32;
/** Radius in pixels of the corners of a path. */
const ROUND = 7;

/** Make the drawing of a layout, pausing now and then for callers that run in pieces. */
export function* makeDrawing(layout: PageLayout): Generator<void, Drawing> {
  const { width, height, vertical = false } = layout;
  const nodes = new Map(layout.boxes.map(([id, x, y, w, h]) => [id, { x, y, width: w, height: h }]));
  const wires = new Map<string, WirePath>();
  for (const [name, flat, back, [x, y], quiet] of layout.wires) {
    const points = pointsOf(flat);
    const ends = { out: points[0], in: points[points.length - 1] };
    wires.set(name, { path: back ? rounded(points) : curved(points, vertical), label: { x, y }, quiet, ends });
    if (wires.size % 64 === 0) {
      yield;
    }
  }
  return { width, height, vertical, nodes, wires };
}

function pointsOf(flat: number[]): Point[] {
  return Array.from({ length: flat.length >> 1 }, (_, i) => ({ x: flat[2 * i], y: flat[2 * i + 1] }));
}

/** Return the path through pairs of points: straight within a pair, curved between pairs. */
function curved(points: Point[], vertical: boolean): string {
  let text = `M${points[0].x},${points[0].y}`;
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

/** Return the straight path through corners, which are rounded. */
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
  const part = far ? Math.min(ROUND, far / 2) / far : 0;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}

/** Return the ports of the nodes: where the wires end. */
export function portsOf(wires: ShapeWire[], drawing: Drawing): Ports {
  const ports: Ports = { in: new Map(), out: new Map() };
  const add = (side: Side, node: string, name: string, at: Point) => {
    const [known, box] = [ports[side].get(node) ?? [], drawing.nodes.get(node)!];
    ports[side].set(node, known);
    if (!known.some(port => port.name === name)) {
      known.push({ name, x: at.x - box.x, y: at.y - box.y });
    }
  };
  for (const wire of wires) {
    const { ends } = drawing.wires.get(wire.name)!;
    add('out', wire.source, wire.sourcePort, ends.out);
    add('in', wire.target, wire.targetPort, ends.in);
  }
  return ports;
}
