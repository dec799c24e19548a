/** Lines that show the errors of actions, each beside the controls of its actions. */

import { h } from './dom';

/** Make a line for errors, empty until an action fails. */
export function problemLine(attributes: Record<string, string> = {}): HTMLElement {
  return h('div', { class: 'floe-problem', role: 'alert', ...attributes });
}

/** Show the error of an action in its line; clear the line if the action succeeds. */
export function report(work: Promise<unknown>, problem: HTMLElement): void {
  work.then(
    () => {
      problem.textContent = '';
    },
    (error: Error) => {
      problem.textContent = error.message;
    }
  );
}
