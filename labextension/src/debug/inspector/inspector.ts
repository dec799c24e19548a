/** Details of the selected node, message or step: held messages, inputs, outputs, errors, state, history, breakpoints, logs. */

import type { Failure, HeldMessage, NodeView, Record as Step, ResultBatch, WireView } from '../../wire';
import { breakpoints, type BreakActions, type Breakpoint } from './breakpoints';
import { h } from '../../page/dom';
import { editor, injector, type EditActions } from './editor';
import { results, type ResultActions } from './results';
import { Sections, type Section } from './sections';
import { hasBuffers } from '../values/tagged';
import { stepText } from '../dock/timeline';
import { preview, tree, valueOf } from '../values/tree';

/** Data that the inspector shows. */
export interface InspectorData {
  /** Selected node; null if none is. */
  node: NodeView | null;
  /** Selected wire. */
  wire: WireView | null;
  /** Last values of the wire, or of the wires at the node. */
  values: Section[];
  /** Recorded step being looked at. */
  step: Step | null;
  /** Held message, if one was clicked. */
  message: string;
  ports: string[];
  /** First held messages of each node; `waiting` is the number held in all. */
  held: HeldMessage[];
  waiting: number;
  breaks: Breakpoint[];
  steps: Step[];
  failures: Failure[];
  /** First results, and the number of results. */
  results: ResultBatch[];
  total: number;
  live: boolean;
  /** True if no run could take a message. */
  over: boolean;
}

/** Actions of the inspector's sections. */
export interface InspectorActions extends BreakActions {
  results: ResultActions;
  message(held: HeldMessage): EditActions;
  inject(node: string, port: string, text: string): Promise<void>;
  select(node: string): void;
  look(step: Step): void;
}

const SHOWN = 20;

export class Inspector {
  private readonly title = h('h3');
  private readonly body = h('div', { class: 'floe-sections' });
  readonly node = h('aside', { class: 'floe-inspector', tabindex: -1, 'aria-label': 'Inspector' }, this.title, this.body);
  private readonly sections = new Sections(this.body);
  private shownTitle = '';

  constructor(private readonly actions: InspectorActions) {}

  show(data: InspectorData): void {
    this.head(data);
    this.sections.show(
      data.step
        ? this.step(data.step)
        : data.node
          ? this.selected(data.node, data)
          : data.wire
            ? data.values
            : this.overview(data)
    );
  }

  /** Open a section as soon as shown, and scroll to the section. */
  reveal(section: string, held = ''): void {
    this.sections.reveal(section, held);
  }

  private head({ node, step, wire }: InspectorData): void {
    const [name, words] = step
      ? [step.node, `step ${step.seq}, version ${step.version}`]
      : node
        ? [
            node.id,
            `${node.lang || 'built in'}, version ${node.version}, ${node.held ? 'held' : node.status}${node.runtime ? `, in ${node.runtime}` : ''}${node.runner ? ` of ${node.runner}` : ''}`
          ]
        : wire
          ? [wire.name, `wire, ${wire.sent} sent, ${wire.depth ?? 0} on the way${wire.full ? ', full' : ''}`]
          : ['', 'Select a node or a wire to see its details.'];
    if (name + words !== this.shownTitle) {
      this.shownTitle = name + words;
      this.title.replaceChildren(name, h('small', {}, ` ${words}`));
    }
  }

  private overview({ failures, held, waiting, results: found, total }: InspectorData): Section[] {
    const all = Math.max(waiting, held.length);
    const rows = () =>
      h(
        'div',
        {},
        ...held
          .slice(0, SHOWN)
          .map(m =>
            h(
              'button',
              { class: 'floe-row', 'data-held': m.id, click: () => this.actions.select(m.node) },
              h('b', {}, m.node),
              ` ${preview(m.value, 80)}`
            )
          ),
        all > SHOWN && h('p', { class: 'floe-hint' }, `${all - SHOWN} more`)
      );
    return [
      ...(found.length ? [results(found, total, this.actions.results)] : []),
      ...failures
        .slice(-SHOWN)
        .reverse()
        .map((f, i) => this.failure(f, `f${i}`)),
      ...(held.length ? [{ key: 'waiting', title: `Held messages (${all})`, digest: held.slice(0, SHOWN), make: rows }] : [])
    ];
  }

  private failure(failure: Failure, key: string): Section {
    return { key: `error:${key}`, title: `Error in ${failure.node || 'the flow'}`, digest: failure, make: () => trace(failure) };
  }

