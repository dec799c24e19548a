/** What the graph shows: the shape of a flow, which rarely changes, and a snapshot of it, which often does. */

import type { HeldMessage, View } from '../wire';

export type Side = 'in' | 'out';

export interface ShapeNode {
  id: string;
  lang: string;
}

export interface ShapeWire {
  /** `a.out>b.in`, as in the snapshot. */
  name: string;
  source: string;
  target: string;
  sourcePort: string;
  targetPort: string;
}

export interface Shape {
  name: string;
  nodes: ShapeNode[];
  wires: ShapeWire[];
}

export interface Snapshot {
  view: View;
  held: HeldMessage[];
}

/** What a person does with the graph. */
export interface GraphEvents {
  select?(node: string | null): void;
  /** A click on a breakpoint dot. */
  toggleBreak?(node: string, side: Side): void;
  /** A double click, or Enter: show everything about it. */
  open?(node: string): void;
}

/** Short words for the badge of a node. */
export const BADGES: Record<string, string> = {
  python: 'py', js: 'js', go: 'go', rust: 'rs', lisp: 'λ', r: 'R', shell: 'sh'
};

/** 1234567 as `1.23M`: never wider than six characters, so that it fits a node. */
export function short(n: number): string {
  for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']] as const) {
    if (n >= size) {
      const value = n / (unit === 'k' ? 1e3 : size);
      return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
    }
  }
  return Number.isInteger(n) ? String(n) : n.toFixed(1);
}
