/** State of one flow and its newest instance, kept current: subscribes to events, and asks for details after changes. */

import type { Connection } from '../client/connection';
import type { Shape } from '../graph/model';
import type { HeldMessage, Record as Step, ResultBatch, RunInfo, Topic, View } from '../wire';
import type { Breakpoint } from './inspector/breakpoints';
import type { Line } from './dock/logs';
import { SHOWN } from './inspector/results';
import { shapeOf } from './shape';

/** Milliseconds between two requests for details, at least. */
const DETAILS = 200;
/** Maximum numbers of steps and log lines kept. */
const STEPS = 200;
const LINES = 500;
/** Maximum number of held messages requested per node; more may wait behind. */
const HELD = 20;

/** Flow or run that a view shows. */
export interface Target {
  flow: string;
  /** Id of the workspace that owns the flow; empty: the dispatcher decides. */
  workspace?: string;
  /** Instance to follow; empty: the newest of the flow. */
  instance: string;
  /** Run to follow if the instance has several; empty: the run that has the instance for itself. */
  ref?: string;
  /** Status of the run when saved. */
  status?: string;
  /** True to stay with the flow: separate runs are only announced, with `newest`. */
  still?: boolean;
  /** Number of messages fed to the run, if known. */
  total?: number;
}

interface Owned {
  workspace?: string;
}

/** Callbacks of the store. */
export interface StoreListener {
  /** Called when shown data changed. */
  changed(): void;
  shape(shape: Shape): void;
  problem(text: string): void;
  /** Called when the flow has another run, which is not shown in this view. */
  newest(run: RunInfo): void;
}

export class RunStore {
  view: View | null = null;
  info: RunInfo | null = null;
  held: HeldMessage[] = [];
  breaks: Breakpoint[] = [];
  steps: Step[] = [];
  /** First results of the run. */
  results: ResultBatch[] = [];
  lines: Line[] = [];
  /** Number of lines in all; lines before the kept ones are gone. */
  lineCount = 0;
  readonly work = new Map<string, string>();
  /** True if the dispatcher answers for this instance; otherwise only saved data is shown. */
  live = false;
  /** True if the dispatcher has answered since the connection was opened. */
  answered = false;
  node: string | null = null;
  /** Wires whose last values are wanted, and the values as JSON texts; '' for a value that is too long. */
  wires: string[] = [];
  latest: Record<string, string> = {};
  /** Held message, `id@node`, being looked at though others wait in front. */
  message = '';
  private instance = '';
  private subscriptions: Array<() => void> = [];
  private readonly flowSubscriptions: Array<() => void> = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stepsKey = '';
  private breaksKey = '';
  private resultsKey = '';
  private sentKey = '';
  private disposed = false;
  /** Number of snapshots and run states published; an answer requested before the newest is older. */
  private published = 0;

  constructor(
    private readonly connection: Connection,
    private readonly target: Target,
    private readonly listener: StoreListener
  ) {
    const on = (topic: Topic, handler: (value: unknown) => void) =>
      this.flowSubscriptions.push(connection.subscribe(topic, handler));
    on(`break/${target.flow}`, value => {
      if (this.owns(value as Owned)) {
        this.breaksKey = '';
        this.refresh();
      }
    });
    on('defined/', value => {
      if (this.owns(value as Owned)) {
        this.defined(value as { kind?: string; name?: string });
      }
    });
    on('progress/', value => this.progress(value as { what: string; text: string; done: boolean }));
    if (!target.instance) {
      on('run/', value => this.newest(value as RunInfo));
    }
    this.follow(target.instance);
    this.flowSubscriptions.push(connection.onState(state => this.state(state)));
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    [...this.subscriptions, ...this.flowSubscriptions].forEach(end => end());
  }

  /** Name of the flow or instance in calls. */
  get flow(): string {
    return this.instance || this.target.flow;
  }

  /** Ref of the run shown, if any. */
  get ref(): string {
    return this.target.ref || this.instance;
  }

  /** True if a run is shown rather than a permanent flow. */
  get isRun(): boolean {
    const { info } = this;
    return Boolean(this.target.ref || (info && (!info.instance || info.instance === info.ref)));
  }

