// What a function may ask and do besides returning: its second parameter, `ctx`.

import { makeArray } from "./arrays.mjs";

/** `state`, `emit`, `log`, `array`, and which message is under way: `node`, `run`, `port`, `idempotencyKey`. */
export class Context {
  #delivery;

  constructor(delivery) {
    this.#delivery = delivery;
  }

  /** The name of the node in its flow. */
  get node() {
    return this.#delivery.slot.node;
  }

  /** The reference of the run that the message belongs to. */
  get run() {
    return this.#delivery.run;
  }

  /** The input port by which the message came. */
  get port() {
    return this.#delivery.parcel.port;
  }

  /** The same text whenever this very message is handled again, and no other's. */
  get idempotencyKey() {
    return this.#delivery.key;
  }

  /** The node's state: an object of JSON values that survives updates and crashes. */
  get state() {
    return this.#delivery.slot.state.values;
  }

  set state(values) {
    this.#delivery.slot.state.assign(values);
  }

  /** Give a value on a port. `await` it in an asynchronous function: it waits while the flow is full. */
  emit(port, value) {
    return this.#delivery.emit(port, value);
  }

  /** A line in the node's log. */
  log(...values) {
    this.#delivery.slot.log.write("log", `${values.map(shown).join(" ")}\n`);
  }

  /** A typed array of zeros with a shape, for data that other languages take as an array. */
  array(shape, dtype) {
    return makeArray(shape, dtype);
  }
}

function shown(value) {
  if (typeof value === "string") return value;
  try {
    return typeof value === "object" ? JSON.stringify(value) ?? String(value) : String(value);
  } catch {
    return Object.prototype.toString.call(value); // cyclic, or hostile
  }
}
