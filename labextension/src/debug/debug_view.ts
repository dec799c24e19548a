/** Debug view of one flow: toolbar, graph, inspector, timeline, logs. The widget and the panel show the same view. */

import type { Connection } from '../client/connection';
import { DrawThrottle } from '../graph/throttle';
import { press, VIEW_KEYS, type ViewKey } from '../graph/controls/keymap';
import { FOOT } from '../graph/controls/pan';
import { GraphView } from '../graph/view';
import type { Shape, Side } from '../graph/model';
import type { Record as Step, RunInfo, View } from '../wire';
import { Actions } from './actions';
import { InspectorFold } from './inspector/fold';
import { Dock } from './dock/dock';
import { h } from '../page/dom';
import { saveDrafts } from './inspector/drafts';
import { RunStore, type Target } from './store';
import { Frame } from './frame';
import { Inspector } from './inspector/inspector';
import { toggleKeys } from './menus/key_list';
import { hasTabs, openTab, panelIsThere } from '../page/lab_requests';
import { Logs } from './dock/logs';
import { Menus } from './menus/menus';
import { runNotice } from './toolbar/run_notice';
import { Notices, type Notice } from './toolbar/notices';
import { menuActions } from './menus/menu_actions';
import { setPaused } from '../page/paused';
import { Progress } from './toolbar/progress';
import { entriesOf, portsOf, sanitized } from './shape';
import { storedValue, storeValue } from '../page/storage';
import { addDebugStyle } from './style';
import { Timeline } from './dock/timeline';
import { Undo } from './undo';
import { lastValues, shortValues, wiresOf } from './inspector/last_values';
import { keyActions, Toolbar, type RunControls, type Phase } from './toolbar/toolbar';
import { ViewButtons } from './toolbar/view_buttons';

export type { Target };

const OVER = new Set(['done', 'failed', 'cancelled']);
/** Width in pixels below which the parts are stacked. */
const NARROW = 680;
/** Milliseconds to wait for an answer before the view is marked as not live. */
const PATIENCE = 1_500;

const NOT_LIVE = new Map([
  ['connecting', 'Not live: waiting for the dispatcher. What is shown is the last saved state.'],
  ['absent', 'Not live: no dispatcher runs. What is shown is the last saved state; run the cell to start again.'],
  ['unserved', 'Not live: this server has no bridge to the dispatcher. What is shown is the last saved state.'],
  ['closed', 'Not live: the connection was closed. What is shown is the last saved state.'],
  ['open', 'Not live: this run is not known any more. What is shown is the last saved state; run the cell to start again.']
]);

export class DebugView {
  readonly node = h('div', { class: 'floe-bench', tabindex: -1 });
  private readonly canvas = h('div', { class: 'floe-canvas' });
  private readonly graph: GraphView;
  private readonly toolbar: Toolbar;
  private readonly inspector: Inspector;
  private readonly timeline: Timeline;
  private readonly logs = new Logs();
  private readonly dock = new Dock();
  private readonly frame: Frame;
  private readonly inspectorFold: InspectorFold;
  private readonly menus: Menus;
  private readonly viewButtons = new ViewButtons({ find: () => this.graph.find(), fold: () => this.graph.fold(), inspector: () => this.inspectorFold.toggle(), maximise: () => this.maximise(), tab: () => this.tab(),
    keys: () => toggleKeys(this.node) });
  private readonly progress = new Progress();
  private readonly notices = new Notices();
  private readonly undo = new Undo(this.notices, why => { this.problem.textContent = why; });
  private readonly store: RunStore;
  private readonly actions: Actions;
  private readonly throttle: DrawThrottle;
  private readonly problem = h('div', { class: 'floe-problem', role: 'alert' });
  private readonly notice = h('div', { class: 'floe-notice', role: 'status', hidden: true });
  private readonly disposers: Array<() => void> = [];
  private readonly openedAt = performance.now();
  private readonly labels: { timeline(text: string): void; logs(text: string): void };
  private shape: Shape = { name: '', nodes: [], wires: [] };
  private selected: string | null = null;
  private message = '';
  private wire = '';
  /** Run of the flow, not shown in this view. */
  private newest: RunInfo | null = null;
  private shownStep: Step | null = null;
  /** Dot clicked before the dispatcher answered. */
  private earlyClick: [string, Side, string] | null = null;

