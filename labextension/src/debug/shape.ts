/** Shape of a flow, from its definition. */

import type { Shape } from '../graph/model';
import type { Flow, Module, PageLayout, View } from '../wire';

/** Return the shape of a defined flow; `modules` give the languages of the nodes. */
export function shapeOf(flow: Flow, modules: Module[]): Shape {
  const langs = new Map(modules.map(m => [m.name, m.lang ?? 'python']));
  return {
    name: flow.name,
    nodes: (flow.nodes ?? []).map(n => ({ id: n.id, lang: langs.get(n.module) ?? n.kind ?? 'module' })),
    wires: (flow.wires ?? []).map(w => {
      const sourcePort = w.source_port ?? 'out';
      const targetPort = w.target_port ?? 'in';
      return {
        name: `${w.source}.${sourcePort}>${w.target}.${targetPort}`,
        source: w.source,
        target: w.target,
        sourcePort,
        targetPort
      };
    })
  };
}

/** Return the nodes that a run's messages are fed to. */
export function entriesOf(shape: Shape): Set<string> {
  const fed = new Set(shape.wires.map(w => w.target));
  return new Set(shape.nodes.map(n => n.id).filter(id => !fed.has(id)));
}

/** Return the input ports of a node that wires use; `in` if no wire does. */
export function portsOf(shape: Shape, node: string): string[] {
  const ports = [...new Set(shape.wires.filter(w => w.target === node).map(w => w.targetPort))];
  return ports.length ? ports : ['in'];
}

/** Return the view of a flow before its first run: all nodes idle. */
export function idleView(shape: Shape, breaks: Array<{ node: string; id: string }>): View {
  return {
    flow: shape.name,
    version: 0,
    wires: [],
    runs: {},
    nodes: shape.nodes.map(n => ({
      id: n.id,
      lang: n.lang,
      status: 'idle',
      version: 0,
      breaks: breaks.filter(b => b.node === n.id).map(b => b.id)
    }))
  };
}

/** Return the drawable part of a shape from a saved notebook, which may come from any author. */
export function sanitized(shape: unknown): Shape {
  const { name, nodes, wires } = (typeof shape === 'object' && shape ? shape : {}) as Record<string, unknown>;
  const ids = new Map(list(nodes).map(n => [String(n.id), { id: String(n.id), lang: String(n.lang ?? '') }]));
  const found = new Map(
    list(wires).map(w => [
      String(w.name),
      {
        name: String(w.name),
        source: String(w.source),
        target: String(w.target),
        sourcePort: String(w.sourcePort ?? 'out'),
        targetPort: String(w.targetPort ?? 'in')
      }
    ])
  );
  return {
    name: String(name ?? ''),
    nodes: [...ids.values()],
    wires: [...found.values()].filter(w => ids.has(w.source) && ids.has(w.target))
  };
}

function list(value: unknown): Array<Record<string, unknown>> {
  return Array.isArray(value) ? value.filter(v => typeof v === 'object' && v !== null) : [];
}

/** Return the layouts of a saved notebook, with texts and numbers where these belong. */
export function sanitizedLayouts(given: unknown): PageLayout[] {
  return list(given).map(({ width, height, boxes, wires, vertical, groups, folded, unfolded }) => ({
    width: number(width),
    height: number(height),
    boxes: rows(boxes).map(([name, ...box]) => [String(name), ...numbers(box, 4)] as PageLayout['boxes'][number]),
    wires: rows(wires).map(sanitizedWire),
    vertical: Boolean(vertical),
    groups: rows(groups).map(([box, nodes]) => [String(box), items(nodes).map(String)]),
    folded: Boolean(folded),
    unfolded: items(unfolded).map(String)
  }));
}

/** Return a wire with at least the points that its kind of path needs. */
function sanitizedWire([name, points, back, label, quiet]: unknown[]): PageLayout['wires'][number] {
  const flat = numbers(points, Math.max(back ? 8 : 4, items(points).length));
  return [String(name), flat, Boolean(back), numbers(label, 2) as [number, number], Boolean(quiet)];
}

function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function rows(value: unknown): unknown[][] {
  return items(value).filter(row => Array.isArray(row));
}

function numbers(value: unknown, count: number): number[] {
  return Array.from({ length: count }, (_, i) => number(items(value)[i]));
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
