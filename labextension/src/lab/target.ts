/**
 * Run that the commands and keys are meant for: the run looked at, else the newest held run, else the newest active run. A
 * finished run is the target only while looked at, because a person looking at a finished run means no other.
 */

import { OVER, type RunInfo, type View } from '../wire';
import { Emitter } from './emitter';
import type { PanelStore } from './store';
import { count } from './sidebar/sections/flows';

export class Target {
  readonly changed = new Emitter<void>();
  run: RunInfo | null = null;
  view: View | null = null;
  private looked = '';
  private left = false;
  private followed = '';
  private end: () => void = () => undefined;
  private readonly ends: Array<() => void>;

  constructor(private readonly store: PanelStore) {
    this.ends = [
      store.changed.on(part => {
        if (part === 'runs' || part === 'state') {
          this.choose();
        }
      })
    ];
    this.choose();
  }

  /** Note that a person looks at this run or instance; '' for none. */
  look(instance: string): void {
    this.looked = instance;
    this.left = false;
    this.choose();
  }

  /** Note that the person turned away from flows. */
  leave(): void {
    if (!this.left) {
      this.left = true;
      this.choose();
    }
  }

  get flow(): string {
    return this.run ? this.run.instance || this.run.ref : '';
  }

  get over(): boolean {
    return !this.run || OVER.has(this.run.status) || this.store.connection.state !== 'open';
  }

  get paused(): boolean {
    return !this.over && Boolean(this.run?.status === 'held' || this.view?.paused || this.view?.held);
  }

  get recorded(): number {
    return this.over ? 0 : (this.view?.recorded ?? 0);
  }

  /** State of the run, as shown in the sidebar. */
  get words(): string {
    const { run, view } = this;
    if (!run) {
      return 'No flow has run yet';
    }
    const parts = [run.status === 'active' && view?.paused ? 'paused' : run.status];
    if (!this.over && view?.held) {
      parts.push(`${count(view.held, 'message')} held`);
    }
    if (run.results) {
      parts.push(count(run.results, 'result'));
    }
    return parts[0] === 'held' && parts[1]?.endsWith('held') ? parts.slice(1).join(', ') : parts.join(', ');
  }

  dispose(): void {
    this.ends.forEach(end => end());
    this.end();
  }

  private choose(): void {
    const { runs } = this.store;
    const live = runs.filter(r => !OVER.has(r.status));
    const looked = live.find(r => this.isLooked(r)) ?? runs.find(r => this.isLooked(r));
    this.run =
      looked && !(this.left && OVER.has(looked.status))
        ? looked
        : (live.find(r => r.status === 'held') ?? live[0] ?? looked ?? runs[0] ?? null);
    this.follow(this.over ? '' : this.flow);
    this.changed.emit();
  }

  private isLooked(run: RunInfo): boolean {
    return this.looked !== '' && (run.ref === this.looked || run.instance === this.looked);
  }

  private follow(instance: string): void {
    if (instance === this.followed) {
      return;
    }
    this.end();
    this.view = null;
    this.followed = instance;
    this.end = instance
      ? this.store.connection.subscribe(`view/${instance}`, value => this.show(value as View))
      : () => undefined;
  }

  private show(view: View): void {
    const before = this.view;
    this.view = view;
    if (!before || before.paused !== view.paused || before.held !== view.held || before.recorded !== view.recorded) {
      this.changed.emit();
    }
  }
}