  constructor(private readonly host: HTMLElement, private readonly connection: Connection, private readonly target: Target) {
    addDebugStyle(document);
    host.classList.add('floe-host');
    const controls = this.controls();
    this.toolbar = new Toolbar(controls);
    this.store = new RunStore(connection, target, {
      changed: () => this.changed(), shape: shape => this.draw(shape), problem: text => { this.problem.textContent = text; },
      newest: run => { this.newest = run; this.throttle?.request(); } });
    this.actions = new Actions(connection, this.store, target.flow, (run, node) => this.forked(run, node), (text, back) => this.undo.record(text, back));
    this.inspector = new Inspector({ set: b => this.actions.setBreak(b), clear: id => this.actions.clearBreak(id), message: m => this.actions.message(m),
      inject: (node, port, text) => this.actions.inject(node, port, text), select: node => this.graph.choose(node), look: step => this.look(step), results: { copy: () => this.actions.copyResults(), dataframe: () => this.dataframe() } });
    this.timeline = new Timeline({ look: step => this.look(step), backTo: step => this.attempt(() => this.actions.backTo(step)),
      fork: step => this.attempt(() => this.actions.forkStep(step)) });
    this.labels = { timeline: this.dock.add('timeline', 'Timeline', this.timeline.node), logs: this.dock.add('logs', 'Logs', this.logs.node) };
    this.dock.onOpen = () => this.throttle.request();
    this.frame = new Frame(host, this.canvas, `${target.workspace ?? ''} ${target.flow}`, () => this.throttle.request());
    this.inspectorFold = new InspectorFold(this.inspector.node, this.canvas, () => this.throttle?.request());
    this.toolbar.node.append(this.notices.node, this.viewButtons.node);
    this.node.append(this.toolbar.node, this.notice, this.problem, this.progress.node,
      h('div', { class: 'floe-split' }, this.canvas, this.inspector.node), this.dock.node, this.frame.grip);
    host.append(this.node);
    this.throttle = new DrawThrottle(this.node, () => this.refresh());
    this.graph = new GraphView(this.canvas, { select: node => this.select(node), open: () => { this.inspectorFold.showNow(); this.inspector.node.focus(); },
      toggleBreak: (node, side, port) => void this.attempt(() => this.toggle(node, side, port)), message: (id, node) => this.inspect(id, node),
      wire: name => this.chooseWire(name), point: name => this.requestValues(name),
      folded: on => storeValue('unfolded', on ? undefined : true) }, storedValue('unfolded') !== true);
    this.menus = new Menus(this.node, menuActions({ host, node: this.node, name: target.flow, graph: this.graph, store: this.store, actions: this.actions, shape: () => this.shape,
      look: node => { this.graph.choose(node); this.inspectorFold.showNow(); this.inspector.node.focus(); }, tab: node => this.tab(node),
      toggle: (...at) => this.toggle(...at), attempt: work => void this.attempt(work), announce: text => this.notices.announce({ text, links: [] }), inspector: () => this.inspectorFold.toggle(), maximise: () => this.maximise() }));
    this.watch(controls);
  }

  dispose(): void {
    setPaused(this, false);
    this.disposers.forEach(end => end());
    this.store.dispose();
    this.frame.dispose();
    this.inspectorFold.dispose();
    this.throttle.dispose();
    this.graph.dispose();
    this.host.classList.remove('floe-host', 'narrow');
    this.node.remove();
  }

  /** Draw a known shape before the dispatcher answers. */
  draw(shape: Shape): void {
    this.shape = sanitized(shape);
    this.graph?.setFlow(this.shape);
    this.throttle?.request();
  }

  /** Show a saved snapshot, as maybe no dispatcher runs. Ignored once the view is live, since live data is newer. */
  show(view: View): void {
    if (!this.store.live && Array.isArray(view.nodes) && Array.isArray(view.wires)) {
      this.store.view = view;
      this.throttle.request();
    }
  }

  private watch(controls: RunControls): void {
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
    const timer = setTimeout(() => this.throttle.request(), PATIENCE);
    this.disposers.push(() => size.disconnect(), () => clearTimeout(timer));
    const handlers = { ...keyActions(controls, () => this.phase(), why => { this.problem.textContent = why; }), maximise: () => this.maximise(),
      find: () => this.graph.find(), menu: () => this.menus.open(), restore: () => this.frame.maximised && this.frame.maximise(false),
      inspector: () => this.inspectorFold.toggle(), keys: () => toggleKeys(this.node), undo: () => this.undo.undoLast() };
    // capture, to see keys before the picture does: Escape restores a maximised view first
    this.node.addEventListener('keydown', e => { if (!isPopupKey(e)) { press<ViewKey>(e, VIEW_KEYS, handlers); } }, { capture: true });
  }

  private maximise(): void {
    this.frame.maximise(!this.frame.maximised);
  }

