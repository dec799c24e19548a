/** Pictures of all nodes and wires of a drawing, made in pieces, so that the page is never blocked. */

import type { Box } from '../geometry';
import type { Shape } from '../model';
import { NodePicture } from './node';
import { portsOf, type Drawing } from '../drawing';
import { WirePicture } from './wire';

/** Pictures by name of the node or wire. */
export interface Pictures {
  nodes: Map<string, NodePicture>;
  wires: Map<string, WirePicture>;
}

/** Make the pictures, pausing after each. */
export function* makePictures(
  shape: Shape,
  drawing: Drawing,
  events: ConstructorParameters<typeof NodePicture>[4]
): Generator<void, Pictures> {
  const { wires: paths, nodes: boxes, vertical } = drawing;
  const ports = portsOf(shape.wires, drawing);
  const wires = new Map<string, WirePicture>();
  const nodes = new Map<string, NodePicture>();
  for (const wire of shape.wires) {
    wires.set(wire.name, new WirePicture(wire, paths.get(wire.name)!));
    yield;
  }
  for (const node of shape.nodes) {
    nodes.set(node.id, new NodePicture(node, boxes.get(node.id)!, ports, vertical, events));
    yield;
  }
  return { nodes, wires };
}

/** Put the pictures into the page, wires below nodes. */
export function* attachPictures({ nodes, wires }: Pictures, canvas: Element): Generator<void, void> {
  const all = [...wires.values(), ...nodes.values()].map(made => made.group);
  for (let i = 0; i < all.length; i += 100) {
    canvas.append(...all.slice(i, i + 100));
    yield;
  }
}

/** Return the box where reading begins: the first node with outputs and no inputs; in a circle the first node. */
export function startOf({ nodes, wires }: Shape, drawing: Drawing): Box {
  const [sources, targets] = [new Set(wires.map(w => w.source)), new Set(wires.map(w => w.target))];
  const start = nodes.find(({ id }) => sources.has(id) && !targets.has(id)) ?? nodes[0];
  return drawing.nodes.get(start?.id) ?? { x: 0, y: 0, width: 0, height: 0 };
}
