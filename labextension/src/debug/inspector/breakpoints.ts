/** Breakpoints of a node: condition, hit count, log text, enabled. */

import { h } from '../../page/dom';
import { problemLine, report } from '../../page/problem';
import { draft } from './drafts';

/** Breakpoint as the dispatcher lists it; `count` is the number of messages that met it. */
export interface Breakpoint {
  id: string;
  node: string;
  side: string;
  port: string;
  when: string;
  hits: number;
  log: string;
  enabled: boolean;
  count: number;
}

/** Calls that change breakpoints. */
export interface BreakActions {
  set(breakpoint: Partial<Breakpoint> & { node: string }): Promise<void>;
  clear(id: string): Promise<void>;
}

/** Make the forms of the breakpoints of a node, and the buttons that add one. */
export function breakpoints(node: string, mine: Breakpoint[], actions: BreakActions): HTMLElement {
  const problem = problemLine();
  const add = (side: 'in' | 'out') =>
    h(
      'button',
      { 'data-cmd': `break-${side}`, click: () => report(actions.set({ node, side }), problem) },
      side === 'in' ? 'Break in front' : 'Break behind'
    );
  return h(
    'div',
    { class: 'floe-breaks' },
    ...mine.map(b => row(b, actions)),
    problem,
    h('div', { class: 'floe-buttons' }, add('in'), add('out'))
  );
}

function row(breakpoint: Breakpoint, actions: BreakActions): HTMLElement {
  const change = async (part: Partial<Breakpoint>, problem: HTMLElement) => {
    try {
      await actions.set({ ...breakpoint, ...part });
      problem.textContent = '';
      Object.assign(breakpoint, part);
    } catch (error) {
      problem.textContent = (error as Error).message;
      throw error;
    }
  };
  const field = (name: 'when' | 'log' | 'hits', label: string, hint: string) => {
    const problem = problemLine({ 'data-problem': name });
    const input = h('input', {
      value: name === 'hits' ? breakpoint.hits || '' : breakpoint[name],
      placeholder: hint,
      'data-field': name,
      spellcheck: false,
      ...(name === 'hits' ? { type: 'number', min: 0 } : {}),
      change: () => void save().catch(ignore),
      keydown: (event: KeyboardEvent) => {
        if (event.key === 'Enter') {
          event.stopPropagation(); // a notebook would take the key, and the field would get no change event
          void save().catch(ignore);
        }
      }
    });
    const save = draft(input, text => change({ [name]: name === 'hits' ? Number(text) : text }, problem));
    return h('div', {}, h('label', {}, h('span', {}, label), input), problem);
  };
  const problem = problemLine();
  const place = `${breakpoint.side === 'in' ? 'in front' : 'behind'}${breakpoint.port ? ` (${breakpoint.port})` : ''}`;
  const enabled = h('input', {
    type: 'checkbox',
    checked: breakpoint.enabled,
    'data-field': 'enabled',
    change: () => void change({ enabled: enabled.checked }, problem).catch(ignore)
  });
  const remove = () => {
    made.querySelectorAll('[data-dirty]').forEach(field => field.removeAttribute('data-dirty')); // drafts go with the breakpoint
    actions.clear(breakpoint.id).catch((error: Error) => {
      problem.textContent = error.message;
    });
  };
  const made = h(
    'fieldset',
    { 'data-break': breakpoint.id },
    h(
      'div',
      { class: 'floe-head' },
      h('label', { class: 'floe-tick' }, enabled, ` ${place}, hit ${breakpoint.count}×`),
      h(
        'button',
        { class: 'floe-link', 'data-cmd': 'break-clear', 'aria-label': `Remove the breakpoint ${place}`, click: remove },
        'remove'
      )
    ),
    problem,
    field('when', 'only when', "msg['ppm'] < 0"),
    field('hits', 'from hit', '1'),
    field('log', 'log instead', "ppm is {msg['ppm']}")
  );
  return made;
}

/** Ignore an error that its field already shows. */
const ignore = () => undefined;
