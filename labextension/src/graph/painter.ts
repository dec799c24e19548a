/** Painting of snapshots into the pictures of nodes and wires. */

import type { Minimap } from './controls/minimap';
import type { Fold } from './fold';
import { grouped, type Snapshot } from './model';
import type { Pictures } from './pictures/pictures';
import type { Scale } from './pictures/node';

const NONE: never[] = [];
/** Milliseconds after which wires that moved are looked at again, to stop them. */
const REST = 650;

/** Parts of the graph that snapshots are painted into. */
export interface PainterParts {
  folding(): Fold;
  minimap: Minimap;
  scale: Scale;
  pictures(): Pictures;
  redraw(): void;
}

export class Painter {
  snapshot: Snapshot | null = null;
  /** True if the snapshot or the pictures changed since the last painting. */
  private stale = false;
  private restTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly parts: PainterParts) {}

  dispose(): void {
    clearTimeout(this.restTimer);
  }

  /** Ask for a painting with all texts, as the snapshot, the pictures or the scale changed. */
  invalidate(): void {
    this.stale = true;
    this.parts.redraw();
  }

  paint(): void {
    clearTimeout(this.restTimer);
    const now = performance.now();
    const moving = this.stale && this.snapshot ? this.show(this.snapshot, now, this.parts.scale) : this.settleWires(now);
    this.stale = false;
    this.parts.minimap.draw(this.parts.pictures().nodes.values(), now);
    if (moving) {
      this.restTimer = setTimeout(() => this.parts.redraw(), REST);
    }
  }

  /** Show a snapshot; returns true if a wire moves, and must be settled later. */
  show(given: Snapshot, now: number, { far, small, tiny }: Scale): boolean {
    const folding = this.parts.folding();
    const { nodes, wires } = this.parts.pictures();
    const view = folding.view(given.view);
    const messages = grouped(folding.at(given.held));
    const marks = folding.marks(given.breaks);
    for (const node of view.nodes) {
      nodes.get(node.id)?.show(node, messages.get(node.id) ?? NONE, marks.get(node.id) ?? NONE, { small, far, tiny });
    }
    let moving = false;
    for (const wire of view.wires) {
      moving = wires.get(wire.name)?.show(wire, now, far) || moving;
    }
    return moving;
  }

  private settleWires(now: number): boolean {
    let moving = false;
    for (const wire of this.parts.pictures().wires.values()) {
      moving = wire.settle(now, this.parts.scale.far) || moving;
    }
    return moving;
  }
}
