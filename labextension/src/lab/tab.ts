/** A flow, or one of its runs, in the main area: the bench that the widget shows, too. */

import { Widget } from '@lumino/widgets';
import { Bench } from '../bench/bench';
import { h } from '../bench/dom';
import type { RunInfo } from '../wire';
import { flowIcon, heldIcon } from './icon';
import type { Known } from './known';
import { write } from './rows';

export interface TabActions {
  /** A node was double-clicked. */
  cell(flow: string, node: string): void;
  /** Another run is shown here. */
  shows(tab: FlowTab): void;
}

/** How long a node is waited for that shall be selected, in ms. */
const PATIENCE = 10_000;

export class FlowTab extends Widget {
  private bench: Bench | null = null;
  private shown: string | null = null;
  private readonly trouble = h('div', { class: 'floe-trouble', role: 'status' });
  private readonly host = h('div', { class: 'floe-tab-bench' });
  private readonly ends: Array<() => void>;
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
    this.node.append(this.trouble, this.host);
    this.node.addEventListener('dblclick', event => this.opened(event));
    this.ends = [known.changed.on(part => { if (part === 'runs' || part === 'state' || part === 'flows') { this.follow(); } })];
    this.follow();
  }

  /** The instance that is shown now; '' before there is one. */
  get current(): string {
    return this.instance || this.newest?.instance || this.newest?.ref || '';
  }

  /** Select a node, as soon as it is drawn. */
  select(node: string): void {
    this.seeking?.disconnect();
    const found = () => {
      const group = this.host.querySelector<SVGElement>(`[data-node="${CSS.escape(node)}"]`);
      group?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
      return Boolean(group);
    };
    if (!found()) {
      const seeking = this.seeking = new MutationObserver(() => { if (found()) { seeking.disconnect(); } });
      seeking.observe(this.host, { childList: true, subtree: true });
      setTimeout(() => seeking.disconnect(), PATIENCE);
    }
  }

  override dispose(): void {
    this.seeking?.disconnect();
    this.ends.forEach(end => end());
    this.bench?.dispose();
    super.dispose();
  }

  private get newest(): RunInfo | undefined {
    return this.known.runs.find(r => r.flow === this.flow);
  }

  private follow(): void {
    const { state } = this.known.connection;
    const there = state === 'open';
    write(this.trouble, there ? '' : state === 'absent' ? 'No dispatcher runs. Run a %%floe cell to start one.'
      : this.known.wasReached ? 'The connection was lost; connecting again …' : 'Connecting …');
    const run = this.known.runs.find(r => r.instance === this.current || r.ref === this.current);
    this.node.dataset.state = run?.status ?? 'idle';
    this.node.dataset.run = run?.ref ?? '';
    this.title.icon = run?.status === 'held' ? heldIcon : flowIcon;
    // what was shown stays in sight while nobody answers
    if (there && this.current !== this.shown) {
      this.put(this.current);
    }
  }

  private put(instance: string): void {
    this.bench?.dispose();
    this.shown = instance;
    this.bench = new Bench(this.host, this.known.connection, { flow: this.flow, instance });
    this.actions.shows(this);
  }

  private opened(event: Event): void {
    const node = (event.target as Element).closest?.('[data-node]')?.getAttribute('data-node');
    if (node) {
      this.actions.cell(this.flow, node);
    }
  }
}

export function tabId(flow: string, instance: string): string {
  return `floe-tab-${instance ? `run-${instance}` : `flow-${flow}`}`;
}
