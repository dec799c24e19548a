/** List of keys, made from the table that defines the keys. */

import { PICTURE_KEYS, SEARCH_KEYS, VIEW_KEYS, type Key } from '../../graph/controls/keymap';
import { h } from '../../page/dom';

const SIGNS = new Map([
  ['ArrowRight', '→'],
  ['ArrowLeft', '←'],
  ['ArrowUp', '↑'],
  ['ArrowDown', '↓'],
  [' ', 'Space'],
  ['Escape', 'Esc'],
  ['ContextMenu', 'Menu']
]);
const PARTS: Array<[string, readonly Key[]]> = [
  ['Anywhere in the view', VIEW_KEYS],
  ['In the picture', PICTURE_KEYS],
  ['In the search', SEARCH_KEYS]
];
const POINTER = [
  ['Click', 'Select a node; a port: set or remove a breakpoint'],
  ['Double click', 'Look into a node'],
  ['Drag', 'Move the picture'],
  ['Ctrl + wheel', 'Zoom'],
  ['Right click', 'Open the menu of a node, a wire or a value; with Shift, that of the browser']
];

/** Show the list above all other elements, or close an open list. */
export function toggleKeys(host: HTMLElement): void {
  const shown = host.querySelector<HTMLDialogElement>('.floe-keys');
  if (shown) {
    shown.close();
    return;
  }
  const made: HTMLDialogElement = h(
    'dialog',
    {
      class: 'floe-keys floe-popup',
      'aria-label': 'Keys',
      keydown: (e: KeyboardEvent) => {
        e.stopPropagation();
        if (e.key === '?') {
          made.close();
        }
      },
      close: () => made.remove(),
      click: (e: Event) => {
        if (e.target === made) {
          made.close();
        }
      }
    },
    h(
      'div',
      {},
      h(
        'div',
        { class: 'floe-head' },
        h('h3', {}, 'Keys'),
        h('button', { 'data-cmd': 'close-keys', autofocus: true, click: () => made.close() }, 'Close')
      ),
      h(
        'div',
        { class: 'floe-keys-parts' },
        ...PARTS.map(([title, keys]) =>
          part(
            title,
            keys.map(key =>
              h(
                'tr',
                { 'data-key-name': key.name },
                h('th', { scope: 'row' }, ...key.keys.flatMap((one, i) => [i > 0 && ' or ', ...signs(one)])),
                h('td', {}, key.words)
              )
            )
          )
        ),
        part(
          'With the pointer',
          POINTER.map(([what, words]) => h('tr', {}, h('th', { scope: 'row' }, what), h('td', {}, words)))
        )
      )
    )
  );
  host.append(made);
  made.showModal();
}

function part(title: string, rows: HTMLElement[]): HTMLElement {
  return h('table', {}, h('caption', {}, title), h('tbody', {}, ...rows));
}

/** Render `Ctrl+f` as two keys. */
function signs(key: string): HTMLElement[] {
  const parts = key.length > 1 ? key.split('+') : [key];
  return [
    h(
      'span',
      { 'data-key': key },
      ...parts.map((one, i) => h('kbd', {}, SIGNS.get(one) ?? (i > 0 && one.length === 1 ? one.toUpperCase() : one)))
    )
  ];
}
