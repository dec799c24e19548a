/** The breakpoints of a node: condition, hit count, log text, enabled. */

import { h } from './dom';

export interface Breakpoint {
  id: string; node: string; side: string; port: string; when: string; hits: number; log: string; enabled: boolean; count: number;
}

export interface BreakActions {
  set(breakpoint: Partial<Breakpoint> & { node: string }): Promise<void>;
  clear(id: string): Promise<void>;
}

export function breakpoints(node: string, all: Breakpoint[], actions: BreakActions): HTMLElement {
  const rows = all.filter(b => b.node === node).map(b => row(b, actions));
  const add = (side: 'in' | 'out') => h('button', { 'data-cmd': `break-${side}`, click: () => void actions.set({ node, side }) },
    side === 'in' ? 'Break in front' : 'Break behind');
  return h('div', { class: 'floe-breaks' }, ...rows, h('div', { class: 'floe-buttons' }, add('in'), add('out')));
}

function row(breakpoint: Breakpoint, actions: BreakActions): HTMLElement {
  const problem = h('div', { class: 'floe-problem', role: 'alert' });
  const change = (part: Partial<Breakpoint>) => {
    actions.set({ ...breakpoint, ...part }).then(() => { problem.textContent = ''; }, (error: Error) => { problem.textContent = error.message; });
  };
  const field = (name: 'when' | 'log', label: string, hint: string) => h('label', {}, label, h('input', {
    value: breakpoint[name], placeholder: hint, 'data-field': name,
    change: (event: Event) => change({ [name]: (event.target as HTMLInputElement).value })
  }));
  return h('fieldset', { 'data-break': breakpoint.id },
    h('legend', {},
      h('label', {}, h('input', { type: 'checkbox', checked: breakpoint.enabled, 'data-field': 'enabled',
        change: (event: Event) => change({ enabled: (event.target as HTMLInputElement).checked }) }),
      ` ${breakpoint.side === 'in' ? 'in front' : 'behind'}${breakpoint.port ? ` (${breakpoint.port})` : ''}, met ${breakpoint.count} times`),
      h('button', { class: 'floe-link', 'aria-label': 'Remove', click: () => void actions.clear(breakpoint.id) }, 'remove')),
    field('when', 'only when', "msg['ppm'] < 0"), field('log', 'log instead', 'ppm is {msg[\'ppm\']}'),
    h('label', {}, 'from hit', h('input', { type: 'number', min: 0, value: breakpoint.hits, 'data-field': 'hits',
      change: (event: Event) => change({ hits: Number((event.target as HTMLInputElement).value) }) })),
    problem);
}
