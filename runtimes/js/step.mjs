// Steps: outputs of some messages of a call, and of all descendants inside this process. A step becomes one `returned` frame.

import { parse } from "./json.mjs";
import { record } from "./state.mjs";
import { Parcel } from "./call.mjs";

const LATEST = 1000; // maximum characters of a wire's newest message reported for display

/** Outputs of a slot on a port, in order. */
class Group {
  texts = [];
  roots = [];
  index = [];
  tags = []; // by number of the output: true if tagged
  buffers = []; // by number of the output: a list of bytes
  parents = this.roots; // number of each output's message in its slot,
  places = this.index; // and number among the message's outputs

  constructor(slot, port) {
    [this.slot, this.port] = [slot, port];
  }

  add(text, root, index, tagged, buffers) {
    if (tagged) this.tags[this.texts.length] = true;
    if (buffers !== undefined) this.buffers[this.texts.length] = buffers;
    this.texts.push(text);
    this.roots.push(root);
    this.index.push(index);
  }

  /** Note the parent of the newest output, whose message came by a local route. */
  descend(parent, place) {
    if (this.parents === this.roots) [this.parents, this.places] = [[], []];
    this.parents.push(parent);
    this.places.push(place);
  }
}

export class Step {
  consumed = 0;
  weight = 0; // characters and bytes of outputs
  skipped = [];
  failure = null;
  end = false;
  #groups = new Map();
  #fresh = []; // keys of groups not yet spread
  #last = null;
  #pending = []; // {slot, parcel} on local routes, breadth first; all before #at are done
  #at = 0;
  #counts = new Map();
  #slots = new Set();
  #changes = new Map();
  #left = [];

  /** `reported`: the number of outputs of the message under way in earlier frames. */
  constructor(call, reported = 0) {
    this.call = call;
    this.start = call.at;
    this.reported = reported;
  }

  get empty() {
    return this.consumed === 0 && this.#groups.size === 0 && this.#counts.size === 0 && this.#changes.size === 0 && this.skipped.length === 0;
  }

  /** Add the only output of a message of the call, plain JSON. */
  putPlain(slot, port, text, root) {
    const group = this.#last?.port === port && this.#last.slot === slot ? this.#last : this.#group(slot, port);
    group.texts.push(text);
    group.roots.push(root);
    group.index.push(0);
    this.weight += text.length;
  }

  /** Add an output; return its group. */
  put(slot, port, text, root, index, tagged, buffers) {
    const group = this.#last?.port === port && this.#last.slot === slot ? this.#last : this.#group(slot, port);
    group.add(text, root, index, tagged, buffers);
    this.weight += text.length;
    if (buffers !== undefined) for (const one of buffers) this.weight += one.length;
    return group;
  }

