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

/** What the dots of a node need to know of a breakpoint. An empty port means all of that side. */
export interface BreakMark {
  node: string;
  side: string;
  port: string;
  enabled: boolean;
  when: string;
  hits: number;
  log: string;
}

export interface Snapshot {
  view: View;
  held: HeldMessage[];
  breaks: BreakMark[];
}

/** What a person does with the graph. */
export interface GraphEvents {
  select?(node: string | null): void;
  /** A click on a breakpoint dot; the port is empty where the node has but one on that side. */
  toggleBreak?(node: string, side: Side, port: string): void;
  /** A double click, or Enter: show everything about it. */
  open?(node: string): void;
  /** A click on a message that waits. */
  message?(id: string, node: string): void;
}

/** Short words for the badge of a node. */
const BADGES = new Map(Object.entries({
  python: 'py', js: 'js', go: 'go', rust: 'rs', lisp: 'λ', r: 'R', shell: 'sh', trigger: '⏱', task: '⚙', pub: '↗'
}));

export function badge(lang: string): string {
  return BADGES.get(lang) ?? [...lang].slice(0, 3).join('');
}

/** 1234567 as `1.23M`: never wider than five characters, so that it fits a node. */
export function short(n: number): string {
  for (const [size, unit] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']] as const) {
    if (n >= size) {
      const value = n / (unit === 'k' ? 1e3 : size);
      return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${unit}`;
    }
  }
  return Number.isInteger(n) ? String(n) : n.toFixed(1);
}
