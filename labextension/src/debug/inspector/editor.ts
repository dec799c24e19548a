/** Editor for the value of a held message: JSON, checked during typing. */

import type { HeldMessage } from '../../wire';
import { h } from '../../page/dom';
import { problemLine, report } from '../../page/problem';
import { draft } from './drafts';
import { hasBuffers } from '../values/tagged';
import { inexact, invalid } from '../values/json';

/** Actions on one held message. */
export interface EditActions {
  /** Return the message with its bytes and arrays; undefined if the message is no longer held. */
  fetchWhole(): Promise<HeldMessage | undefined>;
  save(text: string): Promise<void>;
  drop(): Promise<void>;
  duplicate(): Promise<void>;
  step(): Promise<void>;
  retry(): Promise<void>;
  fork(text: string): Promise<void>;
}

/** Maximum number of characters of an editable text: longer texts make typing slow. */
const LONGEST = 500_000;

/** Make the editor of a held message, with the buttons of its actions. */
export function editor(held: HeldMessage, actions: EditActions): HTMLElement {
  const problem = problemLine({ 'data-field': 'problem' });
  const showProblem = (text: string) => {
    problem.textContent = text;
  };
  const attempt = (work: () => Promise<void>) => () => report(work(), problem);
  const button = (cmd: string, text: string, title: string, work: () => Promise<void>) =>
    h('button', { 'data-cmd': cmd, title, click: attempt(work) }, text);
  const area = h('textarea', {
    class: 'floe-edit',
    spellcheck: false,
    rows: 5,
    'data-field': 'value',
    'aria-label': 'Value of the message, as JSON'
  });
  const saveDraft = draft(area, async text => {
    const wrong = invalid(text);
    await (wrong ? Promise.reject(new Error(wrong)) : actions.save(text)).catch((error: Error) => {
      showProblem(error.message);
      throw error;
    });
  });
  const afterSaving = (act: () => Promise<void>) => () => saveDraft().then(act);
  const save = button('save', 'Save', 'Give the message this value', async () => {
    area.dataset.dirty = '';
    await saveDraft();
  });
  const fork = button('fork', 'Fork', 'Start a separate run from here, with this value', () => actions.fork(area.value));
  const why = whyNotEditable(held.value);
  area.value = why ? '' : JSON.stringify(held.value, null, 2);
  area.rows = Math.min(14, Math.max(2, area.value.split('\n').length));
  area.addEventListener('input', () => {
    const wrong = invalid(area.value);
    area.setAttribute('aria-invalid', String(wrong !== ''));
    showProblem(wrong);
    save.disabled = fork.disabled = wrong !== '';
  });
  const inFront = held.side !== 'out';
  const buttons = h(
    'div',
    { class: 'floe-buttons' },
    !why && save,
    inFront && button('step-message', 'Step', 'Only this message goes on', afterSaving(actions.step)),
    held.failure &&
      button('retry', 'Try again', 'Process the message again, after the module was corrected', afterSaving(actions.retry)),
    inFront && button('duplicate', 'Duplicate', 'Put a copy behind the message', afterSaving(actions.duplicate)),
    !why && fork,
    button('drop', 'Drop', 'Take the message out of the flow', actions.drop)
  );
  return h('div', { class: 'floe-editor' }, why ? h('p', { class: 'floe-hint' }, why) : area, problem, buttons);
}

/** Return why a value cannot be edited in the page; empty if editable. */
function whyNotEditable(value: unknown): string {
  if (inexact(value)) {
    return 'The value holds an integer beyond 2^53, which a browser would change: edit the message in a cell with %floe edit.';
  }
  if (hasBuffers(value)) {
    return 'The value holds bytes or arrays, which cannot be edited: drop the message and inject the new value in a cell, with %floe inject.';
  }
  return (JSON.stringify(value) ?? '').length > LONGEST
    ? 'The value is too long to be edited here: edit the message in a cell with %floe edit.'
    : '';
}

/** Make the form that puts a typed value in front of a node. */
export function injector(ports: string[], inject: (port: string, text: string) => Promise<void>, over: boolean): HTMLElement {
  const area = h('textarea', {
    class: 'floe-edit',
    spellcheck: false,
    rows: 2,
    'data-field': 'inject',
    'aria-label': 'A new message, as JSON',
    placeholder: '{"ppm": 421}',
    disabled: over
  });
  const port = h('select', { 'data-field': 'port', 'aria-label': 'Port' }, ...ports.map(p => h('option', { value: p }, p)));
  const problem = problemLine();
  const send = h(
    'button',
    {
      'data-cmd': 'inject',
      title: over ? 'No run can take a message: the run is over, or none was started' : 'Put the message in front of this node',
      disabled: true,
      click: () => {
        inject(port.value, area.value).then(
          () => {
            problem.textContent = '';
            area.value = '';
            send.disabled = true;
            delete area.dataset.dirty;
          },
          (error: Error) => {
            problem.textContent = error.message;
          }
        );
      }
    },
    'Inject'
  );
  area.addEventListener('input', () => {
    const wrong = area.value.trim() ? invalid(area.value) : '';
    area.toggleAttribute('data-dirty', area.value !== '');
    problem.textContent = wrong;
    send.disabled = wrong !== '' || !area.value.trim();
  });
  return h('div', {}, area, problem, h('div', { class: 'floe-buttons' }, ports.length > 1 && port, send));
}