  #group(slot, port) {
    const key = `${slot.number}/${port}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, (group = new Group(slot, port)));
      this.#fresh.push(key);
    }
    this.#last = group;
    return group;
  }

  /** Hand on the outputs on routed ports, after the slot handled the messages of `parcel` (of the call, or of a route). `slots`
   * finds a slot by number. */
  spread(slot, slots, parcel) {
    this.#slots.add(slot);
    this.#last = null;
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const key of slot.routes.size === 0 ? [] : fresh) {
      const group = this.#groups.get(key);
      const routes = group.slot === slot ? slot.routes.get(group.port) : undefined;
      if (routes === undefined) continue;
      this.#groups.delete(key);
      const way = { above: parcel.origin, port: parcel.port, node: slot.node, parents: group.parents, places: group.places };
      for (const route of routes) this.#pending.push({ slot: slots.get(route.slot), parcel: this.#parcel(group, route, way) });
    }
  }

  #parcel(group, route, way) {
    const parcel = new Parcel(this.call, route.port, parse(`[${group.texts.join(",")}]`));
    parcel.origin = way;
    [parcel.texts, parcel.roots, parcel.wire, parcel.from] = [group.texts, group.roots, route.wire, group.slot.number];
    [parcel.tagged, parcel.buffers] = [group.tags, group.buffers.map((list) => list.map((bytes) => ({ size: bytes.length, segment: "", bytes })))];
    return parcel;
  }

  /** Return the next list waiting on local routes, or undefined. */
  next() {
    const next = this.#pending[this.#at];
    if (next !== undefined) this.#pending[this.#at++] = undefined;
    return next;
  }

  /** Count the first n messages of a local list as handled. */
  passed(parcel, n) {
    if (n === 0) return;
    const key = `${parcel.from}/${parcel.wire}`;
    const count = this.#counts.get(key) ?? { wire: parcel.wire, n: 0, bytes: 0, slot: parcel.from };
    count.n += n;
    for (let i = 0; i < n; i += 1) count.bytes += parcel.texts[i].length;
    const last = parcel.texts[n - 1];
    count.last = last.length < LATEST - 2 ? `[${last}]` : `${last.slice(0, LATEST - 16).replace(/[\uD800-\uDBFF]$/, "")}\n${last.length}`;
    this.#counts.set(key, count);
  }

  /** Stop after a failure: hand back the unconsumed messages on local routes, the failing slot's first. */
  stop(slot, failure, parcel = null, at = 0) {
    this.failure = { slot: slot.number, failure };
    this.end = true;
    if (parcel !== null) this.#left.push([parcel, at]);
    for (const { parcel: waiting } of this.#pending.slice(this.#at)) this.#left.push([waiting, 0]);
    this.#pending = [];
    this.#at = 0;
  }

  /** Parcels handed back. */
  get left() {
    return this.#left.filter(([parcel, at]) => at < parcel.length).map(([parcel]) => parcel);
  }

  /** Commit the states of the slots that took part. Throws a `Refusal` with `slot`. */
  commit(slot) {
    const change = slot.state.commit();
    if (change === null) return;
    const known = this.#changes.get(slot.number);
    if (known === undefined) {
      this.#changes.set(slot.number, change);
      return;
    }
    for (const [key, text] of change.set) known.set.set(key, text);
    for (const key of change.unset) known.set.delete(key);
    known.unset = [...known.unset.filter((key) => !change.set.has(key)), ...change.unset];
  }

  get slots() {
    return this.#slots;
  }

  /** Return the number of an output among all outputs of the slot for the root; used behind local routes. */
  number(slot, root) {
    let numbers = this.call.numbers.get(slot.number);
    if (numbers === undefined) this.call.numbers.set(slot.number, (numbers = new Map()));
    const number = numbers.get(root) ?? 0;
    numbers.set(root, number + 1);
    return number;
  }

  /** Return the frame, {head: text, parts}. `pack(bytes, parts)` gives a buffer's head, `bytes(text)` a text's bytes. */
  write(tools) {
    const parts = [];
    const one = this.#oneEach();
    const fields = [];
    if (this.consumed > 0) fields.push(`"consumed":${this.consumed}`);
    if (this.call.emitted > 0) fields.push(`"emitted":${this.call.emitted}`);
    if (this.#groups.size > 0) fields.push(`"outputs":[${[...this.#groups.values()].map((group) => this.#output(group, one, parts, tools)).join(",")}]`);
    if (this.#counts.size > 0) fields.push(`"counts":${JSON.stringify([...this.#counts.values()])}`);
    if (this.#changes.size > 0) fields.push(`"states":[${[...this.#changes].map(stateText).join(",")}]`);
    if (this.skipped.length > 0) fields.push(`"skipped":[${this.skipped.map(failureText).join(",")}]`);
    if (this.failure !== null) fields.push(`"failure":${failureText(this.failure)}`);
    if (this.#left.length > 0) fields.push(`"left":[${this.#lefts(parts, tools)}]`);
    if (this.end) fields.push('"end":true');
    const lengths = parts.length > 0 ? `"parts":[${parts.map((part) => part.length).join(",")}],` : "";
    return { head: `{"t":"returned",${lengths}"call":${this.call.number}${fields.map((field) => `,${field}`).join("")}}`, parts };
  }

  /** Return whether every consumed message gave one output on one port: the outputs' origin is implied then. */
  #oneEach() {
    if (this.#groups.size !== 1 || this.call.emitted > 0) return false;
    const [group] = this.#groups.values();
    if (group.roots.length !== this.consumed) return false;
    for (let i = 0; i < this.consumed; i += 1) if (group.roots[i] !== this.start + i || group.index[i] !== 0) return false;
    return true;
  }

  #output(group, one, parts, tools) {
    const origin = one ? "" : `,"index":[${group.index}],"parent":[${group.roots}]`;
    return `{"slot":${group.slot.number},"port":${JSON.stringify(group.port)},"batch":${this.#batch(group, parts, tools)}${origin}}`;
  }

  #batch(group, parts, tools) {
    const payload = `[${group.texts.join(",")}]`;
    parts.push(tools.bytes(payload));
    const runs = this.call.runs === null ? `"run":${this.call.run}` : `"runs":[${group.roots.map((root) => this.call.runs[root])}]`;
    let text = `{"n":${group.texts.length},${runs}`;
    if (payload.includes('"$floe"')) text += ',"tagged":true';
    if (group.buffers.length > 0) {
      const heads = group.buffers.flat().map((bytes) => tools.pack(bytes, parts));
      text += `,"buffers":${JSON.stringify(heads)},"counts":[${group.texts.map((_, i) => group.buffers[i]?.length ?? 0)}]`;
    }
    return `${text}}`;
  }

  #lefts(parts, tools) {
    return this.#left.filter(([parcel, at]) => at < parcel.texts.length).map(([parcel, at]) => {
      const group = new Group(null, "");
      for (let i = at; i < parcel.texts.length; i += 1) {
        group.add(parcel.texts[i], parcel.roots[i], 0, parcel.tagged[i], parcel.buffers[i]?.map((buffer) => buffer.bytes));
      }
      return `{"wire":${JSON.stringify(parcel.wire)},"batch":${this.#batch(group, parts, tools)},"slot":${parcel.from}}`;
    }).join(",");
  }
}

const stateText = ([slot, { set, unset }]) => `{"slot":${slot},"set":${record(set)}${unset.length > 0 ? `,"unset":${JSON.stringify(unset)}` : ""}}`;

/** Return the text of {slot, failure}, or of a failure, where `input` and `state` are texts already. */
export function failureText({ slot, failure }) {
  return `{"slot":${slot},"failure":${oneFailure(failure)}}`;
}

export function oneFailure({ input, state, ...rest }) {
  let text = JSON.stringify(rest).slice(0, -1);
  if (input !== undefined) text += `,"input":${input}`;
  if (state !== undefined) text += `,"state":${state}`;
  return `${text}}`;
}
