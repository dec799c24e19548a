/** Buttons at the right of the toolbar, for the view rather than the run. */

import { element } from '../../graph/pictures/svg';
import { h } from '../../page/dom';

const BUTTONS = {
  find: ['Find a node', '/', 'M11 7a4 4 0 1 1-8 0a4 4 0 1 1 8 0M10 10l4 4'],
  fold: ['Fold or unfold all groups', 'g', 'M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z'],
  inspector: ['Inspector', 'i', 'M2 3h12v10H2zM10 3v10'],
  maximise: ['Maximise', 'm', 'M9 3h4v4M13 3L9 7M7 13H3V9M3 13l4-4'],
  tab: ['Open in a tab', '', 'M7 3H3v10h10V9M9 3h4v4M13 3L7.500 8.500'],
  keys: ['Keys', '?', 'M5.500 6a2.500 2.500 0 1 1 3.600 2.200c-.800.400-1.100.900-1.100 1.800M8 12v1.200']
} as const;
const RESTORE = 'M13 7H9V3M9 7l4-4M3 9h4v4M7 9l-4 4';

export type ViewButton = keyof typeof BUTTONS;

export class ViewButtons {
  readonly node = h('div', { class: 'floe-tools', role: 'group', 'aria-label': 'View' });
  private readonly buttons = new Map<ViewButton, HTMLButtonElement>();
  private shown = '';

  constructor(actions: Record<ViewButton, () => void>) {
    for (const name of Object.keys(BUTTONS) as ViewButton[]) {
      const [, key, path] = BUTTONS[name];
      const button = h('button', {
        'data-cmd': name,
        click: () => actions[name](),
        ...(key ? { 'aria-keyshortcuts': key } : {})
      });
      button.append(element('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, element('path', { d: path })));
      this.buttons.set(name, button);
      this.node.append(button);
    }
    this.show({ open: false, maximised: false, tabs: false, large: false });
  }

  /** `tabs`: true if the main area has tabs. `large`: true if the flow can be folded. */
  show(state: { open: boolean; maximised: boolean; tabs: boolean; large: boolean }): void {
    const digest = JSON.stringify(state);
    if (digest === this.shown) {
      return;
    }
    this.shown = digest;
    const { open, maximised, tabs, large } = state;
    this.name('inspector', open ? 'Hide the inspector' : 'Show the inspector', open);
    this.name('maximise', maximised ? 'Restore' : 'Maximise', maximised);
    (['find', 'fold', 'tab', 'keys'] as const).forEach(tool => this.name(tool, BUTTONS[tool][0]));
    this.buttons
      .get('maximise')!
      .querySelector('path')!
      .setAttribute('d', maximised ? RESTORE : BUTTONS.maximise[2]);
    this.buttons.get('tab')!.hidden = !tabs;
    this.buttons.get('fold')!.hidden = !large;
  }

  private name(tool: ViewButton, words: string, on?: boolean): void {
    const key = BUTTONS[tool][1];
    const button = this.buttons.get(tool);
    button?.setAttribute('aria-label', words);
    button?.setAttribute('title', `${words}${key && ` (${key})`}`);
    if (on !== undefined) {
      button?.setAttribute('aria-pressed', String(on));
    }
  }
}
