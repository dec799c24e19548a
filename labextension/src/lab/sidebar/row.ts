/** Row of a list: a mark, a name, some words, and actions. */

import type { LabIcon } from '@jupyterlab/ui-components';
import { h } from '../../page/dom';
import { write } from './rows';

/** Button of a row. */
export interface RowAction {
  /** `data-cmd` of the button. */
  name: string;
  label: string;
  icon: LabIcon;
  run(): void;
}

export class PlainRow {
  readonly node: HTMLElement;
  readonly main: HTMLElement;
  private readonly name = h('span', { class: 'floe-entry-name' });
  private readonly words = h('span', { class: 'floe-entry-words' });
  private readonly mark = h('span', { class: 'floe-entry-mark', 'aria-hidden': 'true' });

  /** `open`: action of a click; a row without is not a button. */
  constructor(data: Record<string, string>, open?: () => void, actions: RowAction[] = []) {
    this.main = open
      ? h('button', { class: 'floe-entry-main', click: open }, this.mark, this.name, this.words)
      : h('div', { class: 'floe-entry-main', tabindex: 0 }, this.mark, this.name, this.words);
    this.node = h('div', { class: 'floe-entry' }, this.main, ...actions.map(button));
    Object.assign(this.node.dataset, data);
  }

  /** Set the texts; `state` colours the mark. */
  set(name: string, words: string, state = '', title = ''): void {
    write(this.name, name);
    write(this.words, words);
    this.node.dataset.state = state;
    const whole = title || (words ? `${name}: ${words}` : name);
    if (this.main.title !== whole) {
      this.main.title = whole;
      this.main.setAttribute('aria-label', [name, state, words].filter(Boolean).join(', '));
    }
  }
}

function button({ name, label, icon, run }: RowAction): HTMLElement {
  const made = h('button', { class: 'floe-entry-act', 'data-cmd': name, title: label, 'aria-label': label, click: run });
  icon.element({ container: made, width: '14px', height: '14px' });
  return made;
}
