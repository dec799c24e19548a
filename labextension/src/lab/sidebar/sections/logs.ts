/** Live output and logs of modules, in all runs. Lines are fetched only while the section is visible. */

import { clearIcon, ToolbarButton } from '@jupyterlab/ui-components';
import { h } from '../../../page/dom';
import { OVER } from '../../../wire';
import type { PanelStore } from '../../store';
import { write } from '../rows';
import { Section } from './section';

interface Line {
  node: string;
  stream: string;
  text: string;
  time: number;
  instance: string;
}

/** Height of an unbroken line in pixels. */
const LINE = 18;
/** Milliseconds between two insertions of lines into the page, at least. */
const PAUSE = 100;
/** Maximum number of instances whose last lines are fetched when the section is opened. */
const INSTANCES = 5;

export class LogsSection extends Section {
  private readonly list = h('div', { class: 'floe-side-lines', role: 'log', tabindex: 0, 'aria-label': 'Log lines' });
  private readonly hint = h('div', { class: 'floe-side-none' });
  private readonly filter = h('input', {
    type: 'search',
    class: 'floe-side-filter',
    placeholder: 'Filter lines',
    'aria-label': 'Filter lines',
    input: () => this.drawAll()
  });
  private lines: Line[] = [];
  private fresh: Line[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private end: (() => void) | null = null;
  private most = 500;
  /** Time of the last clearing: lines written before are not fetched again. */
  private cleared = -Infinity;

  constructor(store: PanelStore) {
    super('logs', 'Logs', store, []);
    this.toolbar.addItem(
      'clear',
      new ToolbarButton({
        icon: clearIcon,
        tooltip: 'Clear the lines',
        dataset: { 'data-cmd': 'clear-logs' } as never,
        onClick: () => this.clear()
      })
    );
    this.body.classList.add('floe-side-logs-body');
    this.body.append(h('div', { class: 'floe-side-filters' }, this.filter), this.list, this.hint);
  }

  /** Height in pixels that the section needs, from its number of lines, as the list fills all available room. */
  override get needed(): number {
    return Math.min(Math.max(48 + LINE * this.list.childElementCount, 120), 300);
  }

  /** Maximum number of lines kept. */
  set limit(lines: number) {
    this.most = lines;
    this.drawAll();
  }

  protected override startUpdates(): void {
    super.startUpdates();
    this.end ??= this.store.connection.subscribe('log/', (value, topic) =>
      this.receive({ ...(value as Line), instance: topic.slice(4) })
    );
    void this.fetch();
  }

  protected override stopUpdates(): void {
    super.stopUpdates();
    this.end?.();
    this.end = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  protected draw(): void {
    if (this.store.connection.state === 'open' && !this.lines.length) {
      void this.fetch();
    }
    this.drawAll();
  }

  private clear(): void {
    this.cleared = [...this.lines, ...this.fresh].reduce((last, { time }) => Math.max(last, time), this.cleared);
    this.lines = [];
    this.fresh = [];
    this.drawAll();
  }

  /** Fetch the lines written before the section was visible. */
  private async fetch(): Promise<void> {
    const { connection, runs } = this.store;
    if (connection.state !== 'open') {
      return;
    }
    const live = runs.filter(r => !OVER.has(r.status));
    const instances = [...new Set([...live, ...runs].map(r => r.instance || r.ref))].slice(0, INSTANCES);
    const found = await Promise.all(
      instances.map(async instance => {
        const lines = (await connection.call('logs', { flow: instance, limit: this.most }).catch(() => [])) as Line[];
        return lines.map(line => ({ ...line, instance }));
      })
    );
    this.lines = merge([...this.lines, ...this.fresh, ...found.flat().filter(line => line.time > this.cleared)]).slice(
      -this.most
    );
    this.fresh = [];
    this.drawAll();
  }

  private receive(line: Line): void {
    this.fresh.push(line);
    if (this.fresh.length > this.most) {
      this.fresh.splice(0, this.fresh.length - this.most);
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.append();
    }, PAUSE);
  }

  private append(): void {
    const fresh = this.fresh.splice(0);
    this.lines = [...this.lines, ...fresh].slice(-this.most);
    this.keepingEnd(() => {
      this.list.append(...fresh.filter(line => this.wanted(line)).map(drawn));
      while (this.list.childElementCount > this.most) {
        this.list.firstElementChild!.remove();
      }
    });
    this.showHint();
  }

  private drawAll(): void {
    this.keepingEnd(() =>
      this.list.replaceChildren(
        ...this.lines
          .filter(line => this.wanted(line))
          .slice(-this.most)
          .map(drawn)
      )
    );
    this.showHint();
  }

  private showHint(): void {
    write(this.hint, this.list.childElementCount ? '' : this.lines.length ? 'No line matches.' : 'No line was logged yet.');
  }

  private wanted({ node, text, instance }: Line): boolean {
    const filter = this.filter.value.trim().toLowerCase();
    return !filter || `${instance} ${node} ${text}`.toLowerCase().includes(filter);
  }

  /** Run a change; a list scrolled to its end stays at the end, any other keeps its position. */
  private keepingEnd(change: () => void): void {
    const { list } = this;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    change();
    if (atEnd) {
      list.scrollTop = list.scrollHeight;
    }
  }
}

function drawn({ node, stream, text, time, instance }: Line): HTMLElement {
  const made = h(
    'div',
    {
      class: 'floe-side-line',
      'data-stream': stream,
      'data-node': node,
      'data-instance': instance,
      title: `${new Date(time * 1000).toLocaleTimeString()} ${instance} ${node} (${stream})`
    },
    h('span', { class: 'floe-side-line-node' }, node),
    ' ',
    h('span', {}, text.replace(/\n$/, ''))
  );
  return made;
}

/** Return the lines by time, without duplicates: a line may be both fetched and pushed. */
function merge(lines: Line[]): Line[] {
  const once = new Map(
    lines.map(line => [JSON.stringify([line.time, line.instance, line.node, line.stream, line.text]), line] as const)
  );
  return [...once.values()].sort((a, b) => a.time - b.time);
}
