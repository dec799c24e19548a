/** Copying of the last value of a wire or a node, as shown in the tooltip of the wire. */

import type { Shape, ShapeWire } from '../graph/model';
import { begunOf, read } from './begun';
import { copy, json } from './clip';
import type { Follower } from './follow';
import { size } from './tagged';
import { payloadOf } from './tree';

export interface Of { node: string; wire?: string }

/** Return the wire to copy from: the given wire, or the first wire behind the node that carried a message. */
function wireOf({ node, wire }: Of, shape: Shape, { view }: Follower): ShapeWire | undefined {
  const sent = new Set(view?.wires.filter(w => w.sent).map(w => w.name));
  return shape.wires.find(w => (wire ? w.name === wire : w.source === node) && sent.has(w.name));
}

/** Return the JSON text of the last recorded message of a node, at the port of the wire; '' if none was. */
function recorded({ node, wire }: Of, shape: Shape, { steps }: Follower): string {
  const port = shape.wires.find(w => w.name === wire)?.sourcePort;
  const given = steps.filter(s => s.node === node).flatMap(s => s.outputs).filter(([name]) => !port || name === port);
  return given.length ? payloadOf(given[given.length - 1][1]).slice(1, -1) : '';
}

const bytes = (text: string) => new Blob([text]).size;

/**
 * Return a function that copies the last value; undefined if no value exists. `say` gets a note if the copy is not the whole last
 * value.
 */
export function copyLast(of: Of, shape: Shape, known: Follower, say: (text: string) => void): (() => Promise<void>) | undefined {
  const [wire, step] = [wireOf(of, shape, known), recorded(of, shape, known)];
  return wire || step ? async () => {
    const text = (wire ? await known.lastOf(wire.name) : '') || step;
    if (!text) {
      throw new Error(`The last value of ${wire!.name} is too long to be kept: hold it with a breakpoint to look at it.`);
    }
    const begun = begunOf(read(text));
    const whole = begun && step.startsWith(begun.text) && bytes(step) === begun.size;
    await copy(begun && !whole ? begun.text : json(read(whole ? step : text)));
    if (begun && !whole) {
      say(`Copied the beginning, ${size(bytes(begun.text))} of ${size(begun.size)}: no more of it is kept`);
    } else if (wire && text === step) {
      say('Copied the last value that was recorded');
    }
  } : undefined;
}
