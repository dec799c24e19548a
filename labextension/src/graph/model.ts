/** Data of the graph: the shape of a flow, which rarely changes, and a snapshot of the flow, which often does. */

import { LANGUAGES, type HeldMessage, type View } from '../wire';

export type Side = 'in' | 'out';

/** Node of a flow. */
export interface ShapeNode {
  id: string;
  lang: string;
  /** Number of nodes that a box of several stands for. */
  count?: number;
}

/** Wire of a flow. */
export interface ShapeWire {
  /** Name as in the snapshot: `a.out>b.in`. */
  name: string;
  source: string;
  target: string;
  sourcePort: string;
  targetPort: string;
}

/** Nodes and wires of a flow. */
export interface Shape {
  name: string;
  nodes: ShapeNode[];
  wires: ShapeWire[];
}

/** Parts of a breakpoint that the dots of a node need. An empty port means all ports of the side. */
export interface BreakMark {
  node: string;
  side: string;
  port: string;
  enabled: boolean;
  when: string;
  hits: number;
  log: string;
}

/** State of a flow, its held messages and breakpoints. */
export interface Snapshot {
  view: View;
  held: HeldMessage[];
  breaks: BreakMark[];
}

/** Actions of a person on the graph. */
export interface GraphEvents {
  select?(node: string | null): void;
  /** Called on a click on a breakpoint dot; the port is empty if the node has only one on that side. */
  toggleBreak?(node: string, side: Side, port: string): void;
  /** Called on a double click or Enter, to show all details of a node. */
  open?(node: string): void;
  /** Called when the pointer is on a wire. */
  point?(wire: string): void;
  /** Called on a click on a wire. */
  wire?(name: string): void;
  /** Called on a click on a held message. */
  message?(id: string, node: string): void;
  /** Called when the person folds or unfolds large flows. */
  folded?(on: boolean): void;
  /** Called when the person folds or unfolds boxes, and nobody can be asked for the new positions. */
  unanswered?(): void;
}

/** Short words for the badge of a built-in, by its kind. */
const KINDS = new Map(Object.entries({ trigger: '⏱', task: '⚙', pub: '↗' }));

/** Return the short word for the badge of a node: of its language, or of its kind. */
export function badge(lang: string): string {
  return (Object.hasOwn(LANGUAGES, lang) ? LANGUAGES[lang].badge : KINDS.get(lang)) ?? [...lang].slice(0, 3).join('');
}

/** Return 1234567 as `1.23M`: at most five characters, to fit a node. */
export function short(n: number): string {
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k']
  ] as const) {
    if (n >= size) {
      const value = n / (unit === 'k' ? 1e3 : size);
      return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
    }
  }
  return Number.isInteger(n) ? String(n) : n.toFixed(1);
}

/** Return the items of each node. */
export function grouped<T extends { node: string }>(all: T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) {
    const there = found.get(one.node);
    if (there) {
      there.push(one);
    } else {
      found.set(one.node, [one]);
    }
  }
  return found;
}