  /** Ask for details soon, once for all changes until then. */
  refresh(): void {
    if (!this.disposed && this.connection.state === 'open') {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        void this.attempt(() => this.details());
      }, DETAILS);
    }
  }

  /** Ask for breakpoints and steps again, even if their numbers show no change. */
  reload(): void {
    this.breaksKey = this.stepsKey = '';
    this.refresh();
  }

  private state(state: string): void {
    this.answered = false;
    if (state === 'open') {
      void this.attempt(() =>
        this.load().finally(() => {
          this.answered = true;
          this.listener.changed();
        })
      );
    } else {
      this.live = false;
    }
    this.listener.changed();
  }

  private follow(instance: string): void {
    this.subscriptions.forEach(end => end());
    this.subscriptions = [];
    this.instance = instance;
    this.stepsKey = this.breaksKey = this.resultsKey = this.sentKey = '';
    this.latest = {};
    if (instance) {
      const on = (topic: Topic, handler: (value: unknown) => void) =>
        this.subscriptions.push(this.connection.subscribe(topic, handler));
      on(`view/${instance}`, value => this.receiveView(value as View));
      on(`run/${this.ref}`, value => {
        this.published++;
        this.info = value as RunInfo;
        this.refresh();
        this.listener.changed();
      });
      on(`notice/${instance}`, () => {
        this.breaksKey = '';
        this.refresh();
      });
      on(`log/${instance}`, value => {
        this.addLines([value as Line]);
        this.listener.changed();
      });
    }
  }

  /** Return true if an event belongs to the workspace of this flow: others may have a flow of the same name. */
  private owns({ workspace }: Owned): boolean {
    return !workspace || !this.target.workspace || workspace === this.target.workspace;
  }

  private newest(info: RunInfo): void {
    const name = info.instance || info.ref;
    if (
      info.flow === this.target.flow &&
      this.owns(info) &&
      name !== this.instance &&
      (info.created ?? 0) >= (this.info?.created ?? 0)
    ) {
      if (this.isOther(info)) {
        return this.listener.newest(info);
      }
      this.switchTo(name, info);
      void this.attempt(() => this.load());
    }
  }

  /** Return true for a run with an instance of its own while only the flow is followed. */
  private isOther(info: RunInfo): boolean {
    return Boolean(this.target.still) && (!info.instance || info.instance === info.ref);
  }

  /** Follow this run from now on, regardless of the earlier target. */
  switchToRun(info: RunInfo): void {
    const instance = info.instance || info.ref;
    Object.assign(this.target, { instance, ref: info.ref, status: '', total: 0, still: false });
    this.switchTo(instance, info);
    void this.attempt(() => this.load());
  }

  private switchTo(name: string, info: RunInfo): void {
    this.follow(name);
    Object.assign(this, { info, view: null, held: [], steps: [], lines: [], results: [] });
  }

  private receiveView(view: View): void {
    this.published++;
    this.view = view;
    this.live = true;
    this.listener.changed();
    this.refresh();
  }

  private addLines(lines: Line[]): void {
    this.lineCount += lines.length;
    this.lines.push(...lines);
    this.lines.splice(0, this.lines.length - LINES);
  }

  private progress({ what, text, done }: { what: string; text: string; done: boolean }): void {
    if (done) {
      this.work.delete(what);
    } else {
      this.work.set(what, text);
    }
    this.listener.changed();
  }

  private defined({ kind, name }: { kind?: string; name?: string }): void {
    if (kind === 'module' || name === this.target.flow) {
      void this.attempt(() => this.shape());
    }
  }

  private async shape(): Promise<void> {
    const [flows, modules] = await Promise.all([this.connection.call('flows', {}), this.connection.call('modules', {})]);
    const flow = flows.find(f => f.name === this.target.flow);
    if (flow) {
      this.listener.shape(shapeOf(flow, modules));
    }
  }

  private async load(): Promise<void> {
    await this.shape();
    if (!this.instance) {
      const [newest] = await this.connection.call('runs', { flow: this.target.flow, limit: 1 });
      if (newest && this.isOther(newest)) {
        this.listener.newest(newest);
        this.live = true;
        return this.details();
      }
      if (newest) {
        this.switchTo(newest.instance || newest.ref, newest);
      }
    }
    const { flow, published } = this;
    const [info, view, lines] = await Promise.all([
      this.instance ? this.connection.call('run_info', { ref: this.ref }).catch(() => null) : null,
      this.connection.call('view', { flow }).catch(() => null),
      this.connection.call('logs', { flow, limit: 200 }).catch(() => [])
    ]);
    const newest = this.published === published;
    this.info = newest ? (info ?? this.info) : (this.info ?? info);
    this.lines = [];
    this.addLines(lines as Line[]);
    // a flow has no view before its first run, yet its breakpoints can be set
    this.live = view !== null || info !== null || !this.target.instance;
    this.view = newest ? (view ?? this.view) : (this.view ?? view);
    this.reload();
    await this.details();
  }

  private async details(): Promise<void> {
    const { connection, flow, view } = this;
    if (!this.live) {
      return this.listener.changed();
    }
    const breaksKey = JSON.stringify(view?.nodes.map(n => (n.breaks?.length ? [n.breaks, n.id === this.node ? n.taken : 0] : 0)));
    const stepsKey = `${view?.recorded} ${view?.nodes.map(n => n.failed).join()} ${this.node}`;
    const resultsKey = this.isRun ? `${this.ref} ${Math.min(this.total, SHOWN)} ${view?.recorded}` : '';
    const [held, breaks, steps, results] = await Promise.all([
      view?.held ? this.requestHeld() : [],
      breaksKey !== this.breaksKey ? (connection.call('breaks', { flow }) as Promise<Breakpoint[]>) : this.breaks,
      stepsKey !== this.stepsKey && view ? connection.call('history', { flow, limit: STEPS }).catch(() => []) : this.steps,
      resultsKey !== this.resultsKey ? this.requestResults() : this.results,
      this.requestValues()
    ]);
    Object.assign(this, { held, breaks, steps, results, breaksKey, stepsKey, resultsKey });
    if (this.info?.status === 'active' && this.info.fed !== undefined && this.instance) {
      this.info = await connection.call('run_info', { ref: this.ref }).catch(() => this.info);
    }
    this.listener.changed();
  }

  /** Ask for the last values of the wanted wires that carried messages since the last request. */
  private async requestValues(): Promise<void> {
    const sentKey = this.wires.map(name => `${name} ${this.view?.wires.find(w => w.name === name)?.sent}`).join();
    if (sentKey !== this.sentKey && this.view) {
      this.sentKey = sentKey;
      const found = await Promise.all(
        this.wires.map(wire => this.connection.call('latest', { flow: this.flow, wire }).catch(() => null))
      );
      this.latest = Object.assign({}, this.latest, ...this.wires.map((wire, i) => found[i] && { [wire]: found[i][wire] ?? '' }));
    }
  }

  /** Return the present last value of a wire: a JSON text, or ''. A view that is not live returns the saved value. */
  async lastValue(wire: string): Promise<string> {
    const found = this.live ? (await this.connection.call('latest', { flow: this.flow, wire }))[wire] : this.latest[wire];
    return found ?? '';
  }

  /** Number of results. */
  get total(): number {
    return this.view?.results ?? this.info?.results ?? 0;
  }

  private async requestResults(): Promise<ResultBatch[]> {
    const found = this.total
      ? await this.connection.call('results', { ref: this.ref, limit: SHOWN, messages: SHOWN }).catch(() => [])
      : [];
    return found ?? [];
  }

  private async requestHeld(): Promise<HeldMessage[]> {
    const { connection, flow, message } = this;
    const found = await connection.call('held', { flow, limit: HELD });
    if (!message || found.some(m => `${m.id}@${m.node}` === message)) {
      return found;
    }
    const further = await connection.call('held', { flow, id: message, limit: 1 }).catch(() => []);
    this.message = further.length ? message : ''; // '' after the message went on
    return [...found, ...further];
  }

  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.disposed) {
        this.listener.problem((error as Error).message);
      }
    }
  }
}
