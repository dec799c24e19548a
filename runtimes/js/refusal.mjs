// Reasons why a value cannot travel: the position, the type, and the cure.

/** Error for a refused value; becomes a failure of the kind `value`. */
export class Refusal extends Error {
  constructor(what, cure) {
    super(`${what}; ${cure}`);
    this.name = "ValueRefused";
  }
}

/** Return whether an error is a refusal; a thrown Proxy may raise during the test. */
export function isRefusal(error) {
  try {
    return error instanceof Refusal;
  } catch {
    return false; // a trap of the user's raised
  }
}

const CURES = {
  Map: "send Object.fromEntries(map) or [...map]",
  Set: "send [...set]",
  WeakMap: "send a plain object",
  RegExp: "send its source text",
  Promise: "await it first",
  Error: "send its message",
  Table: "send its rows (table.toArray().map((row) => row.toJSON())), or tableToIPC(table) as bytes",
  DataView: "send a Uint8Array over its buffer",
  SharedArrayBuffer: "send a copy: new Uint8Array(shared).slice()",
};

/** Return the refusal of a value that is no plain data. */
export function describe(value, path) {
  if (value === undefined) return new Refusal(`${path} is undefined`, "leave the key out, or use null");
  if (typeof value === "function") return new Refusal(`${path} is the function ${value.name || "(without a name)"}`, "send what it returns");
  if (typeof value === "symbol") return new Refusal(`${path} is a symbol`, "send its description");
  const type = typeName(value);
  const known = value instanceof Error ? CURES.Error : Object.hasOwn(CURES, type) ? CURES[type] : undefined;
  return new Refusal(`${path} is of the type ${type}, which cannot be a message`, known ?? "send a plain object, for example {...value}");
}

function typeName(value) {
  try {
    const name = value.constructor?.name;
    if (typeof name === "string" && name !== "" && name !== "Object") return name;
  } catch {
    // a getter of the user's threw: the tag below is enough
  }
  try {
    return Object.prototype.toString.call(value).slice(8, -1);
  } catch {
    return "Object"; // a revoked Proxy
  }
}
