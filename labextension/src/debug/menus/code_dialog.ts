/** Dialog with the code of a node's module, above all other elements. */

import { copy } from '../values/clipboard';
import { h } from '../../page/dom';

/** Code of a module. */
export interface Code {
  module: string;
  lang: string;
  source: string;
}

/** Show the code of a node's module above all other elements. */
export function showCode(host: HTMLElement, node: string, { module, lang, source }: Code): void {
  const status = h('span', { class: 'floe-hint', role: 'status' });
  const copyCode = () =>
    void copy(source).then(
      () => {
        status.textContent = 'copied';
      },
      (error: Error) => {
        status.textContent = error.message;
      }
    );
  const made: HTMLDialogElement = h(
    'dialog',
    {
      class: 'floe-keys floe-code floe-popup',
      'aria-label': `Code of ${node}`,
      keydown: (e: KeyboardEvent) => e.stopPropagation(),
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
        h('h3', {}, node, h('small', {}, ` module ${module}, ${lang || 'python'}`)),
        h(
          'span',
          {},
          status,
          ' ',
          h('button', { 'data-cmd': 'copy-code', click: copyCode }, 'Copy'),
          ' ',
          h('button', { 'data-cmd': 'close-code', autofocus: true, click: () => made.close() }, 'Close')
        )
      ),
      h('pre', { tabindex: 0 }, source)
    )
  );
  host.append(made);
  made.showModal();
}
