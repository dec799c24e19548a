/** The panel in the sidebar: flows, runs, held messages, breakpoints, runners and runtimes, logs. Asks the dispatcher, never a kernel. */

import type { Connection } from '../client/connection';
import { h } from '../bench/dom';
import { addBenchStyle } from '../bench/style';
import type { Flow, HeldMessage, RunInfo } from '../wire';
import type { Breakpoint } from '../bench/breaks';

export interface PanelActions {
  /** Open a flow or one of its runs in the main area. */
  open(flow: string, instance: string): void;
}

type Runtime = { id: string; lang: string; environment: string; pid: number; status: string; nodes: string[]; restarts: number };

/** The lists are asked for again at most so often, in ms. */
const REFRESH = 250;
const STATUSES = ['', 'pending', 'active', 'held', 'done', 'failed', 'cancelled'];

export class Panel {
  readonly node = h('div', { class: 'floe-panel' });
  private readonly problem = h('div', { class: 'floe-problem', role: 'status' });
  private readonly sections = new Map<string, HTMLElement>();
  private readonly filter = h('select', { 'aria-label': 'Runs to show', change: () => this.later() },
    ...STATUSES.map(s => h('option', { value: s }, s || 'all runs')));
  private readonly ends: Array<() => void> = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly connection: Connection, private readonly actions: PanelActions) {
    addBenchStyle(document);
    this.node.append(this.problem);
    for (const name of ['Flows', 'Runs', 'Held messages', 'Breakpoints', 'Runtimes']) {
      const body = h('div', { class: 'floe-rows', 'data-section': name });
      this.sections.set(name, body);
      this.node.append(h('details', { class: 'floe-section', open: true },
        h('summary', {}, name), name === 'Runs' && this.filter, body));
    }
    this.ends.push(connection.onState(state => this.state(state)));
    for (const topic of ['run/', 'defined/', 'notice/'] as const) {
      this.ends.push(connection.subscribe(topic, () => this.later()));
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.ends.forEach(end => end());
  }

  /** What the runs are filtered by; kept over a reload of the page. */
  get status(): string {
    return this.filter.value;
  }

  set status(value: string) {
    this.filter.value = value;
    this.later();
  }

  private state(state: string): void {
    this.problem.textContent = state === 'open' ? '' : 'No dispatcher answers. It starts with the first %%floe cell.';
    if (state === 'open') {
      this.later();
    }
  }

  private later(): void {
    this.timer ??= setTimeout(() => { this.timer = undefined; void this.refresh(); }, REFRESH);
  }

  private async refresh(): Promise<void> {
    const { connection } = this;
    try {
      const [flows, runs, runtimes] = await Promise.all([connection.call('flows', {}), connection.call('runs', { status: this.status, limit: 50 }),
        connection.call('runtimes', {})]);
      this.fill('Flows', flows.map(f => this.flow(f)));
      this.fill('Runs', runs.map(r => this.run(r)));
      this.fill('Runtimes', (runtimes as Runtime[]).map(r => row(`${r.lang} · ${r.status}`, `process ${r.pid}, ${r.environment || 'no dependencies'}`)));
      const [held, breaks] = await Promise.all([this.heldOf(runs), connection.call('breaks', {}).catch(() => [])]);
      this.fill('Held messages', held.map(([m, r]) => row(`${m.node}.${m.port}`, JSON.stringify(m.value), () => this.actions.open(r.flow, r.instance ?? r.ref))));
      this.fill('Breakpoints', (breaks as Breakpoint[]).map(b => row(`${b.node} ${b.side}`, b.when || 'always')));
      this.problem.textContent = '';
    } catch (error) {
      this.problem.textContent = (error as Error).message;
    }
  }

  private async heldOf(runs: RunInfo[]): Promise<Array<[HeldMessage, RunInfo]>> {
    const waiting = runs.filter(r => r.status === 'held').slice(0, 10);
    const found = await Promise.all(waiting.map(async r => (await this.connection.call('held', { flow: r.ref })).map(m => [m, r] as [HeldMessage, RunInfo])));
    return found.flat().slice(0, 100);
  }

  private flow(flow: Flow): HTMLElement {
    return row(flow.name, `version ${flow.version ?? 1}, ${flow.nodes?.length ?? 0} nodes`, () => this.actions.open(flow.name, ''));
  }

  private run(run: RunInfo): HTMLElement {
    const made = row(run.ref, `${run.status}, ${run.results ?? 0} results`, () => this.actions.open(run.flow, run.instance ?? run.ref));
    made.dataset.status = run.status;
    made.dataset.run = run.ref;
    return made;
  }

  private fill(section: string, rows: HTMLElement[]): void {
    this.sections.get(section)!.replaceChildren(...rows.length ? rows : [h('div', { class: 'floe-hint' }, 'none')]);
  }
}

function row(name: string, text: string, open?: () => void): HTMLElement {
  const made = h(open ? 'button' : 'div', { class: 'floe-row', ...(open ? { click: open } : {}) }, h('span', {}, name), h('small', {}, text));
  made.title = `${name}\n${text}`;
  return made;
}