  private selected(node: NodeView, data: InspectorData): Section[] {
    const mine = data.held
      .filter(m => m.node === node.id)
      .sort((a, b) => Number(b.id === data.message) - Number(a.id === data.message));
    const steps = data.steps.filter(s => s.node === node.id);
    const last = steps[steps.length - 1];
    const failures = data.failures.filter(f => f.node === node.id).slice(-3);
    const marks = data.breaks.filter(b => b.node === node.id);
    const shape = JSON.stringify([data.live, data.over, data.ports]);
    const more = Math.max(node.held ?? 0, mine.length) - SHOWN;
    return [
      ...(node.error
        ? [{ key: 'error:node', title: 'Error', digest: node.error, make: () => h('pre', { class: 'floe-error' }, node.error!) }]
        : []),
      ...failures.map((f, i) => this.failure(f, `n${i}`)),
      ...mine.slice(0, SHOWN).map((m, i) => this.held(m, data.live, i)),
      ...(more > 0
        ? [
            {
              key: 'rest',
              title: `${more} more held messages`,
              digest: 0,
              open: false,
              make: () => h('p', { class: 'floe-hint' }, 'These messages are shown once the messages before them have gone on.')
            }
          ]
        : []),
      ...(last
        ? [
            { key: 'last', title: 'Last step', digest: last.seq, make: () => step(last) },
            { key: 'state', title: 'State', digest: last.after, make: () => tree(last.after) }
          ]
        : []),
      ...data.values,
      ...(!data.live
        ? []
        : [
            {
              key: 'breaks',
              title: `Breakpoints (${marks.length})`,
              digest: [marks, shape],
              make: () =>
                breakpoints(
                  node.id,
                  marks.map(b => ({ ...b })),
                  this.actions
                )
            }
          ]),
      ...(data.live
        ? [
            {
              key: 'inject',
              title: 'Inject a message',
              digest: shape,
              open: false,
              make: () => injector(data.ports, (port, text) => this.actions.inject(node.id, port, text), data.over)
            }
          ]
        : []),
      ...(steps.length
        ? [
            {
              key: 'history',
              title: `History (${steps.length})`,
              digest: steps.map(s => s.seq),
              open: false,
              make: () => this.history(steps)
            }
          ]
        : [])
    ];
  }

  private held(held: HeldMessage, live: boolean, at: number): Section {
    const make = () => {
      const value = h('div', {}, tree(held.value));
      if (hasBuffers(held.value)) {
        // on failure, as for a message that just went on, the known part stays
        void this.actions
          .message(held)
          .fetchWhole()
          .then(
            m => m && value.replaceChildren(tree(m.value, m.buffers)),
            () => undefined
          );
      }
      const body: HTMLElement[] = [value];
      if (held.failure) {
        body.push(trace(held.failure));
      }
      body.push(...(live ? [editor(held, this.actions.message(held))] : []));
      return h('div', {}, ...body);
    };
    const where = `${held.side === 'out' ? 'behind' : 'in front'} (${held.port})`;
    return {
      key: `held:${held.side ?? 'in'}:${held.id}`,
      title: `Held ${where}: ${held.reason}`,
      hint: preview(held.value, 60),
      digest: [held, live],
      open: at < 3,
      lead: at === 0,
      data: { held: held.id },
      make
    };
  }

  private history(steps: Step[]): HTMLElement {
    return h(
      'div',
      {},
      ...steps
        .slice(-50)
        .reverse()
        .map(s =>
          h(
            'button',
            { class: 'floe-row', 'data-step': s.seq, click: () => this.actions.look(s) },
            h('b', {}, `#${s.seq}`),
            ` ${stepText(s)}`
          )
        )
    );
  }

  private step(record: Step): Section[] {
    return [
      { key: `step:${record.seq}`, title: 'Inputs and outputs', digest: record.seq, make: () => step(record) },
      { key: `before:${record.seq}`, title: 'State before', digest: 0, open: false, make: () => tree(record.before) },
      { key: `after:${record.seq}`, title: 'State after', digest: 0, make: () => tree(record.after) }
    ];
  }
}

/** Render the module's own trace, and the position in the notebook. */
function trace(failure: Failure): HTMLElement {
  const place = failure.cell ? `Cell In[${failure.cell}]${failure.line ? `, line ${failure.line}` : ''}` : '';
  return h(
    'div',
    { class: 'floe-failure' },
    h('div', { class: 'floe-error' }, failure.message),
    place && h('div', { class: 'floe-label' }, place),
    failure.trace && h('pre', { class: 'floe-error' }, failure.trace)
  );
}

function step(record: Step): HTMLElement {
  const parts = [h('div', { class: 'floe-label' }, `in (${record.port})`), tree(valueOf(record.input), record.input.buffers)];
  for (const [port, batch] of record.outputs.slice(0, 50)) {
    parts.push(h('div', { class: 'floe-label' }, `out (${port})`), tree(valueOf(batch), batch.buffers));
  }
  if (record.outputs.length > 50) {
    parts.push(h('div', { class: 'floe-hint' }, `${record.outputs.length - 50} more outputs`));
  }
  return h('div', {}, ...parts, record.failure && trace(record.failure));
}