  /** Open a tab of JupyterLab with the flow, or with the run shown in this view. */
  private tab(node?: string): void {
    this.frame.maximise(false);
    const { flow, workspace = '', instance, ref } = this.target;
    openTab(this.host, { flow, workspace, instance: ref || instance ? this.store.flow : '', node });
  }

  /** Height in pixels that the graph needs at its present width. */
  private natural(): number {
    const { width, height } = this.graph.natural;
    return Math.ceil(height * Math.min(1, (this.canvas.clientWidth || width) / width)) + FOOT;
  }

  private phase(): Phase {
    const { view, info, live, isRun } = this.store;
    return { paused: Boolean(view && (view.paused || view.held)), over: !view || Boolean(isRun && info && OVER.has(info.status)),
      recorded: view?.recorded ?? 0, live: live && this.connection.state === 'open' };
  }

  /** Draw all known data; called at most twenty times a second, and only while the view is visible. */
  private refresh(): void {
    const { view, store } = { view: this.store.view, store: this.store };
    const phase = this.phase();
    Object.assign(this.node.dataset, { flow: this.target.flow, instance: store.flow });
    if (view) {
      this.graph.patch({ view, held: store.held, breaks: store.breaks });
    } else if (store.breaks.length || this.shape.nodes.length) {
      this.graph.patch({ view: idleView(this.shape, store.breaks), held: [], breaks: store.breaks });
    }
    const status = !phase.live ? this.target.status || 'saved' : store.info?.status ?? (view?.held ? 'held' : view ? 'active' : 'defined');
    const shown = status === 'active' && view?.paused ? 'paused' : status;
    this.toolbar.show(phase, shown, statusText(shown, view, phase.live || !this.overdue) || 'connecting');
    this.viewButtons.show({ open: this.inspectorFold.open, maximised: this.frame.maximised, tabs: hasTabs(this.host), large: this.graph.large });
    this.progress.show(view, store.info, this.target.total ?? 0, entriesOf(this.shape), store.work);
    this.details(view, phase);
    this.notices.showOutcome(phase.live ? this.outcome(view) : null);
    this.showConnection(phase.live);
  }

  /** Return the news of the run; if only the flow is shown, of its newest run. */
  private outcome(view: View | null): Notice | null {
    const { store, newest } = this;
    if (newest && !store.info) {
      return { text: `Newest run: ${newest.ref}, ${newest.status}`, links: [{ label: 'open', cmd: 'open-newest', act: () => this.open(newest, '') }] };
    }
    return runNotice(view, store.isRun ? store.info : null, store.held, { look: (node, message) => this.lookAt(node, message) });
  }

  /** Look at a node and a message because the person asked; if both are empty, at the outcome of the flow as a whole. */
  private lookAt(node: string, message: string): void {
    this.shownStep = null;
    this.inspector.node.scrollTop = 0;
    this.inspect(message, node);
    this.inspector.node.focus({ preventScroll: true });
  }

  private async dataframe(): Promise<void> {
    const where = await this.actions.dataframe(this.node);
    this.notices.announce({ text: where === 'cell' ? 'A cell with the DataFrame stands below' : 'Copied: paste it into a cell', links: [] });
  }

  private forked(run: RunInfo, node: string): void {
    this.notices.announce({ text: `Forked as ${run.ref}, held in front of ${node}`, links: [{ label: 'open', cmd: 'open-fork', act: () => this.open(run, node) }] });
  }

  /** Show another run: in a tab if tabs exist, otherwise in this view, with a way back. */
  private open(run: RunInfo, node: string): void {
    const { flow, workspace = '' } = this.target;
    if (panelIsThere()) {
      this.frame.maximise(false);
      openTab(this.host, { flow, workspace, instance: run.instance || run.ref, node });
      return;
    }
    const { info } = this.store;
    this.store.switchToRun(run);
    this.graph.choose(node || null);
    this.notices.announce(info && { text: `This is ${run.ref}`, links: [{ label: `back to ${info.ref}`, cmd: 'open-former', act: () => this.open(info, node) }] });
  }

  /** React to new data. The mark of the page is kept right even while this view is invisible and does not draw. */
  private changed(): void {
    if (this.store && this.throttle) {
      const { live, paused, over } = this.phase();
      setPaused(this, live && paused && !over);
      this.throttle.request();
      const earlyClick = live ? this.earlyClick : null;
      if (earlyClick) {
        this.earlyClick = null;
        void this.attempt(() => this.toggle(...earlyClick));
      }
    }
  }

