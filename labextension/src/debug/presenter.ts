/** Drawing of all known data into the parts of the view. */

import type { Connection } from '../client/connection';
import type { Shape } from '../graph/model';
import type { GraphView } from '../graph/view';
import { hasTabs } from '../page/lab_requests';
import type { View } from '../wire';
import type { Dock } from './dock/dock';
import type { Logs } from './dock/logs';
import type { Timeline } from './dock/timeline';
import type { Frame } from './frame';
import type { InspectorFold } from './inspector/fold';
import type { Inspector } from './inspector/inspector';
import { lastValues, shortValues, wiresOf } from './inspector/last_values';
import type { OtherRuns } from './other_runs';
import type { Selection } from './selection';
import { entriesOf, idleView, portsOf } from './shape';
import { notLiveText, phaseOf, statusText } from './status';
import type { RunStore, Target } from './store';
import type { Notices } from './toolbar/notices';
import type { Progress } from './toolbar/progress';
import { runNotice } from './toolbar/run_notice';
import type { Phase, Toolbar } from './toolbar/toolbar';
import type { ViewButtons } from './toolbar/view_buttons';

/** Milliseconds to wait for an answer before the view is marked as not live. */
export const PATIENCE = 1_500;

/** Parts of the view that show data, and the data. */
export interface PresenterParts {
  readonly host: HTMLElement;
  readonly node: HTMLElement;
  /** Line that says why the view is not live. */
  readonly notice: HTMLElement;
  readonly connection: Connection;
  readonly target: Target;
  readonly store: RunStore;
  readonly graph: GraphView;
  readonly toolbar: Toolbar;
  readonly viewButtons: ViewButtons;
  readonly progress: Progress;
  readonly notices: Notices;
  readonly inspector: Inspector;
  readonly fold: InspectorFold;
  readonly selection: Selection;
  readonly otherRuns: OtherRuns;
  readonly timeline: Timeline;
  readonly logs: Logs;
  readonly dock: Dock;
  readonly frame: Frame;
  readonly shape: Shape;
}

export class Presenter {
  private readonly openedAt = performance.now();
  private readonly labels: { timeline(text: string): void; logs(text: string): void };

  constructor(private readonly parts: PresenterParts) {
    const { dock, timeline, logs } = parts;
    this.labels = { timeline: dock.add('timeline', 'Timeline', timeline.node), logs: dock.add('logs', 'Logs', logs.node) };
  }

  /** Draw all known data; called at most twenty times a second, and only while the view is visible. */
  draw(): void {
    const { host, node, target, store, shape, graph, viewButtons, fold, frame, progress } = this.parts;
    const { view, info, held, breaks } = store;
    const phase = phaseOf(store, this.parts.connection);
    Object.assign(node.dataset, { flow: target.flow, instance: store.flow });
    if (view) {
      graph.patch({ view, held, breaks });
    } else if (breaks.length || shape.nodes.length) {
      graph.patch({ view: idleView(shape, breaks), held: [], breaks });
    }
    this.showStatus(view, phase);
    viewButtons.show({ open: fold.open, maximised: frame.maximised, tabs: hasTabs(host), large: graph.large });
    progress.show(view, info, target.total ?? 0, entriesOf(shape), store.work);
    this.showDetails(phase);
    this.showDock(phase);
    this.showOutcome(phase.live);
    this.showConnection(phase.live);
  }

  private showStatus(view: View | null, phase: Phase): void {
    const { store, target, toolbar } = this.parts;
    const known = view?.held ? 'held' : view ? 'active' : 'defined';
    const status = phase.live ? (store.info?.status ?? known) : target.status || 'saved';
    const shown = status === 'active' && view?.paused ? 'paused' : status;
    toolbar.show(phase, shown, statusText(shown, view, phase.live || !this.overdue) || 'connecting');
  }

  private showDetails({ live, over }: Phase): void {
    const { store, shape, selection, graph, inspector } = this.parts;
    const { view, info, held, breaks, steps, results, total } = store;
    const node = (view ?? idleView(shape, [])).nodes.find(n => n.id === selection.node) ?? null;
    const views = view?.wires ?? [];
    const wire = views.find(w => w.name === selection.wire) ?? { name: selection.wire, sent: 0 };
    graph.setValues(shortValues(store.latest));
    inspector.show({
      node,
      wire: selection.wire ? wire : null,
      values: lastValues(wiresOf(shape, selection.node, selection.wire), selection.node, views, store.latest),
      step: selection.step,
      message: selection.message,
      ports: node ? portsOf(shape, node.id) : [],
      held,
      waiting: view?.held ?? 0,
      breaks,
      steps,
      failures: info?.failures ?? [],
      results,
      total,
      live,
      over
    });
  }

  private showDock({ live, over }: Phase): void {
    const { store, shape, timeline, logs, dock } = this.parts;
    const { steps, lines, lineCount } = store;
    timeline.show(steps, live, over);
    this.labels.timeline(steps.length ? `Timeline (${steps.length})` : 'Timeline');
    this.labels.logs(lineCount ? `Logs (${lineCount})` : 'Logs');
    if (dock.isOpen(logs.node)) {
      const names = shape.nodes.map(n => n.id);
      logs.show(lines, lineCount, names);
    }
  }

  /** Show the outcome of the run; if only the flow is shown, that of its newest run. */
  private showOutcome(live: boolean): void {
    const { store, selection, otherRuns, notices } = this.parts;
    const { view, info, held, isRun } = store;
    const look = (node: string, message: string) => selection.inspectFromTop(message, node);
    const outcome = () => otherRuns.newestNotice() ?? runNotice(view, isRun ? info : null, held, { look });
    notices.showOutcome(live ? outcome() : null);
  }

  /** True if an answer is overdue. */
  private get overdue(): boolean {
    const { connection, store } = this.parts;
    const { state } = connection;
    if (performance.now() - this.openedAt >= PATIENCE || (state !== 'connecting' && state !== 'open')) {
      return true;
    }
    return state === 'open' && store.answered;
  }

  private showConnection(live: boolean): void {
    const { notice, connection, store } = this.parts;
    const text = live || !this.overdue ? '' : notLiveText(connection.state, store.answered);
    notice.hidden = !text;
    if (notice.textContent !== text) {
      notice.textContent = text;
    }
  }
}
