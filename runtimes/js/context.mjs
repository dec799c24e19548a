// The second parameter of a function, `ctx`: requests and actions besides returning.

import { makeArray } from "./arrays.mjs";

/** `state`, `emit`, `log`, `array`, and the message under way: `node`, `run`, `port`, `idempotencyKey`. */
export class Context {
  #delivery;

  constructor(delivery) {
    this.#delivery = delivery;
  }

  /** Name of the node in its flow. */
  get node() {
    return this.#delivery.slot.node;
  }

  /** Reference of the run of the message. */
  get run() {
    return this.#delivery.run;
  }

  /** Input port of the message. */
  get port() {
    return this.#delivery.parcel.port;
  }

  /** Text unique to the message, and the same whenever the message is handled again. */
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

  /** Give a value on a port. Awaiting the result, in an asynchronous function, waits while the flow is full. */
  emit(port, value) {
    return this.#delivery.emit(port, value);
  }

  /** Write a line to the node's log. */
  log(...values) {
    this.#delivery.slot.log.write("log", `${values.map(shown).join(" ")}\n`);
  }

  /** Return a typed array of zeros with a shape, for data that other languages take as an array. */
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
