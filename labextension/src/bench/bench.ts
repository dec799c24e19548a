/** Debug view of one flow: toolbar, graph, inspector, timeline, logs. The widget and the panel show the same view. */

import type { Connection } from '../client/connection';
import { Beat } from '../graph/beat';
import { press, VIEW_KEYS, type ViewKey } from '../graph/keymap';
import { FOOT } from '../graph/pan';
import { GraphView } from '../graph/view';
import type { Shape, Side } from '../graph/model';
import type { Record as Step, RunInfo, View } from '../wire';
import { Acts } from './acts';
import { Aside } from './aside';
import { Dock } from './dock';
import { h } from './dom';
import { settle } from './drafts';
import { Follower, type Target } from './follow';
import { Frame } from './frame';
import { Inspector } from './inspector';
import { toggleKeys } from './keylist';
import { hasTabs, openTab, panelIsThere } from './lab';
import { Logs } from './logs';
import { Menus } from './menus';
import { news } from './news';
import { Notices, type Notice } from './notices';
import { offers } from './offers';
import { setPaused } from './paused';
import { Progress } from './progress';
import { entriesOf, portsOf, sound } from './shape';
import { recall, remember } from './remember';
import { addBenchStyle } from './style';
import { Timeline } from './timeline';
import { Undo } from './undo';
import { lastValues, told, wiresOf } from './values';
import { drive, Toolbar, type Actions, type Phase } from './toolbar';
import { Tools } from './tools';

export type { Target };

