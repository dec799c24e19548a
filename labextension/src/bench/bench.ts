/** The work bench of one flow: toolbar, graph, inspector. The widget and the panel show it alike. */

import type { Connection } from '../client/connection';
import { GraphView } from '../graph/view';
import type { Shape } from '../graph/model';
import type { HeldMessage, RunInfo, View } from '../wire';
import type { Breakpoint } from './breaks';
import { h } from './dom';
import { Inspector } from './inspector';
import { shapeOf } from './shape';
import { addBenchStyle } from './style';
import { keys, Toolbar, type Actions, type Phase } from './toolbar';

const OVER = new Set(['done', 'failed', 'cancelled']);
/** Details of the selection are asked for at most so often, in ms. */
const DETAILS = 150;

export interface Target {
  flow: string;
  /** The instance to follow; empty: the newest of the flow. */
  instance: string;
}

export class Bench {
  readonly node = h('div', { class: 'floe-bench', tabindex: -1 });
  private readonly graph: GraphView;
  private readonly toolbar: Toolbar;
  private readonly inspector: Inspector;
  private readonly problem = h('div', { class: 'floe-problem', role: 'alert' });
  private readonly ends: Array<() => void> = [];
  private view: View | null = null;
  private info: RunInfo | null = null;
  private held: HeldMessage[] = [];
  private breaks: Breakpoint[] = [];
  private selected: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: HTMLElement, private readonly connection: Connection, private readonly target: Target) {
    addBenchStyle(document);
    const actions = this.actions();
    this.toolbar = new Toolbar(actions);
    this.inspector = new Inspector({ ...this.breakActions(), message: id => this.messageActions(id),
      forkStep: record => this.attempt(() => connection.call('fork', { id: record.id, flow: this.flow })) });
    const canvas = h('div', { class: 'floe-canvas' });
    this.node.append(this.toolbar.node, this.problem, h('div', { class: 'floe-split' }, canvas, this.inspector.node));
    host.append(this.node);
    this.graph = new GraphView(canvas, { select: node => this.select(node), toggleBreak: (node, side) => void this.toggle(node, side) });
    this.ends.push(keys(this.node, actions, () => this.phase()), connection.onState(state => { if (state === 'open') { void this.load(); } }));
    this.follow();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.ends.forEach(end => end());
    this.graph.dispose();
    this.node.remove();
  }

  /** Draw a shape that is known already, before the dispatcher answers. */
  draw(shape: Shape): void {
    this.graph.setFlow(shape);
  }

  /** Show a snapshot that was kept: there may be nobody to ask. */
  show(view: View): void {
    this.view = view;
    this.refresh();
  }

  private get flow(): string {
    return this.target.instance || this.target.flow;
  }

  private follow(): void {
    const { instance } = this.target;
    if (!instance) {
      return;
    }
    this.ends.push(
      this.connection.subscribe(`view/${instance}`, value => { this.show(value as View); this.later(); }),
      this.connection.subscribe(`run/${instance}`, value => { this.info = value as RunInfo; this.refresh(); }),
      this.connection.subscribe(`notice/${instance}`, () => this.later()));
  }

  private async load(): Promise<void> {
    await this.attempt(async () => {
      const [flows, modules] = await Promise.all([this.connection.call('flows', {}), this.connection.call('modules', {})]);
      const flow = flows.find(f => f.name === this.target.flow);
      if (flow) {
        this.graph.setFlow(shapeOf(flow, modules));
      }
      if (this.target.instance) {
        this.info = await this.connection.call('run_info', { ref: this.target.instance });
        this.show(await this.connection.call('view', { flow: this.flow }));
      }
      await this.details();
    });
  }

  private phase(): Phase {
    const view = this.view;
    return { paused: Boolean(view && (view.paused || view.held)), over: !view || OVER.has(this.info?.status ?? 'active'),
      recorded: view?.recorded ?? 0 };
  }

  private refresh(): void {
    if (this.view) {
      this.graph.patch({ view: this.view, held: this.held }, this.breaks);
      this.toolbar.show(this.phase(), this.words(this.view));
    }
  }

  private words(view: View): string {
    const status = this.info?.status ?? (view.held ? 'held' : 'active');
    const parts = [status === 'active' && view.paused ? 'paused' : status];
    if (view.held) {
      parts.push(`${view.held} held`);
    }
    parts.push(`${view.results ?? 0} results`);
    return parts.join(', ');
  }

  private select(node: string | null): void {
    this.selected = node;
    this.later();
  }

  /** Ask for details soon, once, however often something changes meanwhile. */
  private later(): void {
    this.timer ??= setTimeout(() => { this.timer = undefined; void this.attempt(() => this.details()); }, DETAILS);
  }

  private async details(): Promise<void> {
    const { flow, selected } = this;
    [this.held, this.breaks] = await Promise.all([
      this.connection.call('held', { flow }), this.connection.call('breaks', { flow }) as Promise<Breakpoint[]>]);
    this.refresh();
    const node = this.view?.nodes.find(n => n.id === selected);
    if (!node) {
      this.inspector.show(null);
      return;
    }
    const [steps, logs] = await Promise.all([this.connection.call('history', { flow, node: node.id, limit: 50 }),
      this.connection.call('logs', { flow, node: node.id, limit: 100 })]);
    this.inspector.show({ node, held: this.held, breaks: this.breaks, steps, logs: logs as never });
  }

  private async toggle(node: string, side: 'in' | 'out'): Promise<void> {
    const there = this.breaks.find(b => b.node === node && b.side === side);
    const { set, clear } = this.breakActions();
    await (there ? clear(there.id) : set({ node, side }));
  }

  private actions(): Actions {
    const call = (name: 'resume' | 'pause' | 'step' | 'back') => () => void this.attempt(() => this.connection.call(name, { flow: this.flow }));
    return { resume: call('resume'), pause: call('pause'), step: call('step'), back: call('back'),
      stop: () => void this.attempt(() => this.connection.call('cancel', { ref: this.target.instance })) };
  }

  private breakActions() {
    return {
      set: (b: Partial<Breakpoint> & { node: string }) => {
        const { node, id, side, port, when, hits, log, enabled } = b;
        return this.attempt(() => this.connection.call('set_break', { flow: this.flow, node, id, side, port, when, hits, log, enabled }), true);
      },
      clear: (id: string) => this.attempt(() => this.connection.call('clear_break', { flow: this.flow, id }))
    };
  }

  private messageActions(id: string) {
    const { connection, flow } = this;
    const encode = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(JSON.parse(text)))));
    const act = (work: () => Promise<unknown>) => this.attempt(work, true);
    return {
      save: (text: string) => act(() => connection.call('edit', { flow, id, text: encode(text) })),
      drop: () => act(() => connection.call('drop', { flow, id })),
      retry: () => act(() => connection.call('retry', { flow, id })),
      fork: (text: string) => act(() => connection.call('fork', { flow, id, text: encode(text) }))
    };
  }

  /** Do something with the dispatcher; what goes wrong is shown here, or passed on to where it was asked for. */
  private async attempt(work: () => Promise<unknown>, passOn = false): Promise<void> {
    try {
      await work();
      this.problem.textContent = '';
      this.later();
    } catch (error) {
      if (passOn) {
        throw error;
      }
      this.problem.textContent = (error as Error).message;
    }
  }
}
