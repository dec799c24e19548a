/** Store of the panel, kept current by the events of the dispatcher. Never asks a kernel. */

import type { Breakpoint } from '../debug/inspector/breakpoints';
import type { Connection, State } from '../client/connection';
import { OVER, type Flow, type HeldMessage, type Module, type RunInfo, type View, type WorkspaceInfo } from '../wire';
import { Emitter } from './emitter';
import { Refresher } from './refresher';

/** Owner: the id of a workspace, and its name in lists. */
export interface Owned {
  workspace: string;
  title: string;
}
export type FlowBreak = Breakpoint & Owned & { flow: string };
export type OwnedFlow = Flow & Owned;
/** Runner, as the dispatcher lists runners. */
export interface Runner {
  url: string;
  pid: number;
  status: string;
  runtimes: number;
}
/** Runtime of a runner. */
export interface Runtime {
  id: string;
  runner: string;
  lang: string;
  environment: string;
  pid: number;
  status: string;
  nodes: string[];
  restarts: number;
}
/** Environment of a module, with its locked packages. */
export interface Environment {
  module: string;
  lang: string;
  deps: string[];
  environment: string;
  locked: string[];
}
/** Held message, and the run that holds it. */
export interface HeldOf {
  message: HeldMessage;
  flow: string;
  instance: string;
  workspace: string;
}
/** Preparation under way: its subject, and its state in words. */
export interface Progress {
  what: string;
  text: string;
}

export type Part = 'flows' | 'runs' | 'held' | 'breaks' | 'runners' | 'environments';
const PARTS: Part[] = ['flows', 'runs', 'held', 'breaks', 'runners', 'environments'];
/** Maximum number of runs kept in the panel; the dispatcher knows more. */
const RUNS = 1000;
/** Maximum numbers of instances asked for held messages, and of messages kept. */
const INSTANCES = 20;
const MESSAGES = 500;

export class PanelStore {
  /** Workspaces that own any object, except the workspace of the page itself. */
  workspaces: WorkspaceInfo[] = [];
  flows: OwnedFlow[] = [];
  modules: Array<Module & Owned> = [];
  /** Runs, newest first. */
  runs: RunInfo[] = [];
  held: HeldOf[] = [];
  breaks: FlowBreak[] = [];
  runners: Runner[] = [];
  runtimes: Runtime[] = [];
  environments: Environment[] = [];
  /** Preparations under way, by topic and subject. */
  readonly progress = new Map<string, Progress>();
  /** Why the last request failed; '' if answered. */
  problem = '';
  readonly changed = new Emitter<Part | 'state'>();
  private readonly refresher = new Refresher<Part>(
    part => this.request(part),
    error => this.fail(error)
  );
  private readonly ends: Array<() => void> = [];
  private readonly watched = new Map<string, () => void>();
  private reached = false;

  /** Workspace that lists are narrowed to; '' for all. */
  private only = '';

  constructor(readonly connection: Connection) {
    // commands need the runs and flows even while the panel is hidden
    this.refresher.keepCurrent('runs');
    this.refresher.keepCurrent('flows');
    this.ends.push(
      connection.onState(state => this.state(state)),
      connection.subscribe('run/', value => this.run(value as RunInfo)),
      connection.subscribe('defined/', value =>
        this.refresher.markStale(
          'flows',
          'environments',
          ...((value as { kind: string }).kind === 'runs' ? ['runs' as const] : [])
        )
      ),
      connection.subscribe('break/', () => this.refresher.markStale('breaks')),
      connection.subscribe('runner/', () => this.refresher.markStale('runners')),
      connection.subscribe('notice/', value => this.notice(value as { kind: string })),
      connection.subscribe('progress/', (value, topic) => this.prepare(topic, value as Progress & { done: boolean }))
    );
  }

  /** Keep a part current until the returned function is called. */
  keepCurrent(part: Part): () => void {
    return this.refresher.keepCurrent(part);
  }

  /** Ask for all parts again. */
  refresh(): void {
    this.refresher.markStale(...PARTS);
  }

  /** True if the connection was open before, so that its end is a loss rather than a wait. */
  get wasReached(): boolean {
    return this.reached;
  }

  /** Workspace that lists are narrowed to; '' for all. */
  get workspace(): string {
    return this.only;
  }

