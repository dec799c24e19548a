/** Last values of wires. */

import type { Shape, ShapeWire } from '../../graph/model';
import type { WireView } from '../../wire';
import { summary, parseOrText, renderValue } from '../values/truncated';
import { h } from '../../page/dom';
import type { Section } from './sections';

/** Text for a long value at the end of a large batch. */
const UNKNOWN = 'too long to be kept';
/** Maximum number of wires of a node whose values are shown. */
const MOST = 12;

/** Return the wires whose values belong to the selection: one wire, or the wires at a node. */
export function wiresOf(shape: Shape, node: string | null, wire: string): ShapeWire[] {
  return shape.wires
    .filter(w => (wire ? w.name === wire : node !== null && (w.source === node || w.target === node)))
    .slice(0, MOST);
}

/** Return values in a few words, for tooltips. */
export function shortValues(latest: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(latest).map(([name, text]) => [name, text ? summary(parseOrText(text), 120) : UNKNOWN])
  );
}

/** Return the section with the last value of each wire. */
export function lastValues(
  wires: ShapeWire[],
  node: string | null,
  views: WireView[],
  latest: Record<string, string>
): Section[] {
  const sent = new Map(views.map(view => [view.name, view.sent]));
  const carrying = wires.filter(wire => sent.get(wire.name));
  const make = () =>
    h('div', {}, ...carrying.flatMap(wire => [h('div', { class: 'floe-label' }, label(wire, node)), value(latest[wire.name])]));
  return carrying.length
    ? [
        {
          key: 'values',
          title: wires.length > 1 ? 'Last values' : 'Last value',
          digest: carrying.map(wire => [wire.name, latest[wire.name]]),
          make
        }
      ]
    : [];
}

function label({ name, source, sourcePort, target, targetPort }: ShapeWire, node: string | null): string {
  return node === null
    ? name
    : target === node
      ? `in (${targetPort}) from ${source}.${sourcePort}`
      : `out (${sourcePort}) to ${target}.${targetPort}`;
}

function value(text: string | undefined): HTMLElement {
  return text === undefined
    ? h('p', {}, '…')
    : text === ''
      ? h('p', { class: 'floe-hint' }, 'The value is too long to be kept, behind others of one batch.')
      : renderValue(parseOrText(text));
}
