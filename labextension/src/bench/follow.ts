/** What is known of one flow and its newest instance, kept up to date: subscribes, and asks for details when they changed. */

import type { Connection } from '../client/connection';
import type { Shape } from '../graph/model';
import type { HeldMessage, Record as Step, RunInfo, Topic, View } from '../wire';
import type { Breakpoint } from './breaks';
import type { Line } from './logs';
import { shapeOf } from './shape';

/** Details are asked for at most so often, in ms. */
const DETAILS = 200;
/** So many steps and lines are kept. */
const STEPS = 200;
const LINES = 500;
/** So many held messages of each node are asked for; more wait behind them. */
const HELD = 20;

export interface Target {
  flow: string;
  /** The instance to follow; empty: the newest of the flow. */
  instance: string;
  /** The run that is meant, where the instance has others, too; empty: the one that has the instance for itself. */
  ref?: string;
  /** How it stood when it was saved. */
  status?: string;
  /** How many messages the run is fed, if that is known. */
  total?: number;
}

export interface Heard {
  /** Something changed that is shown. */
  changed(): void;
  shape(shape: Shape): void;
  problem(text: string): void;
}

export class Follower {
  view: View | null = null;
  info: RunInfo | null = null;
  held: HeldMessage[] = [];
  breaks: Breakpoint[] = [];
  steps: Step[] = [];
  lines: Line[] = [];
  /** How many lines came in all; those before the kept ones are gone. */
  said = 0;
  readonly work = new Map<string, string>();
  /** Whether the dispatcher answers for this instance: else what is shown is only what was saved. */
  live = false;
  node: string | null = null;
  /** A held message, `id@node`, that is looked at though others stand before it. */
  message = '';
  private instance = '';
  private ends: Array<() => void> = [];
  private readonly topics: Array<() => void> = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private recorded = '';
  private marks = '';
  private gone = false;

  constructor(private readonly connection: Connection, private readonly target: Target, private readonly heard: Heard) {
    const on = (topic: Topic, handler: (value: unknown) => void) => this.topics.push(connection.subscribe(topic, handler));
    on(`break/${target.flow}`, () => { this.marks = ''; this.later(); });
    on('defined/', value => this.defined(value as { kind?: string; name?: string }));
    on('progress/', value => this.progress(value as { what: string; text: string; done: boolean }));
    if (!target.instance) {
      on('run/', value => this.newest(value as RunInfo));
    }
    this.follow(target.instance);
    this.topics.push(connection.onState(state => this.state(state)));
  }

  dispose(): void {
    this.gone = true;
    clearTimeout(this.timer);
    [...this.ends, ...this.topics].forEach(end => end());
  }

  /** What calls about it are told. */
  get flow(): string {
    return this.instance || this.target.flow;
  }

  /** The run that is shown, if there is one. */
  get ref(): string {
    return this.target.ref || this.instance;
  }

  /** Whether it is a run that is shown, not a flow that stays up. */
  get isRun(): boolean {
    const { info } = this;
    return Boolean(this.target.ref || info && (!info.instance || info.instance === info.ref));
  }

  /** Ask for details soon, once, however often something changes meanwhile. */
  later(): void {
    if (!this.gone && this.connection.state === 'open') {
      this.timer ??= setTimeout(() => { this.timer = undefined; void this.attempt(() => this.details()); }, DETAILS);
    }
  }

  /** The breakpoints and steps may have changed, whatever the numbers say. */
  touched(): void {
    this.marks = this.recorded = '';
    this.later();
  }

  private state(state: string): void {
    if (state === 'open') {
      void this.attempt(() => this.load());
    } else {
      this.live = false;
    }
    this.heard.changed();
  }