  set workspace(id: string) {
    if (id !== this.only) {
      this.only = id;
      PARTS.forEach(part => this.changed.emit(part));
    }
  }

  /** Return the items that lists show. */
  listed<T extends { workspace?: string }>(items: readonly T[]): readonly T[] {
    return this.only ? items.filter(item => item.workspace === this.only) : items;
  }

  /** Return `shop (shop.ipynb)` in a list of several workspaces, otherwise the name alone. */
  named(name: string, { title }: { title?: string }): string {
    return title && !this.only && this.workspaces.length > 1 ? `${name} (${title})` : name;
  }

  instancesOf(flow: string, workspace: string): number {
    return new Set(
      this.runs.filter(r => r.flow === flow && r.workspace === workspace && !OVER.has(r.status)).map(r => r.instance || r.ref)
    ).size;
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
      this.clear();
    }
    this.changed.emit('state');
  }

  /** Clear the store, since without a dispatcher all its runs are gone. */
  private clear(): void {
    [
      this.workspaces,
      this.flows,
      this.modules,
      this.runs,
      this.held,
      this.breaks,
      this.runners,
      this.runtimes,
      this.environments
    ] = [[], [], [], [], [], [], [], [], []];
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
    this.refresher.markStale('held', 'runners');
  }

  private notice({ kind }: { kind: string }): void {
    this.refresher.markStale('held');
    if (kind === 'held' || kind === 'log') {
      this.refresher.markStale('breaks');
    } else if (kind === 'loaded' || kind === 'lost') {
      this.refresher.markStale('runners', 'environments');
    }
  }

  private prepare(topic: string, { what, text, done }: Progress & { done: boolean }): void {
    const key = `${topic} ${what}`;
    done ? this.progress.delete(key) : this.progress.set(key, { what, text });
    this.changed.emit('runners');
  }

  private async request(part: Part): Promise<void> {
    await this.requests[part]();
    if (this.problem) {
      this.problem = '';
      this.changed.emit('state');
    }
    this.changed.emit(part);
  }

  private readonly requests: Record<Part, () => Promise<void>> = {
    flows: async () => {
      this.workspaces = await this.connection.call('workspaces', {});
      const owned = await Promise.all(
        this.workspaces.map(({ workspace }) => this.owned(workspace.id ?? '', workspace.title ?? ''))
      );
      this.flows = owned.flatMap(([flows]) => flows);
      this.modules = owned.flatMap(([, modules]) => modules);
    },
    runs: async () => {
      this.runs = await this.connection.call('runs', { limit: RUNS, workspace: '*' });
      this.refresher.markStale('held');
    },
    breaks: async () => {
      this.breaks = (await this.connection.call('breaks', { workspace: '*' })) as FlowBreak[];
    },
    runners: async () => {
      [this.runners, this.runtimes] = (await Promise.all([
        this.connection.call('runners', {}),
        this.connection.call('runtimes', {})
      ])) as [Runner[], Runtime[]];
    },
    environments: async () => {
      this.environments = (await this.connection.call('deps', {})) as Environment[];
    },
    held: () => this.requestHeld()
  };

  private async owned(workspace: string, title: string): Promise<[OwnedFlow[], Array<Module & Owned>]> {
    const [flows, modules] = await Promise.all([
      this.connection.call('flows', { workspace }),
      this.connection.call('modules', { workspace })
    ]);
    return [flows.map(flow => ({ ...flow, workspace, title })), modules.map(module => ({ ...module, workspace, title }))];
  }

  private async requestHeld(): Promise<void> {
    const flows = new Map(this.runs.filter(r => !OVER.has(r.status)).map(r => [r.instance || r.ref, r] as const));
    const asked = [...flows].slice(0, INSTANCES);
    const found = await Promise.all(
      asked.map(async ([instance, { flow, workspace = '' }]) => {
        // a run that ended meanwhile holds no message
        const messages = await this.connection.call('held', { flow: instance }).catch(() => []);
        return messages.map(message => ({ message, flow, instance, workspace }));
      })
    );
    this.held = found.flat().slice(0, MESSAGES);
    this.watch(new Set(this.held.map(h => h.instance)));
  }

  /** Watch the views of instances with held messages, since each step changes which messages are held. */
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
        this.refresher.markStale('held', 'breaks');
      }
    });
  }
}
