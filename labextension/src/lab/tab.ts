/** Tab of the main area with a flow or one of its runs: the same debug view as in the widget. */

import { Widget } from '@lumino/widgets';
import { DebugView } from '../debug/debug_view';
import { inWorkspace } from '../client/workspace';
import { h } from '../page/dom';
import type { RunInfo } from '../wire';
import { flowIcon, heldIcon } from './icon';
import type { PanelStore } from './store';

/** Callbacks of a tab. */
export interface TabActions {
  /** Called on a double click on a node. */
  cell(flow: string, workspace: string, node: string): void;
  /** Called when the tab shows another run. */
  runChanged(tab: FlowTab): void;
}

/** Maximum milliseconds to wait for a node that is to be selected. */
const PATIENCE = 10_000;

export class FlowTab extends Widget {
  private readonly debugView: DebugView;
  private readonly end: () => void;
  private shown = '';
  private seeking: MutationObserver | null = null;

  /** `instance` empty: the newest run of the flow, and each later run. */
  constructor(
    private readonly store: PanelStore,
    readonly flow: string,
    readonly workspace: string,
    readonly instance: string,
    private readonly actions: TabActions
  ) {
    super();
    this.id = tabId(flow, workspace, instance);
    this.addClass('floe-tab');
    this.title.label = instance || flow;
    this.title.caption = instance ? `Run ${instance}` : `Flow ${flow}`;
    this.title.icon = flowIcon;
    this.title.closable = true;
    Object.assign(this.node.dataset, { flow, workspace, instance });
    // a separate host: the layout of JupyterLab reads limits from the style of the tab's node
    const host = h('div', {});
    this.node.append(host);
    this.debugView = new DebugView(host, inWorkspace(store.connection, workspace), { flow, workspace, instance });
    this.node.addEventListener('dblclick', event => this.onDoubleClick(event));
    this.end = store.changed.on(part => {
      if (part === 'runs') {
        this.follow();
      }
    });
    this.follow();
  }

  /** Instance shown now; '' before any is. */
  get current(): string {
    return this.instance || this.newest?.instance || this.newest?.ref || '';
  }

  /** Select a node, and a message waiting at the node, as soon as the node is drawn. */
  select(node: string, message = ''): void {
    this.seeking?.disconnect();
    const found = () => {
      const group = this.node.querySelector(`.floe-graph [data-node="${CSS.escape(node)}"]`);
      if (group) {
        this.debugView.inspect(message, node);
      }
      return Boolean(group);
    };
    if (!found()) {
      const seeking = (this.seeking = new MutationObserver(() => {
        if (found()) {
          seeking.disconnect();
        }
      }));
      seeking.observe(this.node, { childList: true, subtree: true });
      setTimeout(() => seeking.disconnect(), PATIENCE);
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.seeking?.disconnect();
      this.end();
      this.debugView.dispose();
      super.dispose();
    }
  }

  private get newest(): RunInfo | undefined {
    return this.store.runs.find(r => r.flow === this.flow && (!this.workspace || r.workspace === this.workspace));
  }

  private follow(): void {
    const { current } = this;
    const run = this.store.runs.find(r => r.instance === current || r.ref === current);
    this.node.dataset.state = run?.status ?? 'idle';
    this.node.dataset.run = run?.ref ?? '';
    this.title.icon = run?.status === 'held' ? heldIcon : flowIcon;
    if (current !== this.shown) {
      this.shown = current;
      this.actions.runChanged(this);
    }
  }

  private onDoubleClick(event: Event): void {
    const node = (event.target as Element).closest?.('.floe-graph [data-node]')?.getAttribute('data-node');
    if (node) {
      this.actions.cell(this.flow, this.workspace, node);
    }
  }
}

/** Return the id of the tab of a flow or run. */
export function tabId(flow: string, workspace: string, instance: string): string {
  return `floe-tab-${instance ? `run-${instance}` : `flow-${workspace}-${flow}`}`;
}
