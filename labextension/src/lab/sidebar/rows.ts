/** List of rows that change often: a row keeps its element, and so focus and hover, as long as its key exists. */

import { h } from '../../page/dom';

/** Row of a list, updated in place. */
export interface Row<T> {
  readonly node: HTMLElement;
  update(item: T): void;
}

/** Maximum number of rows shown: people do not read more, and filters find the others. */
const MOST = 200;

export class Rows<T> {
  readonly node: HTMLElement;
  private readonly list = h('div', { role: 'list' });
  private readonly hint = h('div', { class: 'floe-side-none' });
  private readonly rows = new Map<string, Row<T>>();

  /** `name`: label for screen readers; `empty`: text shown if the list has no rows. */
  constructor(
    name: string,
    private readonly empty: string | (() => string),
    private readonly key: (item: T) => string,
    private readonly make: (item: T) => Row<T>
  ) {
    this.list.setAttribute('aria-label', name);
    this.node = h('div', { class: 'floe-entries' }, this.list, this.hint);
    this.list.addEventListener('keydown', event => this.move(event));
  }

  show(items: readonly T[]): void {
    const shown = items.slice(0, MOST);
    const keys = new Set(shown.map(this.key));
    for (const [key, row] of this.rows) {
      if (!keys.has(key)) {
        row.node.remove();
        this.rows.delete(key);
      }
    }
    shown.forEach((item, index) => this.place(item, index));
    write(
      this.hint,
      items.length > MOST
        ? `${items.length - MOST} more; narrow the filter`
        : items.length
          ? ''
          : typeof this.empty === 'string'
            ? this.empty
            : this.empty()
    );
  }

  private place(item: T, index: number): void {
    const key = this.key(item);
    let row = this.rows.get(key);
    if (!row) {
      row = this.make(item);
      row.node.setAttribute('role', 'listitem');
      this.rows.set(key, row);
    }
    row.update(item);
    const there = this.list.children[index];
    if (there !== row.node) {
      this.list.insertBefore(row.node, there ?? null);
    }
  }

  /** Move the focus from row to row with the up and down keys. */
  private move(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const mains = [...this.list.querySelectorAll<HTMLElement>('.floe-entry-main')];
    const at = mains.findIndex(main => main.closest('.floe-entry')!.contains(document.activeElement));
    if (step && at >= 0) {
      mains[Math.max(0, Math.min(mains.length - 1, at + step))].focus();
      event.preventDefault();
      event.stopPropagation();
    }
  }
}

/** Set a text only if different, to avoid a new layout of the page. */
export function write(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
