// Dense arrays: typed arrays with numpy's dtype text. A shape is the property `shape` of the typed array.

import { Refusal } from "./refusal.mjs";

const TYPES = {
  "|u1": Uint8Array, "|i1": Int8Array, "<u2": Uint16Array, "<i2": Int16Array, "<u4": Uint32Array, "<i4": Int32Array,
  "<u8": BigUint64Array, "<i8": BigInt64Array, "<f4": Float32Array, "<f8": Float64Array, "|b1": Uint8Array,
};
const NAMES = new Map(Object.entries(TYPES).filter(([name]) => name !== "|b1").map(([name, type]) => [type.name, name]));
NAMES.set("Uint8ClampedArray", "|u1");
const SPELLED = {
  uint8: "|u1", int8: "|i1", uint16: "<u2", int16: "<i2", uint32: "<u4", int32: "<i4", uint64: "<u8", int64: "<i8",
  float32: "<f4", float64: "<f8", bool: "|b1",
};

/** Array of elements without a JavaScript type (half floats, complex numbers, text): bytes, passed on unchanged. */
export class RawArray {
  constructor(bytes, dtype, shape) {
    Object.assign(this, { bytes, dtype, shape });
    Object.freeze(this);
  }
}

const isBytes = (value) => Object.prototype.toString.call(value) === "[object Uint8Array]";

export function isArrayLike(value) {
  return (ArrayBuffer.isView(value) && !(value instanceof DataView)) || value instanceof ArrayBuffer;
}

/** Return numpy's dtype of a typed array; empty for plain bytes. */
export function dtypeOf(value) {
  if (value instanceof ArrayBuffer || (isBytes(value) && value.shape === undefined)) return "";
  if (value.dtype === "|b1" && value.BYTES_PER_ELEMENT === 1) return "|b1";
  return NAMES.get(Object.prototype.toString.call(value).slice(8, -1)) ?? "|u1";
}

export function shapeOf(value, path) {
  const shape = value.shape ?? [value.length];
  const whole = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!whole || shape.reduce((a, b) => a * b, 1) !== value.length) {
    throw new Refusal(`${path} has ${value.length} elements and the shape ${JSON.stringify(shape)}`, "set its shape to fit its length");
  }
  return shape;
}

/** Return the typed array of the bytes, copied if not aligned to the element's size. */
export function arrayOf(bytes, dtype, shape) {
  if (typeof dtype !== "string") throw new TypeError("a dtype is text");
  const Type = Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (Type === undefined) return new RawArray(bytes, dtype, shape);
  const size = Type.BYTES_PER_ELEMENT;
  if (bytes.byteLength % size !== 0) throw new Refusal(`an array of ${bytes.byteLength} bytes with elements of ${size}`, "send whole elements");
  const apart = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const whole = apart.byteOffset % size === 0 ? apart : new Uint8Array(apart);
  return shaped(new Type(whole.buffer, whole.byteOffset, whole.byteLength / size), dtype, shape);
}

function shaped(array, dtype, shape) {
  Object.defineProperty(array, "shape", { value: shape, writable: true, configurable: true });
  if (dtype === "|b1") Object.defineProperty(array, "dtype", { value: dtype });
  return array;
}

/** Return an array of zeros for `ctx.array(shape, dtype)`. */
export function makeArray(shape, dtype = "float64") {
  const sizes = Array.isArray(shape) ? shape : [shape];
  const name = SPELLED[dtype] ?? dtype;
  if (!Object.hasOwn(TYPES, name)) throw new TypeError(`no dtype ${dtype}; known: ${Object.keys(SPELLED).join(", ")}`);
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) throw new TypeError(`no shape: ${JSON.stringify(shape)}`);
  return shaped(new TYPES[name](sizes.reduce((a, b) => a * b, 1)), name, sizes);
}
