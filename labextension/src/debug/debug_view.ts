/** Debug view of one flow: toolbar, graph, inspector, timeline, logs. The widget and the panel show the same view. */

import type { Connection } from '../client/connection';
import { press, VIEW_KEYS, type ViewKey } from '../graph/controls/keymap';
import { FOOT } from '../graph/controls/pan';
import type { Look } from '../graph/layouts';
import type { Shape } from '../graph/model';
import { DrawThrottle } from '../graph/throttle';
import { GraphView } from '../graph/view';
import { h } from '../page/dom';
import { problemLine } from '../page/problem';
import { setPaused } from '../page/paused';
import { storedValue, storeValue } from '../page/storage';
import type { PageLayout, View } from '../wire';
import { Actions } from './actions';
import { Dock } from './dock/dock';
import { Logs } from './dock/logs';
import { Timeline } from './dock/timeline';
import { Frame } from './frame';
import { InspectorFold } from './inspector/fold';
import { Inspector } from './inspector/inspector';
import { toggleKeys } from './menus/key_list';
import { menuActions } from './menus/menu_actions';
import { Menus } from './menus/menus';
import { OtherRuns, type OtherRunsParts } from './other_runs';
import { PATIENCE, Presenter, type PresenterParts } from './presenter';
import { RunCommands, type RunCommandsParts } from './run_commands';
import { Selection, type SelectionParts } from './selection';
import { sanitized, sanitizedLayouts } from './shape';
import { phaseOf } from './status';
import { RunStore, type Target } from './store';
import { addDebugStyle } from './style';
import { Notices } from './toolbar/notices';
import { Progress } from './toolbar/progress';
import { keyActions, Toolbar, type Phase, type RunControls } from './toolbar/toolbar';
import { ViewButtons } from './toolbar/view_buttons';
import { Undo } from './undo';

export type { Target };

/** Width in pixels below which the parts are stacked. */
const NARROW = 680;

export class DebugView implements PresenterParts, SelectionParts, OtherRunsParts, RunCommandsParts {
  // the panel finds the views of saved notebooks by this class, also those of older bundles
  readonly node = h('div', { class: 'floe-bench', tabindex: -1 });
  private readonly canvas = h('div', { class: 'floe-canvas' });
  private readonly problem = problemLine();
  readonly notice = h('div', { class: 'floe-notice', role: 'status', hidden: true });
  readonly store: RunStore;
  readonly actions: Actions;
  private readonly commands = new RunCommands(this);
  readonly toolbar: Toolbar;
  readonly progress = new Progress();
  readonly notices = new Notices();
  private readonly undo = new Undo(this.notices, why => this.showProblem(why));
  readonly viewButtons = new ViewButtons({
    find: () => this.graph.find(),
    fold: () => this.graph.fold(),
    inspector: () => this.fold.toggle(),
    maximise: () => this.maximise(),
    tab: () => this.otherRuns.openTab(),
    keys: () => toggleKeys(this.node)
  });
  readonly graph: GraphView;
  readonly inspector: Inspector;
  readonly fold: InspectorFold;
  readonly selection = new Selection(this);
  readonly otherRuns = new OtherRuns(this);
  readonly timeline = new Timeline({
    look: step => this.selection.selectStep(step),
    backTo: step => this.attempt(() => this.actions.backTo(step)),
    fork: step => this.attempt(() => this.actions.forkStep(step))
  });
  readonly logs = new Logs();
  readonly dock = new Dock();
  private readonly presenter: Presenter;
  readonly frame: Frame;
  private readonly menus: Menus;
  private readonly throttle: DrawThrottle;
  private readonly disposers: Array<() => void> = [];
  shape: Shape = { name: '', nodes: [], wires: [] };

  constructor(
    readonly host: HTMLElement,
    readonly connection: Connection,
    readonly target: Target
  ) {
    addDebugStyle(document);
    host.classList.add('floe-host');
    this.store = new RunStore(connection, target, {
      changed: () => this.changed(),
      shape: shape => this.draw(shape),
      problem: text => this.showProblem(text),
      newest: run => {
        this.otherRuns.newest = run;
        this.redraw();
      }
    });
    this.actions = new Actions(
      connection,
      this.store,
      target.flow,
      (run, node) => this.otherRuns.announceFork(run, node),
      (text, back) => this.undo.record(text, back)
    );
    const controls = this.commands.controls();
    this.toolbar = new Toolbar(controls);
    this.inspector = this.makeInspector();
    this.dock.onOpen = () => this.redraw();
    this.frame = new Frame(host, this.canvas, `${target.workspace ?? ''} ${target.flow}`, () => this.redraw());
    this.fold = new InspectorFold(this.inspector.node, this.canvas, () => this.redraw());
    this.assemble();
    this.throttle = new DrawThrottle(this.node, () => this.presenter.draw());
    this.graph = this.makeGraph();
    this.presenter = new Presenter(this);
    this.menus = this.makeMenus();
    this.watchSize();
    this.handleKeys(controls);
  }

  dispose(): void {
    setPaused(this, false);
    this.disposers.forEach(end => end());
    this.store.dispose();
    this.frame.dispose();
    this.fold.dispose();
    this.throttle.dispose();
    this.graph.dispose();
    this.host.classList.remove('floe-host', 'narrow');
    this.node.remove();
  }

  /** Draw a known shape before the dispatcher answers; `layouts`: those known of it. */
  draw(shape: Shape, layouts: unknown = []): void {
    this.shape = sanitized(shape);
    this.graph?.setFlow(this.shape, sanitizedLayouts(layouts));
    this.redraw();
  }

