// Deliveries: a message under way in a function, its outputs so far, and the continuation: at once, with a promise, or as a
// generator, which is advanced as long as the window of outputs allows.

import { Context } from "./context.mjs";
import { Refusal } from "./refusal.mjs";
import { encode, Sink } from "./values.mjs";

export const WINDOW = 512; // outputs of one message before `more` must come
const OUTPUTS = 100_000; // maximum outputs, or characters and bytes, of a function that does not wait, for one message
const WEIGHT = 64 * 1024 * 1024;
const SEGMENT_FROM = 64 * 1024;

/** Buffers of an output: large ones go to shared memory at once, unless the output stays in this process. */
class Gathering extends Sink {
  buffers = undefined;

  constructor(segments) {
    super();
    this.segments = segments;
  }

  buffer(bytes) {
    const name = bytes.length > SEGMENT_FROM ? this.segments?.write(bytes) : undefined;
    (this.buffers ??= []).push(name === undefined ? bytes.slice() : { segment: name, length: bytes.length });
    return this.buffers.length - 1;
  }
}

export class Delivery {
  given = 0; // outputs in all, with those of earlier frames
  since = 0; // outputs since the beginning, or since the last `more`
  weight = 0;
  outputs = null; // [port, text, tagged, buffers] not yet handed to the step
  iterator = null;
  asynchronous = false;
  parked = false; // waits for a promise
  settled = null; // {value} or {error} of the promise
  over = false; // later emits are errors
  #emitting = null; // promise for `await ctx.emit()`
  #open = null;

  /** `tools`: digest(text). */
  constructor(slot, parcel, at, segments, tools) {
    [this.slot, this.parcel, this.at, this.segments, this.tools] = [slot, parcel, at, segments, tools];
    this.root = parcel.root(at);
  }

  get run() {
    return this.slot.prefix + this.parcel.call.runOf(this.root);
  }

  get key() {
    return `${this.run}/${this.slot.node}.${this.parcel.port}/${this.parcel.key(this.at, this.tools.digest)}`;
  }

  /** True if only `more` lets the delivery go on. */
  get waits() {
    return this.since >= WINDOW && (this.iterator !== null || this.#emitting !== null);
  }

  /** Call the function. Return the result, which may be a promise or a generator. */
  begin(open) {
    const value = this.parcel.take(this.at, open);
    return this.slot.function.call(undefined, value, new Context(this));
  }

  /** Carry out `ctx.emit`; return undefined, or a promise when the window is used up. */
  emit(port, value) {
    if (this.over) throw new Error("ctx.emit after the function has returned: await what it started before it returns");
    this.give(port, value);
    if (this.since < WINDOW) return undefined;
    if (this.#emitting === null) this.#emitting = new Promise((resolve) => { this.#open = resolve; });
    return this.#emitting;
  }

  /** Record an output. Throws `Refusal`. */
  give(port, value) {
    const { slot } = this;
    if (!slot.outputs.includes(port)) {
      const names = slot.outputs.map((name) => `'${name}'`).join(", ") || "none";
      throw new Refusal(`a value was given on the port ${shown(port)}, but the outputs of ${slot.module.name} are: ${names}`, `declare it with --out ${String(port)}`);
    }
    const sink = new Gathering(slot.routes.has(port) ? null : this.segments);
    const text = encode(value, sink);
    (this.outputs ??= []).push([port, text, sink.tagged, sink.buffers]);
    this.since += 1;
    this.weight += text.length + (sink.buffers ?? []).reduce((sum, one) => sum + one.length, 0);
    if (this.since > OUTPUTS || (this.weight > WEIGHT && this.since > 1)) { // a single value may have any size
      throw new Refusal(`${slot.module.name} gave ${this.since} outputs (${this.weight} bytes) for one message without waiting`,
        "make it a generator (yield), or an async function with `await ctx.emit(...)`");
    }
  }

  /** Open another window after a `more`. */
  more() {
    this.since = 0;
    this.#open?.();
    this.#emitting = this.#open = null;
  }

  /** Hand the outputs so far to the step. */
  spill(step) {
    this.weight = 0;
    if (this.outputs === null) return;
    const { slot, root, parcel } = this;
    const behind = parcel.roots !== null; // a local route
    const skip = !behind && root === 0 ? parcel.call.skip : 0;
    for (const [port, text, tagged, buffers] of this.outputs) {
      const index = behind ? step.number(slot, root) : this.given;
      if (index >= skip) {
        const group = step.put(slot, port, text, root, index, tagged, buffers);
        if (behind) group.descend(this.at, this.given);
      }
      this.given += 1;
    }
    this.outputs = null;
  }

  /** Drop the outputs since the last frame after a failure. */
  drop() {
    this.over = true;
    for (const [, , , buffers] of this.outputs ?? []) {
      for (const one of buffers ?? []) if (one.segment !== undefined) this.segments.free([one.segment]);
    }
    this.outputs = null;
  }
}

function shown(port) {
  return typeof port === "string" ? `'${port}'` : `of type ${typeof port}`;
}
