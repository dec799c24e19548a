// `ctx.state`: an object that knows which top-level keys may have changed: keys written, and keys whose mutable values were ever
// handed out. Once a frame their texts are compared with the texts known to the runner.

import { parse } from "./json.mjs";
import { Refusal } from "./refusal.mjs";
import { encode, Sink, untag } from "./values.mjs";

export class State {
  #values = {};
  #texts = new Map(); // key -> text, as known to the runner
  #point = null; // the texts at the beginning of the message under way
  #touched = new Set();
  #held = new Set(); // keys whose objects the function may still hold
  #proxy = new Proxy(this.#values, {
    get: (target, key) => this.#get(target, key),
    set: (target, key, value) => this.#set(target, key, value),
    deleteProperty: (target, key) => this.#touched.add(key) && delete target[key],
    defineProperty: (target, key, descriptor) => {
      if ("value" in descriptor) check(key, descriptor.value);
      return this.#touched.add(key) && Reflect.defineProperty(target, key, descriptor);
    },
    setPrototypeOf: () => false,
  });

  #get(target, key) {
    const value = target[key];
    if (typeof value === "object" && value !== null && Object.hasOwn(target, key)) this.#held.add(key);
    return value;
  }

  #set(target, key, value) {
    check(key, value);
    put(target, key, value);
    this.#touched.add(key);
    return true;
  }

  /** Replace all values by values parsed from a frame, which hold their tags. Throws `Refusal`. */
  replace(values) {
    this.#texts = new Map(Object.keys(values).map((key) => [key, raw(values[key])]));
    this.#restore(new Set([...Object.keys(this.#values), ...this.#texts.keys()]), this.#texts);
  }

  get values() {
    return this.#proxy;
  }

  /** Carry out `ctx.state = {...}`: the same object with other contents. */
  assign(values) {
    if (values === this.#proxy) return;
    if (values === null || typeof values !== "object") throw new TypeError("ctx.state is an object; set its keys: ctx.state.count = 1");
    const copy = { ...values };
    for (const key of Object.keys(this.#values)) delete this.#proxy[key];
    for (const key of Object.keys(copy)) this.#set(this.#values, key, copy[key]);
  }

  get empty() {
    return Object.keys(this.#values).length === 0;
  }

  /** Return the changes since the last commit: {set: Map of texts, unset: [keys]}, or null. Throws `Refusal` and commits
   * nothing. */
  commit() {
    if (this.#touched.size === 0 && this.#held.size === 0) return null;
    const [set, unset] = [new Map(), []];
    for (const key of new Set([...this.#touched, ...this.#held])) {
      const text = this.#encode(key);
      if (text === undefined && this.#texts.has(key)) unset.push(key);
      if (text !== undefined && text !== this.#texts.get(key)) set.set(key, text);
    }
    this.#touched.clear();
    if (set.size === 0 && unset.length === 0) return null;
    this.#texts = new Map([...this.#texts, ...set]); // a new map: the mark keeps the old
    for (const key of unset) this.#texts.delete(key);
    return { set, unset };
  }

  #encode(key) {
    return Object.hasOwn(this.#values, key) ? encode(this.#values[key], new Sink(), `ctx.state.${key}`) : undefined;
  }

  /** Mark the beginning of the message under way. */
  mark() {
    this.#point = this.#texts;
  }

  /** Restore the state at the beginning of the message under way. */
  undo() {
    const texts = this.#point ?? this.#texts;
    const keys = new Set([...this.#touched, ...this.#held]);
    for (const key of new Set([...texts.keys(), ...this.#texts.keys()])) if (texts.get(key) !== this.#texts.get(key)) keys.add(key);
    for (const key of [...keys]) this.#touched.add(key); // the next commit tells the runner
    this.#restore(keys, texts);
  }

  #restore(keys, texts) {
    for (const key of keys) {
      this.#held.delete(key);
      if (texts.has(key)) put(this.#values, key, untag(parse(texts.get(key)), noBuffers));
      else delete this.#values[key];
    }
  }

  /** Return the present state as JSON text, or the committed state if the present state is no JSON. */
  text() {
    try {
      return record(new Map(Object.keys(this.#values).map((key) => [key, this.#encode(key)])));
    } catch {
      return record(this.#texts); // shown to people beside a failure, which tells the rest
    }
  }
}

function check(key, value) {
  if (typeof key === "symbol") throw new TypeError("keys of ctx.state are text");
  try {
    encode(value, new Sink(), `ctx.state.${key}`);
  } catch (error) {
    throw error instanceof Refusal ? new TypeError(error.message) : error;
  }
}

/** Return the text of a JSON object of the texts. */
export function record(texts) {
  return `{${[...texts].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

/** Define a property, to make `__proto__` a key like any other. */
function put(object, key, value) {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function noBuffers() {
  throw new Error("a state has no buffers");
}

/** Return the text of a parsed value that keeps its tags. */
function raw(value) {
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value !== "object") return encode(value, new Sink());
  if (Array.isArray(value)) return `[${value.map(raw).join(",")}]`;
  return `{${Object.keys(value).map((key) => `${JSON.stringify(key)}:${raw(value[key])}`).join(",")}}`;
}
