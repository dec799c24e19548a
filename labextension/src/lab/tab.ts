/** A flow, or one of its runs, in the main area: the bench that the widget shows, too. */

import { Widget } from '@lumino/widgets';
import { Bench } from '../bench/bench';
import { h } from '../bench/dom';
import type { RunInfo } from '../wire';
import { flowIcon, heldIcon } from './icon';
import type { Known } from './known';

export interface TabActions {
  /** A node was double-clicked. */
  cell(flow: string, node: string): void;
  /** Another run is shown here. */
  shows(tab: FlowTab): void;
}

/** How long a node is waited for that shall be selected, in ms. */
const PATIENCE = 10_000;

export class FlowTab extends Widget {
  private readonly bench: Bench;
  private readonly end: () => void;
  private shown = '';
  private seeking: MutationObserver | null = null;

  /** `instance` empty: the newest run of the flow, and the next one when it comes. */
  constructor(private readonly known: Known, readonly flow: string, readonly instance: string, private readonly actions: TabActions) {
    super();
    this.id = tabId(flow, instance);
    this.addClass('floe-tab');
    this.title.label = instance || flow;
    this.title.caption = instance ? `Run ${instance}` : `Flow ${flow}`;
    this.title.icon = flowIcon;
    this.title.closable = true;
    Object.assign(this.node.dataset, { flow, instance });
    // a host of its own: the layout reads limits from our node's style
    const host = h('div', {});
    this.node.append(host);
    this.bench = new Bench(host, known.connection, { flow, instance });
    this.node.addEventListener('dblclick', event => this.opened(event));
    this.end = known.changed.on(part => { if (part === 'runs') { this.follow(); } });
    this.follow();
  }

  /** The instance that is shown now; '' before there is one. */
  get current(): string {
    return this.instance || this.newest?.instance || this.newest?.ref || '';
  }

  /** Select a node, and one of the messages that wait there, as soon as it is drawn. */
  select(node: string, message = ''): void {
    this.seeking?.disconnect();
    const found = () => {
      const group = this.node.querySelector(`.floe-graph [data-node="${CSS.escape(node)}"]`);
      if (group) {
        this.bench.inspect(message, node);
      }
      return Boolean(group);
    };
    if (!found()) {
      const seeking = this.seeking = new MutationObserver(() => { if (found()) { seeking.disconnect(); } });
      seeking.observe(this.node, { childList: true, subtree: true });
      setTimeout(() => seeking.disconnect(), PATIENCE);
    }
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.seeking?.disconnect();
      this.end();
      this.bench.dispose();
      super.dispose();
    }
  }

  private get newest(): RunInfo | undefined {
    return this.known.runs.find(r => r.flow === this.flow);
  }

  private follow(): void {
    const { current } = this;
    const run = this.known.runs.find(r => r.instance === current || r.ref === current);
    this.node.dataset.state = run?.status ?? 'idle';
    this.node.dataset.run = run?.ref ?? '';
    this.title.icon = run?.status === 'held' ? heldIcon : flowIcon;
    if (current !== this.shown) {
      this.shown = current;
      this.actions.shows(this);
    }
  }

  private opened(event: Event): void {
    const node = (event.target as Element).closest?.('.floe-graph [data-node]')?.getAttribute('data-node');
    if (node) {
      this.actions.cell(this.flow, node);
    }
  }
}

export function tabId(flow: string, instance: string): string {
  return `floe-tab-${instance ? `run-${instance}` : `flow-${flow}`}`;
}
