/** What is known of the selected node, piece by piece: held messages, last inputs and outputs, state, history, breakpoints, logs. */

import type { HeldMessage, NodeView, Record as Step } from '../wire';
import { breakpoints, type BreakActions, type Breakpoint } from './breaks';
import { h } from './dom';
import { editor, type EditActions } from './editor';
import { tree } from './tree';

export interface Known {
  node: NodeView;
  held: HeldMessage[];
  breaks: Breakpoint[];
  steps: Step[];
  logs: Array<{ node: string; stream: string; text: string }>;
}

export interface InspectorActions extends BreakActions {
  message(id: string): EditActions;
  /** Start again from a recorded step. */
  forkStep(step: Step): Promise<void>;
}

const STEPS = 50;

export class Inspector {
  readonly node = h('aside', { class: 'floe-inspector', 'aria-label': 'Selected node' });
  private shown = '';

  constructor(private readonly actions: InspectorActions) {
    this.show(null);
  }

  show(known: Known | null): void {
    const text = JSON.stringify(known && { ...known, node: [known.node.id, known.node.error, known.node.version, known.node.runtime] });
    // what a person is typing must not be thrown away, nor the page rebuilt for nothing
    if (text === this.shown || this.node.contains(document.activeElement) && document.activeElement?.matches('textarea, input')) {
      return;
    }
    this.shown = text;
    this.node.replaceChildren(...known ? this.parts(known) : [h('p', { class: 'floe-hint' }, 'Select a node to look into it.')]);
  }

  private parts({ node, held, breaks, steps, logs }: Known): HTMLElement[] {
    const mine = held.filter(m => m.node === node.id);
    const parts: HTMLElement[] = [h('h3', {}, node.id, h('small', {}, ` ${node.lang}, version ${node.version}`))];
    if (node.error) {
      parts.push(h('pre', { class: 'floe-error' }, node.error));
    }
    parts.push(...mine.slice(0, 20).map(m => this.message(m)));
    const last = steps.at(-1);
    if (last) {
      parts.push(section('Last step', step(last)), section('State', tree(last.after)));
    }
    parts.push(section('Breakpoints', breakpoints(node.id, breaks, this.actions)));
    if (steps.length) {
      parts.push(section(`History (${steps.length})`, this.history(steps), false));
    }
    if (logs.length) {
      parts.push(section('Logs', h('pre', { class: 'floe-logs' }, logs.map(l => l.text).join('\n')), false));
    }
    return parts;
  }

  private message(held: HeldMessage): HTMLElement {
    const body: HTMLElement[] = [tree(held.value)];
    if (held.failure) {
      body.push(h('pre', { class: 'floe-error' }, held.failure.trace || held.failure.message));
    }
    body.push(editor(held.value, this.actions.message(held.id), Boolean(held.failure)));
    const made = section(`Held ${held.side === 'out' ? 'behind' : 'in front'} (${held.port}): ${held.reason}`, h('div', {}, ...body));
    made.dataset.held = held.id;
    return made;
  }

  private history(steps: Step[]): HTMLElement {
    const rows = steps.slice(-STEPS).reverse().map(s => h('li', {},
      h('details', {}, h('summary', {}, `#${s.seq} ${s.failure ? s.failure.message : `${s.outputs.length} given`}`), step(s),
        h('button', { 'data-cmd': 'fork-step', click: () => void this.actions.forkStep(s) }, 'Fork from here'))));
    return h('ol', { class: 'floe-timeline' }, ...rows);
  }
}

function section(title: string, body: HTMLElement, open = true): HTMLElement {
  return h('details', { class: 'floe-section', open }, h('summary', {}, title), body);
}

function step(record: Step): HTMLElement {
  const parts = [h('div', { class: 'floe-label' }, `in (${record.port})`), tree(value(record.input.payload))];
  for (const [port, batch] of record.outputs) {
    parts.push(h('div', { class: 'floe-label' }, `out (${port})`), tree(value(batch.payload)));
  }
  if (record.failure) {
    parts.push(h('pre', { class: 'floe-error' }, record.failure.trace || record.failure.message));
  }
  return h('div', {}, ...parts);
}

/** The one message of a recorded batch. */
function value(payload: string): unknown {
  const bytes = Uint8Array.from(atob(payload), c => c.charCodeAt(0));
  return (JSON.parse(new TextDecoder().decode(bytes)) as unknown[])[0];
}
