/** Boxes of a drawn flow that stand for several nodes: which nodes they hold, and what their nodes did together. */

import type { HeldMessage, NodeView, PageLayout, View, WireView } from '../wire';
import { grouped, type BreakMark, type Shape, type ShapeWire } from './model';

/** Statuses by rank: several nodes have the first status that any of the nodes has. */
const STATUSES = ['failed', 'refused', 'held', 'full', 'busy', 'loading'];
const SUMS = ['taken', 'given', 'failed', 'depth', 'held', 'dropped', 'unfinished'] as const;

/** Folding of one layout of a flow. Which nodes stand together is decided where the layout is computed. */
export class Fold {
  /** Shape as drawn. */
  readonly drawn: Shape;
  /** Nodes of each group, folded or not. */
  private readonly groups: Map<string, string[]>;
  private readonly unfolded: Set<string>;
  /** Box of each node in a folded group. */
  private readonly boxes = new Map<string, string>();
  private cache: { of: BreakMark[] | null; by: Map<string, BreakMark[]> } = { of: null, by: new Map() };

  constructor(
    private readonly full: Shape,
    private readonly layout: PageLayout
  ) {
    this.groups = new Map(layout.groups);
    this.unfolded = new Set(layout.folded ? layout.unfolded : this.groups.keys());
    for (const [box, nodes] of this.groups) {
      if (this.inside(box)) {
        nodes.forEach(node => this.boxes.set(node, box));
      }
    }
    this.drawn = this.draw();
  }

  /** True if the flow is large enough to be folded. */
  get large(): boolean {
    return this.groups.size > 0;
  }

  /** Return the nodes in a box; undefined for a box of one. */
  inside(box: string): string[] | undefined {
    return this.unfolded.has(box) ? undefined : this.groups.get(box);
  }

  /** Return the group that a node was unfolded from; undefined where nothing is folded. */
  groupOf(node: string): string | undefined {
    return this.layout.folded ? [...this.unfolded].find(box => this.groups.get(box)?.includes(node)) : undefined;
  }

  /** Return the box that stands for a node. */
  boxOf(node: string): string {
    return this.boxes.get(node) ?? node;
  }

  /** Return the shape as drawn, as far as the layout has it: a flow that just changed may be newer. */
  private draw(): Shape {
    const { full, layout } = this;
    const nodes = new Map(
      full.nodes.map(node => {
        const box = this.boxOf(node.id);
        const count = this.inside(box)?.length;
        return [box, count ? { id: box, lang: `${count}×`, count } : node] as const;
      })
    );
    const wires = new Map(full.wires.flatMap(wire => this.wire(wire) ?? []).map(w => [w.name, w]));
    const [placed, routed] = [new Set(layout.boxes.map(([name]) => name)), new Set(layout.wires.map(([name]) => name))];
    return {
      name: full.name,
      nodes: [...nodes.values()].filter(({ id }) => placed.has(id)),
      wires: [...wires.values()].filter(w => routed.has(w.name) && placed.has(w.source) && placed.has(w.target))
    };
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
