/** Places for nodes and wires, from left to right. */

import { graphlib, layout as arrange } from '@dagrejs/dagre';
import type { Shape } from './model';

export interface Box { x: number; y: number; width: number; height: number }
export interface Point { x: number; y: number }
export interface Layout {
  nodes: Map<string, Box>;
  wires: Map<string, Point[]>;
  width: number;
  height: number;
}

export const NODE_HEIGHT = 52;
const MIN_WIDTH = 132;
const MAX_WIDTH = 260;
/** Wide enough for the name in the 13 px font, with room for badge and dots; names that are longer are cut with an ellipsis. */
const WIDTH_PER_CHARACTER = 7.6;

export function widthOf(id: string): number {
  return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, 64 + id.length * WIDTH_PER_CHARACTER));
}

/** Takes 0.6 s at 500 nodes, so it is done when the shape changes and never for a snapshot. */
export function layout(shape: Shape): Layout {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 84, edgesep: 14, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of shape.nodes) {
    graph.setNode(node.id, { width: widthOf(node.id), height: NODE_HEIGHT });
  }
  for (const wire of shape.wires) {
    graph.setEdge(wire.source, wire.target, { width: 56, height: 14, labelpos: 'c' }, wire.name);
  }
  arrange(graph);
  return read(graph, shape);
}

function read(graph: graphlib.Graph, shape: Shape): Layout {
  const nodes = new Map<string, Box>();
  for (const { id } of shape.nodes) {
    const { x, y, width, height } = graph.node(id);
    nodes.set(id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const wires = new Map<string, Point[]>();
  for (const wire of shape.wires) {
    const found = graph.edge(wire.source, wire.target, wire.name) as { points?: Point[] };
    wires.set(wire.name, ends(found?.points ?? [], nodes.get(wire.source)!, nodes.get(wire.target)!));
  }
  const { width = 0, height = 0 } = graph.graph();
  return { nodes, wires, width, height };
}

/** A wire leaves in the middle of the right side and arrives in the middle of the left side, where the dots are. */
function ends(points: Point[], from: Box, to: Box): Point[] {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height / 2 };
  return [start, ...points.slice(1, -1), end];
}

/** A smooth path through the points. */
export function path(points: Point[]): string {
  const [first, ...rest] = points;
  let text = `M${first.x},${first.y}`;
  let last = first;
  for (const point of rest) {
    const bend = Math.max(18, Math.abs(point.x - last.x) / 2) * (point.x < last.x ? -1 : 1);
    text += `C${last.x + bend},${last.y} ${point.x - bend},${point.y} ${point.x},${point.y}`;
    last = point;
  }
  return text;
}

/** The middle of a wire, for its label. */
export function middle(points: Point[]): Point {
  if (points.length % 2) {
    return points[(points.length - 1) / 2];
  }
  const [a, b] = [points[points.length / 2 - 1], points[points.length / 2]];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
