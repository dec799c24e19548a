/** The breakpoints of a node: condition, hit count, log text, enabled. */

import { h } from './dom';

export interface Breakpoint {
  id: string; node: string; side: string; port: string; when: string; hits: number; log: string; enabled: boolean; count: number;
}

export interface BreakActions {
  set(breakpoint: Partial<Breakpoint> & { node: string }): Promise<void>;
  clear(id: string): Promise<void>;
}

export function breakpoints(node: string, mine: Breakpoint[], actions: BreakActions): HTMLElement {
  const problem = h('div', { class: 'floe-problem', role: 'alert' });
  const add = (side: 'in' | 'out') => h('button', { 'data-cmd': `break-${side}`, click: () => {
    actions.set({ node, side }).then(() => { problem.textContent = ''; }, (error: Error) => { problem.textContent = error.message; });
  } }, side === 'in' ? 'Break in front' : 'Break behind');
  return h('div', { class: 'floe-breaks' }, ...mine.map(b => row(b, actions)), problem, h('div', { class: 'floe-buttons' }, add('in'), add('out')));
}

function row(breakpoint: Breakpoint, actions: BreakActions): HTMLElement {
  const change = (part: Partial<Breakpoint>, problem: HTMLElement) => {
    actions.set({ ...breakpoint, ...part }).then(() => { problem.textContent = ''; Object.assign(breakpoint, part); },
      (error: Error) => { problem.textContent = error.message; });
  };
  const field = (name: 'when' | 'log' | 'hits', label: string, hint: string) => {
    const problem = h('div', { class: 'floe-problem', role: 'alert', 'data-problem': name });
    const input = h('input', { value: name === 'hits' ? breakpoint.hits || '' : breakpoint[name], placeholder: hint, 'data-field': name, spellcheck: false,
      ...name === 'hits' ? { type: 'number', min: 0 } : {},
      change: () => change({ [name]: name === 'hits' ? Number(input.value) : input.value }, problem) });
    return h('div', {}, h('label', {}, h('span', {}, label), input), problem);
  };
  const problem = h('div', { class: 'floe-problem', role: 'alert' });
  const place = `${breakpoint.side === 'in' ? 'in front' : 'behind'}${breakpoint.port ? ` (${breakpoint.port})` : ''}`;
  const enabled = h('input', { type: 'checkbox', checked: breakpoint.enabled, 'data-field': 'enabled',
    change: () => change({ enabled: enabled.checked }, problem) });
  return h('fieldset', { 'data-break': breakpoint.id },
    h('div', { class: 'floe-head' }, h('label', { class: 'floe-tick' }, enabled, ` ${place}, hit ${breakpoint.count}×`),
      h('button', { class: 'floe-link', 'data-cmd': 'break-clear', 'aria-label': `Remove the breakpoint ${place}`,
        click: () => { actions.clear(breakpoint.id).catch((error: Error) => { problem.textContent = error.message; }); } }, 'remove')),
    problem, field('when', 'only when', "msg['ppm'] < 0"), field('hits', 'from hit', '1'), field('log', 'log instead', "ppm is {msg['ppm']}"));
}