  private follow(instance: string): void {
    this.ends.forEach(end => end());
    this.ends = [];
    this.instance = instance;
    this.recorded = this.marks = '';
    if (instance) {
      const on = (topic: Topic, handler: (value: unknown) => void) => this.ends.push(this.connection.subscribe(topic, handler));
      on(`view/${instance}`, value => this.seen(value as View));
      on(`run/${this.ref}`, value => { this.info = value as RunInfo; this.later(); this.heard.changed(); });
      on(`notice/${instance}`, () => { this.marks = ''; this.later(); });
      on(`log/${instance}`, value => { this.note([value as Line]); this.heard.changed(); });
    }
  }

  private newest(info: RunInfo): void {
    const name = info.instance || info.ref;
    if (info.flow === this.target.flow && name !== this.instance && (info.created ?? 0) >= (this.info?.created ?? 0)) {
      this.switchTo(name, info);
      void this.attempt(() => this.load());
    }
  }

  private switchTo(name: string, info: RunInfo): void {
    this.follow(name);
    Object.assign(this, { info, view: null, held: [], steps: [], lines: [] });
  }

  private seen(view: View): void {
    this.view = view;
    this.live = true;
    this.heard.changed();
    this.later();
  }

  private note(lines: Line[]): void {
    this.said += lines.length;
    this.lines.push(...lines);
    this.lines.splice(0, this.lines.length - LINES);
  }

  private progress({ what, text, done }: { what: string; text: string; done: boolean }): void {
    if (done) {
      this.work.delete(what);
    } else {
      this.work.set(what, text);
    }
    this.heard.changed();
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
      this.heard.shape(shapeOf(flow, modules));
    }
  }

  private async load(): Promise<void> {
    await this.shape();
    if (!this.instance) {
      const [newest] = await this.connection.call('runs', { flow: this.target.flow, limit: 1 });
      if (newest) {
        this.switchTo(newest.instance || newest.ref, newest);
      }
    }
    const { flow } = this;
    const [info, view, lines] = await Promise.all([
      this.instance ? this.connection.call('run_info', { ref: this.ref }).catch(() => null) : null,
      this.connection.call('view', { flow }).catch(() => null), this.connection.call('logs', { flow, limit: 200 }).catch(() => [])]);
    this.info = info ?? this.info;
    this.lines = [];
    this.note(lines as Line[]);
    // before its first run a flow has no view, and its breakpoints can be set all the same
    this.live = view !== null || info !== null || !this.target.instance;
    this.view = view ?? this.view;
    this.touched();
    await this.details();
  }

  private async details(): Promise<void> {
    const { connection, flow, view } = this;
    if (!this.live) {
      return this.heard.changed();
    }
    const marks = JSON.stringify(view?.nodes.map(n => n.breaks?.length ? [n.breaks, n.id === this.node ? n.taken : 0] : 0));
    const recorded = `${view?.recorded} ${view?.nodes.map(n => n.failed).join()} ${this.node}`;
    const [held, breaks, steps] = await Promise.all([
      view?.held ? this.heldNow() : [],
      marks !== this.marks ? connection.call('breaks', { flow: this.target.flow }) as Promise<Breakpoint[]> : this.breaks,
      recorded !== this.recorded && view ? connection.call('history', { flow, limit: STEPS }).catch(() => []) : this.steps]);
    Object.assign(this, { held, breaks, steps, marks, recorded });
    if (this.info?.status === 'active' && this.info.fed !== undefined && this.instance) {
      this.info = await connection.call('run_info', { ref: this.ref }).catch(() => this.info);
    }
    this.heard.changed();
  }

  private async heldNow(): Promise<HeldMessage[]> {
    const { connection, flow, message } = this;
    const found = await connection.call('held', { flow, limit: HELD });
    if (!message || found.some(m => `${m.id}@${m.node}` === message)) {
      return found;
    }
    const further = await connection.call('held', { flow, id: message, limit: 1 }).catch(() => []);
    this.message = further.length ? message : ''; // it went on
    return [...found, ...further];
  }

  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.gone) {
        this.heard.problem((error as Error).message);
      }
    }
  }
}
