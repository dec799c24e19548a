/** Ports used by the wires of a flow: where a wire meets its node, and where the dots are. */

import type { ShapeWire, Side } from '../model';

export class Ports {
  private readonly names = { in: new Map<string, string[]>(), out: new Map<string, string[]>() };

  constructor(wires: ShapeWire[]) {
    for (const wire of wires) {
      this.note('out', wire.source, wire.sourcePort);
      this.note('in', wire.target, wire.targetPort);
    }
  }

  /** Return the ports of a side in the order of the flow; none without wires. */
  of(node: string, side: Side): string[] {
    return this.names[side].get(node) ?? [];
  }

  /** Return the position of a wire's end along the side of the node, from 0 to 1. */
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
