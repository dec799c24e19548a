/** What the panel knows, kept up to date by what the dispatcher publishes. Never asks a kernel. */

import type { Breakpoint } from '../bench/breaks';
import type { Connection, State } from '../client/connection';
import type { Flow, HeldMessage, Module, RunInfo, View } from '../wire';
import { Emitter } from './emitter';
import { Refresher } from './refresher';

export type FlowBreak = Breakpoint & { flow: string };
export interface Runner { url: string; pid: number; status: string; runtimes: number }
export interface Runtime {
  id: string; runner: string; lang: string; environment: string; pid: number; status: string; nodes: string[]; restarts: number;
}
export interface Environment { module: string; lang: string; deps: string[]; environment: string; locked: string[] }
export interface HeldOf { message: HeldMessage; flow: string; instance: string }
export interface Progress { what: string; text: string }

export type Part = 'flows' | 'runs' | 'held' | 'breaks' | 'runners' | 'environments';
const PARTS: Part[] = ['flows', 'runs', 'held', 'breaks', 'runners', 'environments'];
export const OVER = new Set(['done', 'failed', 'cancelled']);
/** So many runs are kept here; the dispatcher knows more. */
const RUNS = 1000;
/** Messages are asked of so many instances, and so many are kept. */
const INSTANCES = 20;
const MESSAGES = 500;

export class Known {
  flows: Flow[] = [];
  modules: Module[] = [];
  /** Newest first. */
  runs: RunInfo[] = [];
  held: HeldOf[] = [];
  breaks: FlowBreak[] = [];
  runners: Runner[] = [];
  runtimes: Runtime[] = [];
  environments: Environment[] = [];
  /** What is being prepared now, by what it is prepared for. */
  readonly progress = new Map<string, Progress>();
  /** Why the last question had no answer; '' when it had. */
  problem = '';
  readonly changed = new Emitter<Part | 'state'>();
  private readonly refresher = new Refresher<Part>(part => this.ask(part), error => this.fail(error));
  private readonly ends: Array<() => void> = [];
  private readonly watched = new Map<string, () => void>();
  private reached = false;

  constructor(readonly connection: Connection) {
    // commands need the runs, also while nobody looks at the panel
    this.refresher.want('runs');
    this.refresher.want('flows');
    this.ends.push(connection.onState(state => this.state(state)),
      connection.subscribe('run/', value => this.run(value as RunInfo)),
      connection.subscribe('defined/', () => this.refresher.touch('flows', 'environments')),
      connection.subscribe('break/', () => this.refresher.touch('breaks')),
      connection.subscribe('runner/', () => this.refresher.touch('runners')),
      connection.subscribe('notice/', value => this.notice(value as { kind: string })),
      connection.subscribe('progress/', (value, topic) => this.prepare(topic, value as Progress & { done: boolean })));
  }

  /** Keep this part up to date until the returned function is called. */
  want(part: Part): () => void {
    return this.refresher.want(part);
  }

  /** Ask for everything again. */
  refresh(): void {
    this.refresher.touch(...PARTS);
  }

  /** The connection was there before: then its end is a loss, not a wait. */
  get wasReached(): boolean {
    return this.reached;
  }

  instancesOf(flow: string): number {
    return new Set(this.runs.filter(r => r.flow === flow && !OVER.has(r.status)).map(r => r.instance || r.ref)).size;
  }

  dispose(): void {
    this.refresher.dispose();
    this.ends.forEach(end => end());
    this.watched.forEach(end => end());
  }

  private state(state: State): void {
    this.problem = '';
    if (state === 'open') {
      this.reached = true;
      this.refresh();
    } else if (state === 'absent') {
      this.forget();
    }
    this.changed.emit('state');
  }

  /** There is no dispatcher: what it ran is gone with it. */
  private forget(): void {
    [this.flows, this.modules, this.runs, this.held, this.breaks, this.runners, this.runtimes, this.environments] =
      [[], [], [], [], [], [], [], []];
    this.progress.clear();
    PARTS.forEach(part => this.changed.emit(part));
  }

  private fail(error: Error): void {
    if (this.connection.state === 'open') {
      this.problem = error.message;
      this.changed.emit('state');
    }
  }

  private run(info: RunInfo): void {
    const at = this.runs.findIndex(r => r.ref === info.ref);
    if (at < 0) {
      this.runs = [info, ...this.runs].slice(0, RUNS);
    } else {
      this.runs[at] = info;
    }
    this.changed.emit('runs');
    this.refresher.touch('held', 'runners');
  }

  private notice({ kind }: { kind: string }): void {
    this.refresher.touch('held');
    if (kind === 'held' || kind === 'log') {
      this.refresher.touch('breaks');
    } else if (kind === 'loaded' || kind === 'lost') {
      this.refresher.touch('runners', 'environments');
    }
  }

  private prepare(topic: string, { what, text, done }: Progress & { done: boolean }): void {
    const key = `${topic} ${what}`;
    done ? this.progress.delete(key) : this.progress.set(key, { what, text });
    this.changed.emit('runners');
  }

  private async ask(part: Part): Promise<void> {
    await this.questions[part]();
    if (this.problem) {
      this.problem = '';
      this.changed.emit('state');
    }
    this.changed.emit(part);
  }

  private readonly questions: Record<Part, () => Promise<void>> = {
    flows: async () => {
      [this.flows, this.modules] = await Promise.all([this.connection.call('flows', {}), this.connection.call('modules', {})]);
    },
    runs: async () => { this.runs = await this.connection.call('runs', { limit: RUNS }); this.refresher.touch('held'); },
    breaks: async () => { this.breaks = await this.connection.call('breaks', {}) as FlowBreak[]; },
    runners: async () => {
      [this.runners, this.runtimes] = await Promise.all([this.connection.call('runners', {}), this.connection.call('runtimes', {})]) as
        [Runner[], Runtime[]];
    },
    environments: async () => { this.environments = await this.connection.call('deps', {}) as Environment[]; },
    held: () => this.askHeld()
  };

  private async askHeld(): Promise<void> {
    const flows = new Map(this.runs.filter(r => !OVER.has(r.status)).map(r => [r.instance || r.ref, r.flow] as const));
    const asked = [...flows].slice(0, INSTANCES);
    const found = await Promise.all(asked.map(async ([instance, flow]) => {
      // it may have ended meanwhile: then nothing of it is held
      const messages = await this.connection.call('held', { flow: instance }).catch(() => []);
      return messages.map(message => ({ message, flow, instance }));
    }));
    this.held = found.flat().slice(0, MESSAGES);
    this.watch(new Set(this.held.map(h => h.instance)));
  }

  /** Where something is held, each step changes what: their views tell of it. */
  private watch(instances: ReadonlySet<string>): void {
    for (const [instance, end] of this.watched) {
      if (!instances.has(instance)) {
        end();
        this.watched.delete(instance);
      }
    }
    for (const instance of instances) {
      if (!this.watched.has(instance)) {
        this.watched.set(instance, this.follow(instance));
      }
    }
  }

  private follow(instance: string): () => void {
    let before = '';
    return this.connection.subscribe(`view/${instance}`, value => {
      const { held, recorded, nodes } = value as View;
      const now = JSON.stringify([held, recorded, nodes.map(n => [n.held, n.breaks?.length ? n.taken : 0])]);
      if (now !== before) {
        before = now;
        this.refresher.touch('held', 'breaks');
      }
    });
  }
}
