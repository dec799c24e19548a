/** Implementation of the menus of a view, with the data of the view. */

import type { GraphView } from '../graph/view';
import type { Shape, Side } from '../graph/model';
import { pngOf, save } from '../graph/picture';
import type { Acts } from './acts';
import { copy } from './clip';
import { showCode } from './code';
import type { Follower } from './follow';
import { toggleKeys } from './keylist';
import { hasTabs } from './lab';
import { copyLast } from './lasts';
import type { MenuActs } from './menus';

export interface Parts {
  host: HTMLElement;
  node: HTMLElement;
  /** Name of the flow. */
  name: string;
  graph: GraphView;
  known: Follower;
  acts: Acts;
  shape(): Shape;
  look(node: string): void;
  tab(node?: string): void;
  toggle(node: string, side: Side, port: string): Promise<void>;
  attempt(work: () => Promise<unknown>): void;
  say(text: string): void;
  inspector(): void;
  maximise(): void;
}

export function offers(parts: Parts): MenuActs {
  const { host, node, graph, known, attempt, look, tab, inspector, maximise } = parts;
  return {
    wire: name => parts.shape().wires.find(w => w.name === name),
    broken: (at, side, port) => known.breaks.some(b => b.node === at && b.side === side && (!port || !b.port || b.port === port)),
    held: at => known.held.find(m => m.node === at), last: of => { const act = copyLast(of, parts.shape(), known, parts.say); return act && (() => attempt(act)); }, tabs: () => hasTabs(host), look, tab,
    fold: at => graph.foldAt(at),
    code: at => attempt(() => code(parts, at)), toggle: (...at) => attempt(() => parts.toggle(...at)),
    copy: text => attempt(() => copy(text)), file: kind => attempt(() => file(parts, kind)),
    view: { find: () => graph.find(), fit: () => graph.fit(), inspector, maximise, keys: () => toggleKeys(node) }
  };
}

async function code({ acts, node: host }: Parts, node: string): Promise<void> {
  const found = await acts.code(node);
  if (!found) {
    throw new Error(`${node} has no code that can be shown: it is built in, or its module is not defined.`);
  }
  showCode(host, node, found);
}

async function file({ graph, name }: Parts, kind: 'svg' | 'png'): Promise<void> {
  const text = graph.file();
  save(`${name}.${kind}`, kind === 'svg' ? new Blob([text], { type: 'image/svg+xml' }) : await pngOf(text, graph.natural));
}
