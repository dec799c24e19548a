// Calls: messages handed to a slot by the runner. Parcels: messages on the way into a slot, from a call or a local route.

import { BadFrame, int, list, text } from "./frames.mjs";
import { parse, texts } from "./json.mjs";
import { untag } from "./values.mjs";
import { Refusal } from "./refusal.mjs";

export class Call {
  at = 0; // number of messages consumed
  emitted = 0; // outputs of the message under way in earlier frames
  recalled = false;
  trouble = null; // reason why the payload cannot be read
  slot = null;
  text = "";
  numbers = new Map(); // behind local routes: slot -> root -> outputs so far

  /** Throws `BadFrame`. `decode` makes text of bytes. */
  constructor(head, parts, decode) {
    const batch = head.batch;
    if (batch === null || typeof batch !== "object") throw new BadFrame("batch is no object");
    this.number = int(head, "call");
    this.skip = int(head, "skip", 0);
    this.first = int(head, "first", 0);
    this.state = head.state ?? null;
    if (this.state !== null && (typeof this.state !== "object" || Array.isArray(this.state))) throw new BadFrame("state is no object");
    this.n = int(batch, "n");
    this.run = int(batch, "run", 0);
    this.runs = list(batch, "runs", this.n);
    this.ids = list(batch, "ids", this.n);
    if (this.n < 1) throw new BadFrame("a batch of no message");
    this.parcel = new Parcel(this, text(head, "port"), this.#read(parts[0], decode));
    if (this.trouble !== null) return;
    this.parcel.tagged = batch.tagged === true;
    this.parcel.buffers = buffersOf(batch, parts, this.n);
  }

  #read(part, decode) {
    if (part === undefined) throw new BadFrame("a batch without its payload");
    try {
      this.text = decode(part);
      const values = parse(this.text);
      if (Array.isArray(values) && values.length === this.n) return values;
      this.trouble = `the payload is no array of ${this.n} values`;
    } catch (error) {
      this.trouble = `the payload is no JSON: ${error.message}`;
    }
    return [];
  }

  runOf(root) {
    return this.runs === null ? this.run : this.runs[root];
  }
}

/** Return a list of buffers for each message: {size, segment, bytes}. */
function buffersOf(batch, parts, n) {
  const heads = list(batch, "buffers") ?? [];
  const counts = list(batch, "counts", n) ?? Array(n).fill(0);
  let part = 1;
  const buffers = heads.map((head) => {
    const [size, segment] = [int(head ?? {}, "size"), text(head, "segment", "")];
    if (segment !== "") return { size, segment, bytes: null };
    const bytes = parts[part];
    part += 1;
    if (bytes === undefined || bytes.length !== size) throw new BadFrame(`a buffer of ${size} bytes without its part`);
    return { size, segment, bytes: bytes.slice() }; // the pipe reuses its buffer
  });
  if (part < parts.length) throw new BadFrame("parts that belong to nothing");
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0) || counts.reduce((a, b) => a + b, 0) !== buffers.length) {
    throw new BadFrame("a batch whose counts and buffers differ");
  }
  let at = 0;
  return heads.length === 0 ? null : counts.map((count) => buffers.slice(at, (at += count)));
}

export class Parcel {
  tagged = false; // for a call: true if any message is; for a route: a list with an entry for each
  buffers = null;
  texts = null; // on local routes: the text of each value
  roots = null; // on local routes: the ancestor in the call of each value
  origin = null; // on local routes: {above, port, node, parents, places}, see `key`
  wire = ""; // the local route, and the slot that gave the outputs
  from = 0;

  constructor(call, port, values) {
    [this.call, this.port, this.values] = [call, port, values];
  }

  get length() {
    return this.values.length;
  }

  root(at) {
    return this.roots === null ? at : this.roots[at];
  }

  /** Return the value of a message, once. Throws `Refusal`. `open(buffer)` gives bytes. */
  take(at, open) {
    const value = this.values[at];
    this.values[at] = undefined;
    if (!(this.tagged === true || this.tagged[at] === true)) return value;
    const buffers = this.buffers?.[at] ?? [];
    return untag(value, (i) => {
      if (!Number.isSafeInteger(i) || i < 0 || i >= buffers.length) throw new Refusal(`a tag of buffer ${i} of ${buffers.length}`, "send the buffer too");
      return open(buffers[i]);
    });
  }

  /** Return the text of a message as received. */
  text(at) {
    return this.texts === null ? texts(this.call.text)[at] : this.texts[at];
  }

  /** Return a key unique among the messages of the port, and the same with and without local routes.
   *
   * On a route the key follows from the key of the parent, message `parents[at]` of the node's port, and from the number among
   * the parent's outputs, `places[at]`. `digest` makes 16 hexadecimal digits of a text.
   */
  key(at, digest) {
    const way = [];
    for (let origin = this.origin; origin !== null; origin = origin.above) {
      way.push([origin.port, `${origin.node}/${origin.places[at]}`]);
      at = origin.parents[at];
    }
    const own = this.call.ids === null ? String(this.call.first + at) : this.call.ids[at];
    return way.reduceRight((key, [port, step]) => digest(`${port}/${key}/${step}`), own);
  }
}