  private details(view: View | null, { live, over }: Phase): void {
    const { store, shape } = this;
    const node = (view ?? idleView(shape, [])).nodes.find(n => n.id === this.selected) ?? null;
    const wires = wiresOf(shape, this.selected, this.wire);
    const views = view?.wires ?? [];
    this.graph.setValues(shortValues(store.latest));
    this.inspector.show({ node, wire: this.wire ? views.find(w => w.name === this.wire) ?? { name: this.wire, sent: 0 } : null,
      values: lastValues(wires, this.selected, views, store.latest), step: this.shownStep, message: this.message, ports: node ? portsOf(shape, node.id) : [], held: store.held,
      waiting: view?.held ?? 0, breaks: store.breaks, steps: store.steps, failures: store.info?.failures ?? [], results: store.results, total: store.total, live, over });
    this.timeline.show(store.steps, live, over);
    this.labels.timeline(store.steps.length ? `Timeline (${store.steps.length})` : 'Timeline');
    this.labels.logs(store.lineCount ? `Logs (${store.lineCount})` : 'Logs');
    if (this.dock.isOpen(this.logs.node)) {
      this.logs.show(store.lines, store.lineCount, shape.nodes.map(n => n.id));
    }
  }

  /** True if an answer is overdue. */
  private get overdue(): boolean {
    const { connection: { state }, store } = this;
    return performance.now() - this.openedAt >= PATIENCE || state !== 'connecting' && state !== 'open' || state === 'open' && store.answered;
  }

  private showConnection(live: boolean): void {
    const { state } = this.connection;
    const text = live || !this.overdue ? '' : NOT_LIVE.get(state === 'open' && !this.store.answered ? 'connecting' : state) ?? '';
    this.notice.hidden = !text;
    if (this.notice.textContent !== text) {
      this.notice.textContent = text;
    }
  }

  private chooseWire(name: string): void {
    this.wire = name;
    this.requestValues('');
    this.inspectorFold.showNow();
    this.throttle.request();
  }

  /** Ask for the last values of the selection and of the wire under the pointer. */
  private requestValues(pointed: string): void {
    const wires = wiresOf(this.shape, this.selected, this.wire).map(w => w.name);
    this.store.wires = [...new Set([...wires, ...pointed ? [pointed] : []])];
    this.store.requestDetails();
  }

  private select(node: string | null): void {
    this.wire = '';
    this.selected = this.store.node = node;
    this.inspectorFold.select(node !== null);
    this.shownStep = null;
    this.requestValues('');
    this.throttle.request();
  }

  /** Open the inspector on a node, with this message first; '' for the first message. */
  inspect(message: string, node: string): void {
    this.message = message;
    this.store.message = message && `${message}@${node}`;
    this.graph.choose(node || null);
    this.inspectorFold.showNow();
    if (message) {
      this.inspector.reveal('held', message);
    }
  }

  private look(step: Step | null): void {
    this.shownStep = step;
    if (step) {
      this.graph.select(step.node);
      this.selected = step.node;
      this.inspectorFold.select(true);
    }
    this.throttle.request();
  }

  private async toggle(node: string, side: Side, port: string): Promise<void> {
    if (!this.phase().live) {
      this.earlyClick = ['connecting', 'open'].includes(this.connection.state) ? [node, side, port] : null; // kept for `changed`
      return;
    }
    const there = this.store.breaks.filter(b => b.node === node && b.side === side && (!b.port || b.port === port || !port));
    if (there.length) {
      await Promise.all(there.map(b => this.actions.clearBreak(b.id)));
    } else {
      await this.actions.setBreak({ node, side, port });
      this.graph.choose(node);
      this.inspectorFold.showNow();
      this.inspector.reveal('breaks');
    }
  }

  private controls(): RunControls {
    const go = (name: 'resume' | 'pause' | 'step' | 'back') => () => void this.attempt(() => this.actions.go(name));
    const on = (name: 'resume' | 'step') => () => void this.attempt(async () => { await saveDrafts(this.node); await this.actions.go(name); });
    return { resume: on('resume'), pause: go('pause'), step: on('step'), back: go('back'), stop: () => void this.attempt(() => this.actions.stop()) };
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

function statusText(status: string, view: View | null, live: boolean): string {
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
function isPopupKey({ key, target }: KeyboardEvent): boolean {
  return (key.length === 1 || key === 'Escape') && Boolean((target as Element).closest('.floe-popup'));
}

/** Return the view of a flow before its first run: all nodes idle. */
function idleView(shape: Shape, breaks: Array<{ node: string; id: string }>): View {
  return { flow: shape.name, version: 0, wires: [], runs: {},
    nodes: shape.nodes.map(n => ({ id: n.id, lang: n.lang, status: 'idle', version: 0, breaks: breaks.filter(b => b.node === n.id).map(b => b.id) })) };
}
