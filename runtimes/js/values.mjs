// Users' values to text and back. Values that JSON expresses go by JSON.stringify after a cheap walk in search of values that
// JSON would change silently; the careful walk, used only then, writes tags, or refuses and names the position, the type and the
// cure.

import { arrayOf, dtypeOf, isArrayLike, RawArray, shapeOf } from "./arrays.mjs";
import { describe, Refusal } from "./refusal.mjs";

export const INLINE_LIMIT = 16 * 1024 * 1024; // characters of JSON text of one message
const DEPTH = 255; // maximum nesting depth of a value: readable by every JSON library
const SAFE = 2 ** 53;
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 64n - 1n];
const PLAIN = Object.prototype;
const LONE = /\p{Surrogate}/u; // with the flag u, only lone halves match

/** Tags and buffers of a message. `buffer(bytes)` takes a snapshot and returns its index. */
export class Sink {
  tagged = false;
  buffer() {
    throw new Refusal("binary data cannot be kept here", "keep text or numbers, or send it as a message");
  }
}

/** Return the JSON text of a value. Throws `Refusal`. */
export function encode(value, sink, name = "the value") {
  let text;
  if (plain(value, 0)) {
    text = JSON.stringify(value);
    if (text.includes("\\ud")) careful(value, name, [], sink); // refuses a lone surrogate, written like this by stringify
  } else {
    text = careful(value, name, [], sink);
  }
  if (text.length > INLINE_LIMIT) {
    throw new Refusal(`${name} is ${text.length} characters of JSON; the limit is ${INLINE_LIMIT}`,
      "send large data as a Buffer or a typed array, or in several messages");
  }
  return text;
}

/** Return the JSON text of a short value that JSON expresses exactly; undefined for any other. */
export function encodePlain(value) {
  if (!plain(value, 0)) return undefined;
  const text = JSON.stringify(value);
  return text.includes("\\ud") || text.length > INLINE_LIMIT ? undefined : text;
}

/** Return whether JSON expresses the value exactly. */
function plain(value, depth) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return value > -SAFE && value < SAFE && !(value === 0 && 1 / value < 0);
    case "object":
      if (value === null) return true;
      if (depth > 100) return false;
      return Array.isArray(value) ? plainArray(value, depth + 1) : plainObject(value, depth + 1);
    default:
      return false;
  }
}

function plainArray(value, depth) {
  for (let i = 0; i < value.length; i += 1) if (!plain(value[i], depth)) return false;
  return true;
}

function plainObject(value, depth) {
  if (Object.getPrototypeOf(value) !== PLAIN) return false;
  let [keys, tag] = [0, false];
  for (const key in value) {
    if (!plain(value[key], depth)) return false;
    keys += 1;
    if (key === "$floe") tag = true;
  }
  return !(tag && keys === 1);
}

function careful(value, path, above, sink) {
  switch (typeof value) {
    case "string":
      return string(value, path);
    case "boolean":
      return String(value);
    case "number":
      return number(value, sink);
    case "bigint":
      return value >= LEAST && value <= MOST ? String(value) : tag(sink, `"int","${value}"`);
    case "object":
      return value === null ? "null" : compound(value, path, above, sink);
    default:
      throw describe(value, path);
  }
}

function string(value, path) {
  if (LONE.test(value)) throw new Refusal(`${path} holds half of a character (a lone surrogate)`, "repair the text with toWellFormed()");
  return JSON.stringify(value);
}

function number(value, sink) {
  if (Number.isNaN(value)) return tag(sink, '"float","nan"');
  if (!Number.isFinite(value)) return tag(sink, value > 0 ? '"float","inf"' : '"float","-inf"');
  if (value === 0) return 1 / value < 0 ? "-0.0" : "0";
  const text = String(value);
  return Number.isSafeInteger(value) || /[.e]/.test(text) ? text : `${text}.0`;
}

function compound(value, path, above, sink) {
  if (above.includes(value)) throw new Refusal(`${path} refers back to something that contains it`, "send a tree without cycles");
  if (above.length > DEPTH) throw new Refusal(`a value nested more than ${DEPTH} deep`, "send a flatter one");
  above.push(value);
  const text = Array.isArray(value) ? sequence(value, path, above, sink) : record(value, path, above, sink);
  above.pop();
  return text;
}

function sequence(value, path, above, sink) {
  const items = [];
  for (let i = 0; i < value.length; i += 1) items.push(careful(value[i], `${path}[${i}]`, above, sink));
  return `[${items.join(",")}]`;
}

function record(value, path, above, sink) {
  if (value instanceof Date) return date(value, path, sink);
  if (isArrayLike(value)) return binary(value, path, sink);
  if (value instanceof RawArray) return array(value.bytes, value.dtype, value.shape, sink);
  if (value instanceof RawValue) return tag(sink, value.text);
  if (!isRecord(value)) throw describe(value, path);
  const keys = Object.keys(value);
  const items = keys.map((key) => `${string(key, `a key of ${path}`)}:${careful(value[key], step(path, key), above, sink)}`);
  const text = `{${items.join(",")}}`;
  return keys.length === 1 && keys[0] === "$floe" ? tag(sink, `"escape",${text}`) : text;
}

