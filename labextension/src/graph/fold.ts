/**
 * Folding of large live flows: neighbouring columns are drawn as one box each until unfolded, as `core/picture/fold.py` does for
 * still pictures.
 */

import type { HeldMessage, NodeView, View, WireView } from '../wire';
import { columns, parts } from './layout/columns';
import { grouped, type BreakMark, type Shape, type ShapeWire } from './model';

/** Maximum number of nodes of a flow that is not folded. */
const MOST = 120;
/** Number of boxes that a flow is folded into, about. */
const GROUPS = 48;
/** Maximum number of nodes in a box. */
const LARGEST = 48;
/** Statuses by rank: several nodes have the first status that any of the nodes has. */
const STATUSES = ['failed', 'refused', 'held', 'full', 'busy', 'loading'];
const SUMS = ['taken', 'given', 'failed', 'depth', 'held', 'dropped', 'unfinished'] as const;

export class Fold {
  private full: Shape = { name: '', nodes: [], wires: [] };
  private groups = new Map<string, string[]>();
  private readonly unfolded = new Set<string>();
  /** Box of each node: its own, or that of its group. */
  private boxes = new Map<string, string>();

  private cache: { of: BreakMark[] | null; by: Map<string, BreakMark[]> } = { of: null, by: new Map() };

  /** `on`: true to fold large flows. */
  constructor(private on: boolean) {}

  set shape(shape: Shape) {
    this.full = shape;
    this.groups = shape.nodes.length > MOST ? groupsOf(shape) : new Map();
    this.box();
  }

  /** True if the flow is large enough to be folded. */
  get large(): boolean {
    return this.groups.size > 0;
  }

  get folded(): boolean {
    return this.on;
  }

  /** Return the nodes in a box; undefined for a box of one. */
  inside(box: string): string[] | undefined {
    return this.on && !this.unfolded.has(box) ? this.groups.get(box) : undefined;
  }

  /** Return the group that a node was unfolded from. */
  groupOf(node: string): string | undefined {
    return [...this.unfolded].find(box => this.on && this.groups.get(box)?.includes(node));
  }

  /** Return the box that stands for a node. */
  boxOf(node: string): string {
    return this.boxes.get(node) ?? node;
  }

  /** Draw the nodes of a box separately, or as one box again. */
  set(box: string, folded: boolean): void {
    if (folded) {
      this.unfolded.delete(box);
    } else {
      this.unfolded.add(box);
    }
    this.box();
  }

  /** Fold or unfold all boxes. */
  all(folded: boolean): void {
    this.on = folded;
    this.unfolded.clear();
    this.box();
  }

  /** True if all boxes are folded. */
  get whole(): boolean {
    return this.on && !this.unfolded.size;
  }

  private box(): void {
    this.cache.of = null;
    this.boxes = new Map();
    for (const [box, nodes] of this.groups) {
      if (this.inside(box)) {
        nodes.forEach(node => this.boxes.set(node, box));
      }
    }
  }

  /** Shape as drawn. */
  get drawn(): Shape {
    const { full, boxes } = this;
    if (!boxes.size) {
      return full;
    }
    const nodes = new Map(
      full.nodes.map(node => {
        const box = this.boxOf(node.id);
        const count = this.inside(box)?.length;
        return [box, count ? { id: box, lang: `${count}×`, count } : node] as const;
      })
    );
    const wires = new Map(
      full.wires
        .map(wire => this.wire(wire))
        .filter(w => w !== null)
        .map(w => [w.name, w])
    );
    return { name: full.name, nodes: [...nodes.values()], wires: [...wires.values()] };
  }

  /** Return a wire as drawn between boxes; null for a wire within a box. */
  private wire(wire: ShapeWire): ShapeWire | null {
    const [source, target] = [this.boxOf(wire.source), this.boxOf(wire.target)];
    if (source === wire.source && target === wire.target) {
      return wire;
    }
    const [sourcePort, targetPort] = [
      source === wire.source ? wire.sourcePort : 'out',
      target === wire.target ? wire.targetPort : 'in'
    ];
    return source === target
      ? null
      : { name: `${source}.${sourcePort}>${target}.${targetPort}`, source, target, sourcePort, targetPort };
  }

