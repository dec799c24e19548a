/** Implementation of the menus of a view, with the data of the view. */

import type { GraphView } from '../../graph/view';
import type { Shape, Side } from '../../graph/model';
import { pngOf, save } from '../../graph/export';
import type { Actions } from '../actions';
import { copy } from '../values/clipboard';
import { showCode } from './code_dialog';
import type { RunStore } from '../store';
import { toggleKeys } from './key_list';
import { hasTabs } from '../../page/lab_requests';
import { copyLast } from './copy_last';
import type { MenuActions } from './menus';

/** Parts of the view that menus act on. */
export interface ViewParts {
  host: HTMLElement;
  node: HTMLElement;
  /** Name of the flow. */
  name: string;
  graph: GraphView;
  store: RunStore;
  actions: Actions;
  shape(): Shape;
  look(node: string): void;
  tab(node?: string): void;
  toggle(node: string, side: Side, port: string): Promise<void>;
  attempt(work: () => Promise<unknown>): void;
  announce(text: string): void;
  inspector(): void;
  maximise(): void;
}

/** Return the actions of the menus of a view. */
export function menuActions(parts: ViewParts): MenuActions {
  const { host, node, graph, store, attempt, look, tab, inspector, maximise } = parts;
  return {
    wire: name => parts.shape().wires.find(w => w.name === name),
    hasBreakpoint: (at, side, port) =>
      store.breaks.some(b => b.node === at && b.side === side && (!port || !b.port || b.port === port)),
    held: at => store.held.find(m => m.node === at),
    last: of => {
      const act = copyLast(of, parts.shape(), store, parts.announce);
      return act && (() => attempt(act));
    },
    tabs: () => hasTabs(host),
    look,
    tab,
    fold: at => graph.foldAt(at),
    code: at => attempt(() => code(parts, at)),
    toggle: (...at) => attempt(() => parts.toggle(...at)),
    copy: text => attempt(() => copy(text)),
    file: kind => attempt(() => file(parts, kind)),
    view: { find: () => graph.find(), fit: () => graph.fit(), inspector, maximise, keys: () => toggleKeys(node) }
  };
}

async function code({ actions, node: host }: ViewParts, node: string): Promise<void> {
  const found = await actions.code(node);
  if (!found) {
    throw new Error(`${node} has no code that can be shown: the node is built in, or its module is not defined.`);
  }
  showCode(host, node, found);
}

async function file({ graph, name }: ViewParts, kind: 'svg' | 'png'): Promise<void> {
  const text = graph.file();
  save(`${name}.${kind}`, kind === 'svg' ? new Blob([text], { type: 'image/svg+xml' }) : await pngOf(text, graph.natural));
}