  /** Show a saved snapshot, as maybe no dispatcher runs. Ignored once the view is live, since live data is newer. */
  show(view: View): void {
    if (!this.store.live && Array.isArray(view.nodes) && Array.isArray(view.wires)) {
      this.store.view = view;
      this.redraw();
    }
  }

  /** Open the inspector on a node, with this message first; '' for the first message. */
  inspect(message: string, node: string): void {
    this.selection.inspect(message, node);
  }

  // --- parts

  private makeInspector(): Inspector {
    const { actions } = this;
    return new Inspector({
      set: b => actions.setBreak(b),
      clear: id => actions.clearBreak(id),
      message: m => actions.message(m),
      inject: (node, port, text) => actions.inject(node, port, text),
      select: node => this.graph.choose(node),
      look: step => this.selection.selectStep(step),
      results: { copy: () => actions.copyResults(), dataframe: () => this.insertDataframe() }
    });
  }

  private makeGraph(): GraphView {
    return new GraphView(
      this.canvas,
      look => this.requestLayout(look),
      {
        select: node => this.selection.select(node),
        open: () => this.selection.focusInspector(),
        toggleBreak: (node, side, port) => void this.attempt(() => this.commands.toggle(node, side, port)),
        message: (id, node) => this.selection.inspect(id, node),
        wire: name => this.selection.selectWire(name),
        point: name => this.selection.requestValues(name),
        folded: on => storeValue('unfolded', on ? undefined : true),
        unanswered: () => this.showProblem('Boxes are folded and unfolded as soon as the dispatcher answers')
      },
      storedValue('unfolded') !== true
    );
  }

  /** Ask for positions; null while nobody answers: on `open`, the shape is drawn again. */
  private requestLayout(look: Look): Promise<PageLayout> | null {
    const { connection, target } = this;
    if (connection.state !== 'open') {
      return null;
    }
    const answer = connection.call('layout', { flow: target.flow, ...look });
    answer.catch((error: Error) => this.showProblem(error.message));
    return answer;
  }

  private makeMenus(): Menus {
    const { host, node, graph, store, actions } = this;
    const offered = menuActions({
      host,
      node,
      name: this.target.flow,
      graph,
      store,
      actions,
      shape: () => this.shape,
      look: at => this.selection.open(at),
      tab: at => this.otherRuns.openTab(at),
      toggle: (...at) => this.commands.toggle(...at),
      attempt: work => void this.attempt(work),
      announce: text => this.notices.announce({ text, links: [] }),
      inspector: () => this.fold.toggle(),
      maximise: () => this.maximise()
    });
    return new Menus(node, offered);
  }

  private assemble(): void {
    this.toolbar.node.append(this.notices.node, this.viewButtons.node);
    const split = h('div', { class: 'floe-split' }, this.canvas, this.inspector.node);
    this.node.append(this.toolbar.node, this.notice, this.problem, this.progress.node, split, this.dock.node, this.frame.grip);
    this.host.append(this.node);
  }

  // --- size and keys

  private watchSize(): void {
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
    const timer = setTimeout(() => this.redraw(), PATIENCE);
    this.disposers.push(
      () => size.disconnect(),
      () => clearTimeout(timer)
    );
  }

  private handleKeys(controls: RunControls): void {
    const handlers = {
      ...keyActions(
        controls,
        () => this.phase(),
        why => this.showProblem(why)
      ),
      maximise: () => this.maximise(),
      find: () => this.graph.find(),
      menu: () => this.menus.open(),
      restore: () => this.frame.maximised && this.frame.maximise(false),
      inspector: () => this.fold.toggle(),
      keys: () => toggleKeys(this.node),
      undo: () => this.undo.undoLast()
    };
    const handle = (event: KeyboardEvent) => {
      if (!isPopupKey(event)) {
        press<ViewKey>(event, VIEW_KEYS, handlers);
      }
    };
    // capture, to see keys before the picture does: Escape restores a maximised view first
    this.node.addEventListener('keydown', handle, { capture: true });
  }

  private maximise(): void {
    this.frame.maximise(!this.frame.maximised);
  }

  /** Height in pixels that the graph needs at its present width. */
  private natural(): number {
    const { width, height } = this.graph.natural;
    return Math.ceil(height * Math.min(1, (this.canvas.clientWidth || width) / width)) + FOOT;
  }

  // --- drawing

  /** Draw again soon. */
  redraw(): void {
    this.throttle?.request();
  }

  private phase(): Phase {
    return phaseOf(this.store, this.connection);
  }

  /** React to new data. The mark of the page is kept right even while this view is invisible and does not draw. */
  private changed(): void {
    if (this.store && this.throttle) {
      const { live, paused, over } = this.phase();
      setPaused(this, live && paused && !over);
      this.redraw();
      if (live) {
        this.commands.repeatEarlyClick();
      }
    }
  }

  // --- actions

  private async insertDataframe(): Promise<void> {
    const where = await this.actions.dataframe(this.node);
    const text = where === 'cell' ? 'A cell with the DataFrame was inserted below' : 'Copied: paste it into a cell';
    this.notices.announce({ text, links: [] });
  }

  private showProblem(text: string): void {
    this.problem.textContent = text;
  }

  /** Run an action with the dispatcher and show its error, if any. */
  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.showProblem('');
    } catch (error) {
      this.showProblem((error as Error).message);
    }
  }
}

/** Return true for signs and Escape in a menu, list or search, which have keys of their own or close. */
function isPopupKey({ key, target }: KeyboardEvent): boolean {
  return (key.length === 1 || key === 'Escape') && Boolean((target as Element).closest('.floe-popup'));
}
