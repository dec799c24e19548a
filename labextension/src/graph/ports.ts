/** Which ports the wires of a flow use: where a wire meets its node, and where the dots are. */

import type { ShapeWire, Side } from './model';

export class Ports {
  private readonly names = { in: new Map<string, string[]>(), out: new Map<string, string[]>() };

  constructor(wires: ShapeWire[]) {
    for (const wire of wires) {
      this.note('out', wire.source, wire.sourcePort);
      this.note('in', wire.target, wire.targetPort);
    }
  }

  /** In the order in which the flow names them; none where no wire is. */
  of(node: string, side: Side): string[] {
    return this.names[side].get(node) ?? [];
  }

  /** How far along the node's side a wire ends, from 0 to 1. */
  place(wire: ShapeWire, side: Side): number {
    return side === 'out' ? this.along(wire.source, side, wire.sourcePort) : this.along(wire.target, side, wire.targetPort);
  }

  along(node: string, side: Side, port: string): number {
    const names = this.of(node, side);
    return names.includes(port) ? (names.indexOf(port) + 1) / (names.length + 1) : 0.5;
  }

  private note(side: Side, node: string, port: string): void {
    const names = this.names[side].get(node) ?? [];
    this.names[side].set(node, names);
    if (!names.includes(port)) {
      names.push(port);
    }
  }
}