const OVER = new Set(['done', 'failed', 'cancelled']);
/** Width in pixels below which the parts are stacked. */
const NARROW = 680;
/** Milliseconds to wait for an answer before the view is marked as not live. */
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
  private readonly frame: Frame;
  private readonly aside: Aside;
  private readonly menus: Menus;
  private readonly tools = new Tools({ find: () => this.graph.find(), fold: () => this.graph.fold(), inspector: () => this.aside.toggle(), maximise: () => this.maximise(), tab: () => this.tab(),
    keys: () => toggleKeys(this.node) });
  private readonly progress = new Progress();
  private readonly notices = new Notices();
  private readonly undo = new Undo(this.notices, why => { this.problem.textContent = why; });
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
  private wire = '';
  /** Run of the flow, not shown in this view. */
  private newest: RunInfo | null = null;
  private looked: Step | null = null;
  /** Dot clicked before the dispatcher answered. */
  private early: [string, Side, string] | null = null;

  constructor(private readonly host: HTMLElement, private readonly connection: Connection, private readonly target: Target) {
    addBenchStyle(document);
    host.classList.add('floe-host');
    const actions = this.actions();
    this.toolbar = new Toolbar(actions);
    this.known = new Follower(connection, target, {
      changed: () => this.changed(), shape: shape => this.draw(shape), problem: text => { this.problem.textContent = text; },
      newest: run => { this.newest = run; this.beat?.ask(); } });
    this.acts = new Acts(connection, this.known, target.flow, (run, node) => this.forked(run, node), (text, back) => this.undo.note(text, back));
    this.inspector = new Inspector({ set: b => this.acts.setBreak(b), clear: id => this.acts.clearBreak(id), message: m => this.acts.message(m),
      inject: (node, port, text) => this.acts.inject(node, port, text), select: node => this.graph.choose(node), look: step => this.look(step), results: { copy: () => this.acts.copyResults(), dataframe: () => this.dataframe() } });
    this.timeline = new Timeline({ look: step => this.look(step), backTo: step => this.attempt(() => this.acts.backTo(step)),
      fork: step => this.attempt(() => this.acts.forkStep(step)) });
    this.labels = { timeline: this.dock.add('timeline', 'Timeline', this.timeline.node), logs: this.dock.add('logs', 'Logs', this.logs.node) };
    this.dock.opened = () => this.beat.ask();
    this.frame = new Frame(host, this.canvas, `${target.workspace ?? ''} ${target.flow}`, () => this.beat.ask());
    this.aside = new Aside(this.inspector.node, this.canvas, () => this.beat?.ask());
    this.toolbar.node.append(this.notices.node, this.tools.node);
    this.node.append(this.toolbar.node, this.notice, this.problem, this.progress.node,
      h('div', { class: 'floe-split' }, this.canvas, this.inspector.node), this.dock.node, this.frame.grip);
    host.append(this.node);
    this.beat = new Beat(this.node, () => this.refresh());
    this.graph = new GraphView(this.canvas, { select: node => this.select(node), open: () => { this.aside.look(); this.inspector.node.focus(); },
      toggleBreak: (node, side, port) => void this.attempt(() => this.toggle(node, side, port)), message: (id, node) => this.inspect(id, node),
      wire: name => this.chooseWire(name), point: name => this.want(name),
      folded: on => remember('unfolded', on ? undefined : true) }, recall('unfolded') !== true);
    this.menus = new Menus(this.node, offers({ host, node: this.node, name: target.flow, graph: this.graph, known: this.known, acts: this.acts, shape: () => this.shape,
      look: node => { this.graph.choose(node); this.aside.look(); this.inspector.node.focus(); }, tab: node => this.tab(node),
      toggle: (...at) => this.toggle(...at), attempt: work => void this.attempt(work), say: text => this.notices.say({ text, links: [] }), inspector: () => this.aside.toggle(), maximise: () => this.maximise() }));
    this.watch(actions);
  }

  dispose(): void {
    setPaused(this, false);
    this.ends.forEach(end => end());
    this.known.dispose();
    this.frame.dispose();
    this.aside.dispose();
    this.beat.dispose();
    this.graph.dispose();
    this.host.classList.remove('floe-host', 'narrow');
    this.node.remove();
  }

  /** Draw a known shape before the dispatcher answers. */
  draw(shape: Shape): void {
    this.shape = sound(shape);
    this.graph?.setFlow(this.shape);
    this.beat?.ask();
  }

  /** Show a saved snapshot, as maybe no dispatcher runs. Ignored once the view is live, since live data is newer. */
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
    this.ends.push(() => size.disconnect(), () => clearTimeout(late));
    const acts = { ...drive(actions, () => this.phase(), why => { this.problem.textContent = why; }), maximise: () => this.maximise(),
      find: () => this.graph.find(), menu: () => this.menus.open(), restore: () => this.frame.maximised && this.frame.maximise(false),
      inspector: () => this.aside.toggle(), keys: () => toggleKeys(this.node), undo: () => this.undo.last() };
    // capture, to see keys before the picture does: Escape restores a maximised view first
    this.node.addEventListener('keydown', e => { if (!within(e)) { press<ViewKey>(e, VIEW_KEYS, acts); } }, { capture: true });
  }

  private maximise(): void {
    this.frame.maximise(!this.frame.maximised);
  }

  /** Open a tab of JupyterLab with the flow, or with the run shown in this view. */
  private tab(node?: string): void {
    this.frame.maximise(false);
    const { flow, workspace = '', instance, ref } = this.target;
    openTab(this.host, { flow, workspace, instance: ref || instance ? this.known.flow : '', node });
  }

  /** Height in pixels that the graph needs at its present width. */
  private natural(): number {
    const { width, height } = this.graph.natural;
    return Math.ceil(height * Math.min(1, (this.canvas.clientWidth || width) / width)) + FOOT;
  }

  private phase(): Phase {
    const { view, info, live, isRun } = this.known;
    return { paused: Boolean(view && (view.paused || view.held)), over: !view || Boolean(isRun && info && OVER.has(info.status)),
      recorded: view?.recorded ?? 0, live: live && this.connection.state === 'open' };
  }

  /** Draw all known data; called at most twenty times a second, and only while the view is visible. */
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
    this.toolbar.show(phase, shown, words(shown, view, phase.live || !this.late) || 'connecting');
    this.tools.show({ open: this.aside.open, maximised: this.frame.maximised, tabs: hasTabs(this.host), large: this.graph.large });
    this.progress.show(view, known.info, this.target.total ?? 0, entriesOf(this.shape), known.work);
    this.details(view, phase);
    this.notices.tell(phase.live ? this.news(view) : null);
    this.tell(phase.live);
  }

  /** Return the news of the run; if only the flow is shown, of its newest run. */
  private news(view: View | null): Notice | null {
    const { known, newest } = this;
    if (newest && !known.info) {
      return { text: `Newest run: ${newest.ref}, ${newest.status}`, links: [{ label: 'open', cmd: 'open-newest', act: () => this.open(newest, '') }] };
    }
    return news(view, known.isRun ? known.info : null, known.held, { look: (node, message) => this.lookAt(node, message) });
  }

  /** Look at a node and a message because the person asked; if both are empty, at the outcome of the flow as a whole. */
  private lookAt(node: string, message: string): void {
    this.looked = null;
    this.inspector.node.scrollTop = 0;
    this.inspect(message, node);
    this.inspector.node.focus({ preventScroll: true });
  }

  private async dataframe(): Promise<void> {
    const where = await this.acts.dataframe(this.node);
    this.notices.say({ text: where === 'cell' ? 'A cell with the DataFrame stands below' : 'Copied: paste it into a cell', links: [] });
  }

  private forked(run: RunInfo, node: string): void {
    this.notices.say({ text: `Forked as ${run.ref}, held in front of ${node}`, links: [{ label: 'open', cmd: 'open-fork', act: () => this.open(run, node) }] });
  }

  /** Show another run: in a tab if tabs exist, otherwise in this view, with a way back. */
  private open(run: RunInfo, node: string): void {
    const { flow, workspace = '' } = this.target;
    if (panelIsThere()) {
      this.frame.maximise(false);
      openTab(this.host, { flow, workspace, instance: run.instance || run.ref, node });
      return;
    }
    const { info } = this.known;
    this.known.turnTo(run);
    this.graph.choose(node || null);
    this.notices.say(info && { text: `This is ${run.ref}`, links: [{ label: `back to ${info.ref}`, cmd: 'open-former', act: () => this.open(info, node) }] });
  }

  /** React to new data. The mark of the page is kept right even while this view is invisible and does not draw. */
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
    const wires = wiresOf(shape, this.selected, this.wire);
    const views = view?.wires ?? [];
    this.graph.tell(told(known.latest));
    this.inspector.show({ node, wire: this.wire ? views.find(w => w.name === this.wire) ?? { name: this.wire, sent: 0 } : null,
      values: lastValues(wires, this.selected, views, known.latest), step: this.looked, message: this.message, ports: node ? portsOf(shape, node.id) : [], held: known.held,
      waiting: view?.held ?? 0, breaks: known.breaks, steps: known.steps, failures: known.info?.failures ?? [], results: known.results, total: known.total, live, over });
    this.timeline.show(known.steps, live, over);
    this.labels.timeline(known.steps.length ? `Timeline (${known.steps.length})` : 'Timeline');
    this.labels.logs(known.said ? `Logs (${known.said})` : 'Logs');
    if (this.dock.shows(this.logs.node)) {
      this.logs.show(known.lines, known.said, shape.nodes.map(n => n.id));
    }
  }

  /** True if an answer is overdue. */
  private get late(): boolean {
    const { connection: { state }, known } = this;
    return performance.now() - this.begun >= PATIENCE || state !== 'connecting' && state !== 'open' || state === 'open' && known.answered;
  }

  private tell(live: boolean): void {
    const { state } = this.connection;
    const text = live || !this.late ? '' : WHY.get(state === 'open' && !this.known.answered ? 'connecting' : state) ?? '';
    this.notice.hidden = !text;
    if (this.notice.textContent !== text) {
      this.notice.textContent = text;
    }
  }

  private chooseWire(name: string): void {
    this.wire = name;
    this.want('');
    this.aside.look();
    this.beat.ask();
  }

  /** Ask for the last values of the selection and of the wire under the pointer. */
  private want(pointed: string): void {
    const wires = wiresOf(this.shape, this.selected, this.wire).map(w => w.name);
    this.known.wires = [...new Set([...wires, ...pointed ? [pointed] : []])];
    this.known.later();
  }

  private select(node: string | null): void {
    this.wire = '';
    this.selected = this.known.node = node;
    this.aside.select(node !== null);
    this.looked = null;
    this.want('');
    this.beat.ask();
  }

  /** Open the inspector on a node, with this message first; '' for the first message. */
  inspect(message: string, node: string): void {
    this.message = message;
    this.known.message = message && `${message}@${node}`;
    this.graph.choose(node || null);
    this.aside.look();
    if (message) {
      this.inspector.reveal('held', message);
    }
  }

  private look(step: Step | null): void {
    this.looked = step;
    if (step) {
      this.graph.select(step.node);
      this.selected = step.node;
      this.aside.select(true);
    }
    this.beat.ask();
  }

  private async toggle(node: string, side: Side, port: string): Promise<void> {
    if (!this.phase().live) {
      this.early = ['connecting', 'open'].includes(this.connection.state) ? [node, side, port] : null; // kept for `changed`
      return;
    }
    const there = this.known.breaks.filter(b => b.node === node && b.side === side && (!b.port || b.port === port || !port));
    if (there.length) {
      await Promise.all(there.map(b => this.acts.clearBreak(b.id)));
    } else {
      await this.acts.setBreak({ node, side, port });
      this.graph.choose(node);
      this.aside.look();
      this.inspector.reveal('breaks');
    }
  }

  private actions(): Actions {
    const go = (name: 'resume' | 'pause' | 'step' | 'back') => () => void this.attempt(() => this.acts.go(name));
    const on = (name: 'resume' | 'step') => () => void this.attempt(async () => { await settle(this.node); await this.acts.go(name); });
    return { resume: on('resume'), pause: go('pause'), step: on('step'), back: go('back'), stop: () => void this.attempt(() => this.acts.stop()) };
  }

  /** Run an action with the dispatcher and show its error, if any. */
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
  const parts = status === 'saved' || status === 'held' && view?.held ? [] : [status];
  if (view?.held) {
    parts.push(`${view.held} ${view.held === 1 ? 'message' : 'messages'} held`);
  }
  if (!live) {
    parts.push('not live');
  }
  if (view) {
    parts.push(`${view.results ?? 0} ${view.results === 1 ? 'result' : 'results'}`);
    const total = (part: 'dropped' | 'unfinished') => view.nodes.reduce((sum, node) => sum + (node[part] ?? 0), 0);
    parts.push(...(['dropped', 'unfinished'] as const).filter(part => total(part)).map(part => `${total(part)} ${part}`));
  }
  return parts.join(', ');
}

/** Return true for signs and Escape in a menu, list or search, which have keys of their own or close. */
function within({ key, target }: KeyboardEvent): boolean {
  return (key.length === 1 || key === 'Escape') && Boolean((target as Element).closest('.floe-popup'));
}

/** Return the view of a flow before its first run: all nodes idle. */
function empty(shape: Shape, breaks: Array<{ node: string; id: string }>): View {
  return { flow: shape.name, version: 0, wires: [], runs: {},
    nodes: shape.nodes.map(n => ({ id: n.id, lang: n.lang, status: 'idle', version: 0, breaks: breaks.filter(b => b.node === n.id).map(b => b.id) })) };
}