  /** Return the snapshot of the drawn shape. */
  view(view: View): View {
    if (!this.boxes.size) {
      return view;
    }
    const nodes = new Map<string, NodeView[]>();
    for (const node of view.nodes) {
      collect(nodes, this.boxOf(node.id), node);
    }
    const byName = new Map(view.wires.map(w => [w.name, w]));
    const wires = new Map<string, WireView[]>();
    for (const wire of this.full.wires) {
      const [drawn, seen] = [this.wire(wire), byName.get(wire.name)];
      if (drawn && seen) {
        collect(wires, drawn.name, seen);
      }
    }
    return {
      ...view,
      nodes: [...nodes].map(([box, all]) => (this.inside(box) ? summed(box, all) : all[0])),
      wires: [...wires].map(([name, all]) =>
        all.length === 1
          ? { ...all[0], name }
          : { name, sent: total(all, 'sent'), depth: total(all, 'depth'), full: all.some(w => w.full) }
      )
    };
  }

  /** Return the node in a box that holds a message. */
  nodeOf(box: string, message: string, held: HeldMessage[]): string {
    const inside = this.inside(box);
    return held.find(m => m.id === message && inside?.includes(m.node))?.node ?? inside?.[0] ?? box;
  }

  /** Return the breakpoints at each box. Nodes compare lists by identity, so the same breakpoints must give the same lists. */
  marks(breaks: BreakMark[]): Map<string, BreakMark[]> {
    if (breaks !== this.cache.of) {
      this.cache = { of: breaks, by: grouped(this.at(breaks)) };
    }
    return this.cache.by;
  }

  /** Return messages or breakpoints with nodes replaced by their boxes. */
  at<T extends HeldMessage | BreakMark>(all: T[]): T[] {
    return this.boxes.size ? all.map(one => (this.boxes.has(one.node) ? { ...one, node: this.boxOf(one.node) } : one)) : all;
  }
}

function summed(id: string, all: NodeView[]): NodeView {
  const status = STATUSES.find(s => all.some(n => n.status === s)) ?? 'idle';
  return { id, lang: '', status, version: 0, ...Object.fromEntries(SUMS.map(name => [name, total(all, name)])) };
}

function total<K extends string>(all: Array<{ [key in K]?: number }>, name: K): number {
  return all.reduce((sum, one) => sum + (one[name] ?? 0), 0);
}

function collect<T>(all: Map<string, T[]>, key: string, one: T): void {
  const there = all.get(key);
  if (there) {
    there.push(one);
  } else {
    all.set(key, [one]);
  }
}

/** Return the nodes of each box of several, by the name of the box. */
function groupsOf(shape: Shape): Map<string, string[]> {
  const places = new Map<string, string>();
  const order: string[] = [];
  parts(shape).forEach((part, i) => {
    const column = part.wires.length
      ? columns(
          part.nodes,
          part.wires.map(w => shape.wires[w])
        )
      : new Map(part.nodes.map(n => [n, 0]));
    part.nodes.forEach(node => places.set(node, `${i} ${column.get(node)}`));
    order.push(...[...new Set(column.values())].sort((a, b) => a - b).map(at => `${i} ${at}`));
  });
  const per = Math.ceil(order.length / GROUPS);
  const block = new Map(order.map((place, i) => [place, Math.floor(i / per)]));
  const found = new Map<number, string[]>();
  for (const { id } of shape.nodes) {
    const at = block.get(places.get(id)!)!;
    (found.get(at) ?? found.set(at, []).get(at)!).push(id);
  }
  return new Map(
    [...found.values()]
      .flatMap(splitEvenly)
      .filter(nodes => nodes.length > 1)
      .map(nodes => [`${nodes[0]} … ${nodes[nodes.length - 1]}`, nodes])
  );
}

/** Split nodes into pieces of about the same size. */
function splitEvenly(nodes: string[]): string[][] {
  const pieces = Math.ceil(nodes.length / LARGEST);
  const size = Math.ceil(nodes.length / pieces);
  return Array.from({ length: pieces }, (_, i) => nodes.slice(i * size, (i + 1) * size));
}
