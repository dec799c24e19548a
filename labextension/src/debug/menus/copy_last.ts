/** Copying of the last value of a wire or a node, as shown in the tooltip of the wire. */

import type { Shape, ShapeWire } from '../../graph/model';
import { truncatedOf, parseOrText } from '../values/truncated';
import { copy, toJson } from '../values/clipboard';
import type { RunStore } from '../store';
import { size } from '../values/tagged';
import { payloadOf } from '../values/tree';

/** Node, or wire of the node, whose last value is copied. */
export interface Origin {
  node: string;
  wire?: string;
}

/** Return the wire to copy from: the given wire, or the first wire behind the node that carried a message. */
function wireOf({ node, wire }: Origin, shape: Shape, { view }: RunStore): ShapeWire | undefined {
  const sent = new Set(view?.wires.filter(w => w.sent).map(w => w.name));
  return shape.wires.find(w => (wire ? w.name === wire : w.source === node) && sent.has(w.name));
}

/** Return the JSON text of the last recorded message of a node, at the port of the wire; '' if none was. */
function recordedText({ node, wire }: Origin, shape: Shape, { steps }: RunStore): string {
  const port = shape.wires.find(w => w.name === wire)?.sourcePort;
  const given = steps
    .filter(s => s.node === node)
    .flatMap(s => s.outputs)
    .filter(([name]) => !port || name === port);
  return given.length ? payloadOf(given[given.length - 1][1]).slice(1, -1) : '';
}

const bytes = (text: string) => new Blob([text]).size;

/**
 * Return a function that copies the last value; undefined if no value exists. `announce` gets a note if the copy is not the whole last
 * value.
 */
export function copyLast(
  of: Origin,
  shape: Shape,
  store: RunStore,
  announce: (text: string) => void
): (() => Promise<void>) | undefined {
  const [wire, step] = [wireOf(of, shape, store), recordedText(of, shape, store)];
  return wire || step
    ? async () => {
        const text = (wire ? await store.lastValue(wire.name) : '') || step;
        if (!text) {
          throw new Error(
            `The last value of ${wire!.name} is too long to be kept: hold the message with a breakpoint to see the value.`
          );
        }
        const truncated = truncatedOf(parseOrText(text));
        const whole = truncated && step.startsWith(truncated.text) && bytes(step) === truncated.size;
        await copy(truncated && !whole ? truncated.text : toJson(parseOrText(whole ? step : text)));
        if (truncated && !whole) {
          announce(`Copied the beginning, ${size(bytes(truncated.text))} of ${size(truncated.size)}: the rest is not kept`);
        } else if (wire && text === step) {
          announce('Copied the last value that was recorded');
        }
      }
    : undefined;
}
