/** Output of modules, newest last. Follows the newest line unless the person scrolled up. */

import { h } from '../../page/dom';

/** Line written by a module; `time` in seconds since 1970. */
export interface Line {
  node: string;
  stream: string;
  text: string;
  time?: number;
}

const SHOWN = 500;

export class Logs {
  private readonly list = h('div', { class: 'floe-lines', role: 'log', tabindex: 0, 'aria-label': 'Lines' });
  private readonly filter = h(
    'select',
    { 'data-field': 'log-node', 'aria-label': 'Lines of', change: () => this.redraw() },
    h('option', { value: '' }, 'all nodes')
  );
  readonly node = h('div', { class: 'floe-logs' }, h('div', { class: 'floe-head' }, this.filter), this.list);
  private lines: Line[] = [];
  private shown = 0;
  private names = '';

  /** `count`: number of lines in all, of which `lines` are the last. */
  show(lines: Line[], count: number, nodes: string[]): void {
    this.listNodes(nodes);
    if (count === this.shown) {
      return;
    }
    const fresh = count < this.shown ? lines : lines.slice(Math.max(0, lines.length - (count - this.shown)));
    if (count < this.shown || this.lines !== lines) {
      this.list.replaceChildren();
      this.add(lines);
    } else {
      this.add(fresh);
    }
    this.lines = lines;
    this.shown = count;
  }

  private redraw(): void {
    this.list.replaceChildren();
    this.add(this.lines);
    this.list.scrollTop = this.list.scrollHeight;
  }

  private add(lines: Line[]): void {
    const end = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 8;
    const wanted = lines.filter(l => !this.filter.value || l.node === this.filter.value);
    this.list.append(...wanted.slice(-SHOWN).map(line));
    while (this.list.childElementCount > SHOWN) {
      this.list.firstElementChild!.remove();
    }
    if (end) {
      this.list.scrollTop = this.list.scrollHeight;
    }
  }

  private listNodes(nodes: string[]): void {
    const names = JSON.stringify(nodes);
    if (names !== this.names) {
      this.names = names;
      const chosen = this.filter.value;
      this.filter.replaceChildren(h('option', { value: '' }, 'all nodes'), ...nodes.map(n => h('option', { value: n }, n)));
      this.filter.value = nodes.includes(chosen) ? chosen : '';
    }
  }
}

function line({ node, stream, text, time }: Line): HTMLElement {
  return h(
    'div',
    { class: `floe-line${stream === 'stderr' ? ' floe-stderr' : ''}`, 'data-log': node },
    h('span', { class: 'floe-key', title: time ? new Date(time * 1000).toLocaleString() : '' }, `${node} `),
    text.replace(/\n$/, '')
  );
}
