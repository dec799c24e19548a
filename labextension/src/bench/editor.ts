/** An editor for the value of a held message: JSON, checked while one types. */

import { h } from './dom';

export interface EditActions {
  save(text: string): Promise<void>;
  drop(): Promise<void>;
  retry(): Promise<void>;
  fork(text: string): Promise<void>;
}

export function editor(value: unknown, actions: EditActions, failed: boolean): HTMLElement {
  const area = h('textarea', { class: 'floe-edit', spellcheck: false, rows: 6, 'aria-label': 'Value of the message, as JSON' });
  area.value = JSON.stringify(value, null, 2);
  const problem = h('div', { class: 'floe-problem', role: 'alert' });
  const say = (text: string) => { problem.textContent = text; };
  const attempt = (work: () => Promise<void>) => () => work().then(() => say(''), (error: Error) => say(error.message));
  const save = h('button', { 'data-cmd': 'save', click: attempt(() => actions.save(area.value)) }, 'Save');
  const fork = h('button', { 'data-cmd': 'fork', title: 'A run of its own, from here, with this value', click: attempt(() => actions.fork(area.value)) }, 'Fork');
  area.addEventListener('input', () => {
    const wrong = invalid(area.value);
    say(wrong);
    save.disabled = fork.disabled = wrong !== '';
  });
  const buttons = [save, failed && h('button', { 'data-cmd': 'retry', click: attempt(actions.retry) }, 'Try again'),
    fork, h('button', { 'data-cmd': 'drop', click: attempt(actions.drop) }, 'Drop')];
  return h('div', { class: 'floe-editor' }, area, problem, h('div', { class: 'floe-buttons' }, ...buttons));
}

/** Why a text is no JSON; empty if it is. */
export function invalid(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
}
