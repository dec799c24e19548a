/** Foldable part below the graph: the timeline and the logs. */

import { h } from '../../page/dom';

export class Dock {
  private readonly bar = h('div', { class: 'floe-tabs', role: 'tablist' });
  readonly node = h('div', { class: 'floe-dock' }, this.bar);
  private readonly tabs: Array<{ button: HTMLButtonElement; body: HTMLElement }> = [];

  add(name: string, label: string, body: HTMLElement): (label: string) => void {
    const id = `floe-${name}-${Math.random().toString(36).slice(2)}`;
    const button = h(
      'button',
      { role: 'tab', 'data-tab': name, 'aria-selected': 'false', 'aria-controls': id, click: () => this.toggle(body) },
      label
    );
    body.id = id;
    body.setAttribute('role', 'tabpanel');
    body.hidden = true;
    this.tabs.push({ button, body });
    this.bar.append(button);
    this.node.append(body);
    return text => {
      if (button.textContent !== text) {
        button.textContent = text;
      }
    };
  }

  /** Return true if this part is unfolded; a folded part need not be drawn. */
  isOpen(body: HTMLElement): boolean {
    return !body.hidden;
  }

  /** Called when a part is unfolded. */
  onOpen: () => void = () => undefined;

  private toggle(body: HTMLElement): void {
    const open = body.hidden;
    for (const tab of this.tabs) {
      tab.body.hidden = tab.body !== body || !open;
      tab.button.setAttribute('aria-selected', String(!tab.body.hidden));
    }
    this.onOpen();
  }
}