/** Return whether the value was made by `{}`, `Object.create(null)` or JSON.parse, of any realm; false for class instances. */
function isRecord(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === PLAIN) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

const step = (path, key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`);

function tag(sink, inside) {
  sink.tagged = true;
  return `{"$floe":[${inside}]}`;
}

function binary(value, path, sink) {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
  const dtype = dtypeOf(value);
  if (dtype === "") return tag(sink, `"bytes",${sink.buffer(bytes)}`);
  return array(bytes, dtype, shapeOf(value, path), sink);
}

function array(bytes, dtype, shape, sink) {
  return tag(sink, `"array",${sink.buffer(bytes)},${JSON.stringify(dtype)},[${shape.join(",")}]`);
}

// --- dates ----------------------------------------------------------------------------------------------------------------

// A Date knows milliseconds and no offset. The received text is remembered, to pass the date on unchanged.
const origins = new WeakMap();

/** Value without a JavaScript type or buffers (a duration of pandas, its missing values, scalars of numpy), passed on
 * unchanged. */
export class RawValue {
  constructor(kind, rest) {
    Object.assign(this, { kind, rest: Object.freeze(rest), text: JSON.stringify([kind, ...rest]).slice(1, -1) });
    Object.freeze(this);
  }
}

function date(value, path, sink) {
  const time = value.getTime();
  const origin = origins.get(value);
  if (origin !== undefined && origin.time === time) return tag(sink, origin.text);
  if (Number.isNaN(time)) throw new Refusal(`${path} is an invalid Date`, "check it with Number.isNaN(date.getTime())");
  const text = value.toISOString();
  if (text.length !== 24) throw new Refusal(`${path} is a Date beyond the years 0 to 9999`, "send it as text or a number");
  return tag(sink, `"date","${text.slice(0, 23)}000+00:00"`);
}

function dateOf(kind, text, ...rest) {
  const value = new Date(kind === "day" ? text : text.replace(/(\.\d{3})\d+/, "$1"));
  const time = value.getTime();
  if (Number.isNaN(time)) throw new Refusal(`the ${kind} ${JSON.stringify(text)} is beyond what a Date can hold`, "send it as text");
  origins.set(value, { time, text: JSON.stringify([kind, text, ...rest]).slice(1, -1) });
  return value;
}

// --- text to values -------------------------------------------------------------------------------------------------------

/** Replace the tags in a parsed value; `read(i)` gives the bytes of the message's i-th buffer. Throws `Refusal`. */
export function untag(value, read) {
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === "$floe" && !Array.isArray(value)) return meaning(value.$floe, read);
  for (const key of keys) {
    const item = value[key];
    if (item !== null && typeof item === "object") value[key] = untag(item, read);
  }
  return value;
}

const FLOATS = { nan: NaN, inf: Infinity, "-inf": -Infinity, "-0": -0 };

const MEANINGS = {
  float: (read, name) => need(FLOATS[name]),
  int: (read, digits) => narrow(BigInt(need(typeof digits === "string" ? digits : undefined))),
  date: (read, text, ...zone) => dateOf("date", text, ...zone),
  timestamp: (read, text, ...unit) => dateOf("timestamp", text, ...unit),
  timedelta: (read, ...rest) => new RawValue("timedelta", rest),
  missing: (read, ...rest) => new RawValue("missing", rest),
  scalar: (read, ...rest) => new RawValue("scalar", rest),
  frame: () => {
    throw new Refusal("a table of pandas cannot arrive in JavaScript", "send its rows instead, in Python: frame.to_dict('records')");
  },
  series: () => {
    throw new Refusal("a Series of pandas cannot arrive in JavaScript", "send its values instead, in Python: series.to_numpy() or series.tolist()");
  },
  index: () => {
    throw new Refusal("an index of pandas cannot arrive in JavaScript", "send its labels instead, in Python: index.tolist()");
  },
  day: (read, text) => dateOf("day", text),
  bytes: (read, index) => read(index),
  array: (read, index, dtype, shape) => arrayOf(read(index), dtype, shape),
  escape: (read, inner) => ({ $floe: untag(need(inner?.$floe), read) }),
  table: (read, index, kind) => {
    throw new Refusal(`an Arrow table (${kind}) cannot arrive in JavaScript`,
      "send its rows instead, in Python: table.to_pylist() or frame.to_dict('records')");
  },
};

function meaning(tag, read) {
  const [kind, ...rest] = Array.isArray(tag) ? tag : [];
  try {
    return need(Object.hasOwn(MEANINGS, kind) ? MEANINGS[kind] : undefined)(read, ...rest);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`a tag that nobody here knows: ${JSON.stringify(tag)?.slice(0, 200)}`, "update the runner and the runtime together");
  }
}

function need(value) {
  if (value === undefined) throw new TypeError("unknown");
  return value;
}

const narrow = (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
