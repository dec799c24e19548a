/** The work bench of one flow: toolbar, graph, inspector, timeline, logs. The widget and the panel show it alike. */

import type { Connection } from '../client/connection';
import { Beat } from '../graph/beat';
import { FOOT } from '../graph/pan';
import { GraphView } from '../graph/view';
import type { Shape, Side } from '../graph/model';
import type { Record as Step, View } from '../wire';
import { Acts } from './acts';
import { Dock } from './dock';
import { h } from './dom';
import { settle } from './drafts';
import { Follower, type Target } from './follow';
import { Inspector } from './inspector';
import { Logs } from './logs';
import { setPaused } from './paused';
import { Progress } from './progress';
import { entriesOf, portsOf, sound } from './shape';
import { addBenchStyle } from './style';
import { Timeline } from './timeline';
import { keys, Toolbar, type Actions, type Phase } from './toolbar';

export type { Target };

const OVER = new Set(['done', 'failed', 'cancelled']);
/** Below this width the parts stand one below the other. */
const NARROW = 680;
/** It may take a moment until somebody answers, in ms. */
const PATIENCE = 1_500;

const WHY = new Map([
  ['connecting', 'Not live: waiting for the dispatcher. What is shown is the last saved state.'],
  ['absent', 'Not live: no dispatcher runs. What is shown is the last saved state; run the cell to start again.'],
  ['unserved', 'Not live: this server has no bridge to the dispatcher. What is shown is the last saved state.'],
  ['closed', 'Not live: the connection was closed. What is shown is the last saved state.'],
  ['open', 'Not live: this run is not known any more. What is shown is the last saved state; run the cell to start again.']
]);

export class Bench {
  readonly node = h('div', { class: 'floe-bench', tabindex: -1 });
  private readonly canvas = h('div', { class: 'floe-canvas' });
  private readonly graph: GraphView;
  private readonly toolbar: Toolbar;
  private readonly inspector: Inspector;
  private readonly timeline: Timeline;
  private readonly logs = new Logs();
  private readonly dock = new Dock();
  private readonly progress = new Progress();
  private readonly known: Follower;
  private readonly acts: Acts;
  private readonly beat: Beat;
  private readonly problem = h('div', { class: 'floe-problem', role: 'alert' });
  private readonly notice = h('div', { class: 'floe-notice', role: 'status', hidden: true });
  private readonly ends: Array<() => void> = [];
  private readonly begun = performance.now();
  private readonly labels: { timeline(text: string): void; logs(text: string): void };
  private shape: Shape = { name: '', nodes: [], wires: [] };
  private selected: string | null = null;
  private message = '';
  private looked: Step | null = null;
  /** A dot that was clicked before the dispatcher answered. */
  private early: [string, Side, string] | null = null;

  constructor(private readonly host: HTMLElement, private readonly connection: Connection, private readonly target: Target) {
    addBenchStyle(document);
    host.classList.add('floe-host');
    const actions = this.actions();
    this.toolbar = new Toolbar(actions);
    this.known = new Follower(connection, target, {
      changed: () => this.changed(), shape: shape => this.draw(shape), problem: text => { this.problem.textContent = text; } });
    this.acts = new Acts(connection, this.known, target.flow);
    this.inspector = new Inspector({ set: b => this.acts.setBreak(b), clear: id => this.acts.clearBreak(id), message: m => this.acts.message(m),
      inject: (node, port, text) => this.acts.inject(node, port, text), select: node => this.graph.choose(node), look: step => this.look(step) });
    this.timeline = new Timeline({ look: step => this.look(step), backTo: step => this.attempt(() => this.acts.backTo(step)),
      fork: step => this.attempt(() => this.acts.forkStep(step)) });
    this.labels = { timeline: this.dock.add('timeline', 'Timeline', this.timeline.node), logs: this.dock.add('logs', 'Logs', this.logs.node) };
    this.dock.opened = () => this.beat.ask();
    this.node.append(this.toolbar.node, this.notice, this.problem, this.progress.node,
      h('div', { class: 'floe-split' }, this.canvas, this.inspector.node), this.dock.node);
    host.append(this.node);
    this.beat = new Beat(this.node, () => this.refresh());
    this.graph = new GraphView(this.canvas, { select: node => this.select(node), open: () => this.inspector.node.focus(),
      toggleBreak: (node, side, port) => void this.attempt(() => this.toggle(node, side, port)), message: (id, node) => this.inspect(id, node) });
    this.watch(actions);
  }

  dispose(): void {
    setPaused(this, false);
    this.ends.forEach(end => end());
    this.known.dispose();
    this.beat.dispose();
    this.graph.dispose();
    this.host.classList.remove('floe-host', 'narrow');
    this.node.remove();
  }

  /** Draw a shape that is known already, before the dispatcher answers. */
  draw(shape: Shape): void {
    this.shape = sound(shape);
    this.graph?.setFlow(this.shape);
    this.beat?.ask();
  }

  /** Show a snapshot that was kept: there may be nobody to ask. What is live is newer. */
  show(view: View): void {
    if (!this.known.live && Array.isArray(view.nodes) && Array.isArray(view.wires)) {
      this.known.view = view;
      this.beat.ask();
    }
  }

  private watch(actions: Actions): void {
    const size = new ResizeObserver(() => {
      this.host.classList.toggle('narrow', this.host.clientWidth > 0 && this.host.clientWidth < NARROW);
      drawn();
    });
    const drawn = () => {
      if (this.host.classList.contains('narrow')) {
        this.canvas.style.setProperty('--floe-natural', `${this.natural()}px`);
      }
    };
    size.observe(this.host);
    this.canvas.addEventListener('floe-drawn', drawn);
    const late = setTimeout(() => this.beat.ask(), PATIENCE);
    this.ends.push(() => size.disconnect(), () => clearTimeout(late), keys(this.node, actions, () => this.phase(),
      why => { this.problem.textContent = why; }));
  }

