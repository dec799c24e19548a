/** Columns of nodes, as in `core/picture/columns.py`, so that the live picture and the static one agree. */

import type { Shape, ShapeWire } from '../model';

/** Connected part of a flow; `wires` are indices. */
export interface Part {
  nodes: string[];
  wires: number[];
}

/** Return the connected parts in the order of the flow; all single nodes are one part, the last. */
export function parts({ nodes, wires }: Shape): Part[] {
  const root = new Map(nodes.map(n => [n.id, n.id]));
  const find = (name: string): string => {
    while (root.get(name) !== name) {
      root.set(name, root.get(root.get(name)!)!);
      name = root.get(name)!;
    }
    return name;
  };
  wires.forEach(w => root.set(find(w.target), find(w.source)));
  const touched = new Set(wires.flatMap(w => [w.source, w.target]));
  const found = new Map<string, Part>();
  for (const { id } of nodes.filter(n => touched.has(n.id))) {
    const part = found.get(find(id)) ?? { nodes: [], wires: [] };
    found.set(find(id), part);
    part.nodes.push(id);
  }
  wires.forEach((w, i) => found.get(find(w.source))!.wires.push(i));
  const alone = nodes.filter(n => !touched.has(n.id)).map(n => n.id);
  return [...found.values(), ...(alone.length ? [{ nodes: alone, wires: [] }] : [])];
}

/** Return the columns of nodes without wires, which stand in rows. */
export function grid(nodes: string[]): Map<string, number> {
  const across = Math.max(1, Math.min(8, Math.round(Math.sqrt(nodes.length))));
  return new Map(nodes.map((name, i) => [name, i % across]));
}

/** Return the column of each node: its longest path, ignoring wires that close circles. First nodes stand near the nodes fed. */
export function columns(nodes: string[], wires: ShapeWire[]): Map<string, number> {
  const following = new Map<string, string[]>(nodes.map(n => [n, []]));
  wires.forEach(w => following.get(w.source)!.push(w.target));
  const ahead = acyclic(nodes, following);
  const column = new Map(nodes.map(n => [n, 0]));
  const order = topological(nodes, ahead);
  for (const name of order) {
    for (const target of ahead.get(name)!) {
      column.set(target, Math.max(column.get(target)!, column.get(name)! + 1));
    }
  }
  const fed = new Set([...ahead.values()].flat());
  for (const name of order.reverse()) {
    if (!fed.has(name) && ahead.get(name)!.length) {
      column.set(name, ahead.get(name)!.reduce((least, t) => Math.min(least, column.get(t)!), Infinity) - 1);
    }
  }
  return column;
}

/**
 * Return the followers of each node without wires that close circles. Searches depth first from the first nodes: a wire to a node
 * still open closes a circle.
 */
function acyclic(nodes: string[], following: Map<string, string[]>): Map<string, string[]> {
  const fed = new Set([...following].flatMap(([name, targets]) => targets.filter(t => t !== name)));
  const done = new Map<string, boolean>();
  const ahead = new Map<string, string[]>(nodes.map(n => [n, []]));
  for (const root of [...nodes.filter(n => !fed.has(n)), ...nodes.filter(n => fed.has(n))]) {
    const path: Array<[string, number]> = done.has(root) ? [] : [[root, 0]];
    done.set(root, done.get(root) ?? false);
    while (path.length) {
      const last = path[path.length - 1];
      const target = following.get(last[0])![last[1]++];
      if (target === undefined) {
        done.set(last[0], true);
        path.pop();
      } else if (done.get(target) ?? true) {
        ahead.get(last[0])!.push(target);
        if (!done.has(target)) {
          done.set(target, false);
          path.push([target, 0]);
        }
      }
    }
  }
  return ahead;
}

function topological(nodes: string[], ahead: Map<string, string[]>): string[] {
  const waiting = new Map(nodes.map(n => [n, 0]));
  for (const target of [...ahead.values()].flat()) {
    waiting.set(target, waiting.get(target)! + 1);
  }
  const ready = nodes.filter(n => !waiting.get(n));
  for (const name of ready) {
    for (const target of ahead.get(name)!) {
      waiting.set(target, waiting.get(target)! - 1);
      if (!waiting.get(target)) {
        ready.push(target);
      }
    }
  }
  return ready;
}
