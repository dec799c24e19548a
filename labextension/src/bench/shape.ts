/** The shape of a flow from its definition. */

import type { Shape } from '../graph/model';
import type { Flow, Module } from '../wire';

export function shapeOf(flow: Flow, modules: Module[]): Shape {
  const langs = new Map(modules.map(m => [m.name, m.lang ?? 'python']));
  return {
    name: flow.name,
    nodes: (flow.nodes ?? []).map(n => ({ id: n.id, lang: langs.get(n.module) ?? n.kind ?? 'module' })),
    wires: (flow.wires ?? []).map(w => {
      const sourcePort = w.source_port ?? 'out';
      const targetPort = w.target_port ?? 'in';
      return { name: `${w.source}.${sourcePort}>${w.target}.${targetPort}`, source: w.source, target: w.target, sourcePort, targetPort };
    })
  };
}