  /** How high the graph wants to be at the width it has. */
  private natural(): number {
    const { width, height } = this.graph.natural;
    return Math.ceil(height * Math.min(1, (this.canvas.clientWidth || width) / width)) + FOOT;
  }

  private phase(): Phase {
    const { view, info, live, isRun } = this.known;
    return { paused: Boolean(view && (view.paused || view.held)), over: !view || Boolean(isRun && info && OVER.has(info.status)),
      recorded: view?.recorded ?? 0, live: live && this.connection.state === 'open' };
  }

  /** Draw everything that is known; called at most twenty times a second, and only while it can be seen. */
  private refresh(): void {
    const { view, known } = { view: this.known.view, known: this.known };
    const phase = this.phase();
    Object.assign(this.node.dataset, { flow: this.target.flow, instance: known.flow });
    if (view) {
      this.graph.patch({ view, held: known.held, breaks: known.breaks });
    } else if (known.breaks.length || this.shape.nodes.length) {
      this.graph.patch({ view: empty(this.shape, known.breaks), held: [], breaks: known.breaks });
    }
    const status = !phase.live ? this.target.status || 'saved' : known.info?.status ?? (view?.held ? 'held' : view ? 'active' : 'defined');
    const shown = status === 'active' && view?.paused ? 'paused' : status;
    this.toolbar.show(phase, shown, words(shown, view, phase.live));
    this.progress.show(view, known.info, this.target.total ?? 0, entriesOf(this.shape), known.work);
    this.details(view, phase);
    this.tell(phase.live);
  }

  /** Something is known anew. The mark of the page is right also while this bench cannot be seen, and does not draw. */
  private changed(): void {
    if (this.known && this.beat) {
      const { live, paused, over } = this.phase();
      setPaused(this, live && paused && !over);
      this.beat.ask();
      const early = live ? this.early : null;
      if (early) {
        this.early = null;
        void this.attempt(() => this.toggle(...early));
      }
    }
  }

  private details(view: View | null, { live, over }: Phase): void {
    const { known, shape } = this;
    const node = (view ?? empty(shape, [])).nodes.find(n => n.id === this.selected) ?? null;
    this.inspector.show({ node, step: this.looked, message: this.message, ports: node ? portsOf(shape, node.id) : [], held: known.held,
      waiting: view?.held ?? 0, breaks: known.breaks, steps: known.steps, failures: known.info?.failures ?? [], live, over });
    this.timeline.show(known.steps, live, over);
    this.labels.timeline(known.steps.length ? `Timeline (${known.steps.length})` : 'Timeline');
    this.labels.logs(known.said ? `Logs (${known.said})` : 'Logs');
    if (this.dock.shows(this.logs.node)) {
      this.logs.show(known.lines, known.said, shape.nodes.map(n => n.id));
    }
  }

  private tell(live: boolean): void {
    const late = this.connection.state !== 'connecting' || performance.now() - this.begun >= PATIENCE;
    const text = live || !late ? '' : WHY.get(this.connection.state) ?? '';
    this.notice.hidden = !text;
    if (this.notice.textContent !== text) {
      this.notice.textContent = text;
    }
  }

  private select(node: string | null): void {
    this.selected = this.known.node = node;
    this.looked = null;
    this.known.later();
    this.beat.ask();
  }

  /** Look into a node, and there first into this message; '' for the first. */
  inspect(message: string, node: string): void {
    this.message = message;
    this.known.message = message && `${message}@${node}`;
    this.graph.choose(node);
  }

  private look(step: Step | null): void {
    this.looked = step;
    if (step) {
      this.graph.select(step.node);
      this.selected = step.node;
    }
    this.beat.ask();
  }

  private async toggle(node: string, side: Side, port: string): Promise<void> {
    if (!this.phase().live) {
      this.early = ['connecting', 'open'].includes(this.connection.state) ? [node, side, port] : null; // not lost: see `changed`
      return;
    }
    const there = this.known.breaks.filter(b => b.node === node && b.side === side && (!b.port || b.port === port || !port));
    await (there.length ? Promise.all(there.map(b => this.acts.clearBreak(b.id))) : this.acts.setBreak({ node, side, port }));
  }

  private actions(): Actions {
    const go = (name: 'resume' | 'pause' | 'step' | 'back') => () => void this.attempt(() => this.acts.go(name));
    const on = (name: 'resume' | 'step') => () => void this.attempt(async () => { await settle(this.node); await this.acts.go(name); });
    return { resume: on('resume'), pause: go('pause'), step: on('step'), back: go('back'), stop: () => void this.attempt(() => this.acts.stop()) };
  }

  /** Do something with the dispatcher; what goes wrong is shown. */
  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.problem.textContent = '';
    } catch (error) {
      this.problem.textContent = (error as Error).message;
    }
  }
}

function words(status: string, view: View | null, live: boolean): string {
  const parts = live ? [status] : [...status === 'saved' ? [] : [status], 'not live'];
  if (view?.held) {
    parts.push(`${view.held} held`);
  }
  if (view) {
    parts.push(`${view.results ?? 0} ${view.results === 1 ? 'result' : 'results'}`);
  }
  return parts.join(', ');
}

/** Before it runs, a flow stands still. */
function empty(shape: Shape, breaks: Array<{ node: string; id: string }>): View {
  return { flow: shape.name, version: 0, wires: [], runs: {},
    nodes: shape.nodes.map(n => ({ id: n.id, lang: n.lang, status: 'idle', version: 0, breaks: breaks.filter(b => b.node === n.id).map(b => b.id) })) };
}
