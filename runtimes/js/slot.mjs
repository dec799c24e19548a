// A slot: one version of one node, loaded. Loading compiles the source, runs it and finds its function.

import { object } from "./frames.mjs";
import { transform, GIVEN } from "./source.mjs";
import { State } from "./state.mjs";
import { addUnit, dropUnit, unitName } from "./trace.mjs";

// Whoever calls these may get a promise from a plain function; local routes are for functions that surely give none.
const ASYNCHRONOUS = /\b(?:async|await|Promise|then|import|require|fetch|callbackify|promisify)\b|\bimport\s*\(/;
const SYNCHRONOUS_PACKAGES = new Set(["assert", "buffer", "crypto", "os", "path", "querystring", "string_decoder", "url", "util", "zlib"]);

let unitsMade = 0;

export class Slot {
  calls = [];
  routes = new Map(); // port -> [{wire, slot, port}]
  state = new State();
  underWay = null; // the delivery that waits for a promise, for `more`, or for its turn
  step = null; // what was done of the first call and not reported yet
  loaded = false;
  active = false;
  gone = false;
  stopped = false; // a call failed, and nothing has said since from which state to go on
  queued = false;
  function = null;
  migrate = null;
  fusable = false;
  follows = false; // local routes may begin at it: a fusable function, or a synchronous generator
  simple = false; // the function cannot see a context

  constructor(head, log) {
    const module = object(head, "module");
    this.number = head.slot;
    this.node = head.node;
    this.prefix = head.prefix ?? "";
    this.skips = head.on_error === "skip";
    this.commitEach = head.commit_each === true;
    this.module = module;
    this.outputs = module.outputs ?? ["out"];
    this.default = this.outputs.includes("out") || this.outputs.length === 0 ? "out" : this.outputs[0];
    this.log = log;
    unitsMade += 1;
    this.unit = unitsMade;
    addUnit(this.unit, module);
  }

  /** Run the source. Rejects with whatever it throws. `platform` compiles and imports. */
  async load(platform) {
    const { body, imports, shift, awaits } = transform(this.module.source);
    const exports = { default: undefined, names: {} };
    const names = [...GIVEN];
    const given = [exports, platform.import, platform.meta];
    for (const { names: bindings, from, options } of imports) {
      const whole = await platform.import(from, options);
      for (const [local, imported] of bindings) {
        names.push(local);
        given.push(imported === "*" ? whole : binding(whole, imported, from));
      }
    }
    const run = platform.compile(body, names, unitName(this.unit), shift, awaits);
    await run.apply(undefined, given);
    this.#choose(exports, imports);
  }

  #choose(exports, imports) {
    const own = exports.names;
    const name = this.module.name.replaceAll("-", "_");
    this.migrate = own.migrate ?? null;
    this.function = exports.default ?? own[name] ?? lastOf(own);
    if (typeof this.function !== "function" || isClass(this.function)) {
      throw new LoadError(`the module ${JSON.stringify(this.module.name)} ${this.function === undefined ? "defines no function" : "exports no function"}; `
        + "write `export default function (msg, ctx) { return msg }`");
    }
    this.simple = isPlain(this.function) && takesMessageOnly(this.function) && !this.commitEach;
    this.fusable = isPlain(this.function) && !ASYNCHRONOUS.test(withoutImports(this.module.source, imports))
      && imports.every(({ from }) => SYNCHRONOUS_PACKAGES.has(from.replace(/^node:/, "")));
    this.follows = this.fusable || Object.prototype.toString.call(this.function) === "[object GeneratorFunction]";
  }

  /** A call of it failed, and is over. */
  stop() {
    this.stopped = true;
    this.underWay?.drop();
    this.underWay = null;
  }

  /** Take off the local routes of the port that this wire leaves: what comes next there is returned. */
  cut(wire) {
    for (const [port, targets] of this.routes) if (targets.some((target) => target.wire === wire)) this.routes.delete(port);
  }

  /** Everything of the module may be collected now, but what it left running. */
  forget() {
    this.gone = true;
    dropUnit(this.unit);
  }
}

/** The source does not define what a module needs; the text says what to do. */
export class LoadError extends Error {
  name = "LoadError";
}

function binding(whole, name, from) {
  if (name in whole) return whole[name];
  if (name === "default") return whole; // what require() gave
  throw new SyntaxError(`The requested module '${from}' does not provide an export named '${name}'`);
}

function lastOf(names) {
  const functions = Object.entries(names).filter(([name, value]) => value !== undefined && name !== "migrate" && !isClass(value));
  return functions.at(-1)?.[1];
}

const isClass = (value) => /^class\b/.test(Function.prototype.toString.call(value));
const isPlain = (value) => Object.prototype.toString.call(value) === "[object Function]";

/** Surely no second parameter: one plain name, or none, and no `arguments`. */
function takesMessageOnly(value) {
  const text = Function.prototype.toString.call(value);
  return /^(?:function\b[^(]*\(\s*[\w$]*\s*\)|\(\s*[\w$]*\s*\)\s*=>|[\w$]+\s*=>)/.test(text) && !/\b(?:arguments|eval)\b/.test(text);
}

const withoutImports = (source, imports) => (imports.length === 0 ? source : source.replace(/^\s*import\b[^\n]*/gm, ""));
