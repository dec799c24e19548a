// Slots: loaded versions of nodes. Loading compiles the source, runs it and finds its function.

import { object } from "./frames.mjs";
import { transform, GIVEN } from "./source.mjs";
import { State } from "./state.mjs";
import { addUnit, dropUnit, unitName } from "./trace.mjs";

// These words may mean a promise from a plain function; local routes are for functions that surely give none.
const ASYNCHRONOUS = /\b(?:async|await|Promise|then|import|require|fetch|callbackify|promisify)\b|\bimport\s*\(/;
const SYNCHRONOUS_PACKAGES = new Set(["assert", "buffer", "crypto", "os", "path", "querystring", "string_decoder", "url", "util", "zlib"]);

let unitsMade = 0;
let [lowest, highest] = [0, 0]; // ranks of slots, see `leadsBack`

export class Slot {
  calls = [];
  routes = new Map(); // port -> [{wire, slot, port}]
  rank = (highest += 1);
  targets = new Set(); // slots targeted by local routes of this slot,
  sources = new Set(); // and slots with local routes to this slot
  state = new State();
  underWay = null; // the delivery that waits for a promise, for `more`, or for its turn
  step = null; // unreported work on the first call
  loaded = false;
  active = false;
  gone = false;
  stopped = false; // a call failed, and no later call brought a state to go on from
  queued = false;
  calm = 0; // number of fast outputs of generators since the last slow output
  function = null;
  migrate = null;
  fusable = false;
  follows = false; // local routes may begin here: a fusable function, or a synchronous generator
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
    addUnit(this.unit, this);
  }

  /** Run the source. Rejects with the source's own error. `platform` compiles and imports. */
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

  /** Note that a call failed and is over. */
  stop() {
    this.stopped = true;
    this.underWay?.drop();
    this.underWay = null;
  }

  /** Hand outputs to other slots. `slots` finds a slot by number. */
  route(routes, slots) {
    for (const target of this.targets) target.sources.delete(this);
    this.routes = routes;
    this.targets = new Set([...routes.values()].flat().map((target) => slots.get(target.slot)));
    for (const target of this.targets) target.sources.add(this);
  }

  /** Return whether local routes lead from `target` to this slot, which would close a circle.
   *
   * Each slot has a rank below the ranks of its targets. A route that agrees with the ranks closes no circle; for any other,
   * only the slots with ranks between the ends' ranks are visited, and reordered.
   */
  leadsBack(target, slots) {
    if (this.rank >= target.rank && this !== target) {
      if (this.sources.size === 0) this.rank = lowest -= 1;
      else if (target.routes.size === 0) target.rank = highest += 1;
    }
    if (this.rank < target.rank) return false;
    const followers = (slot) => [...slot.routes.values()].flat().map((route) => slots.get(route.slot)).filter(Boolean);
    const behind = reached(target, followers, (slot) => slot.rank <= this.rank);
    if (behind.has(this)) return true;
    const before = reached(this, (slot) => slot.sources, (slot) => slot.rank >= target.rank);
    const order = [before, behind].flatMap((found) => [...found].sort(byRank));
    const ranks = order.map((slot) => slot.rank).sort((one, other) => one - other);
    order.forEach((slot, place) => { slot.rank = ranks[place]; });
    return false;
  }

  /** Remove the local routes of the port that `wire` leaves: later outputs of the port are returned to the runner. */
  cut(wire) {
    for (const [port, targets] of this.routes) if (targets.some((target) => target.wire === wire)) this.routes.delete(port);
  }

  /** Release the module for collection, except for tasks it left running. */
  forget() {
    this.gone = true;
    dropUnit(this.unit);
  }
}

/** Error for a source without a usable function; the text names the cure. */
export class LoadError extends Error {
  name = "LoadError";
}

function binding(whole, name, from) {
  if (name in whole) return whole[name];
  if (name === "default") return whole; // the whole result of require()
  throw new SyntaxError(`The requested module '${from}' does not provide an export named '${name}'`);
}

function lastOf(names) {
  const functions = Object.entries(names).filter(([name, value]) => value !== undefined && name !== "migrate" && !isClass(value));
  return functions.at(-1)?.[1];
}

const byRank = (one, other) => one.rank - other.rank;

/** Return `start` and the slots reachable from `start` through slots for which `within` holds. */
function reached(start, following, within) {
  const found = new Set([start]); // entries added during the walk are visited, too
  for (const slot of found) for (const next of following(slot)) if (within(next)) found.add(next);
  return found;
}

const isClass = (value) => /^class\b/.test(Function.prototype.toString.call(value));
const isPlain = (value) => Object.prototype.toString.call(value) === "[object Function]";

/** Return whether the function surely has no second parameter: one plain name, or none, and no `arguments`. */
function takesMessageOnly(value) {
  const text = Function.prototype.toString.call(value);
  return /^(?:function\b[^(]*\(\s*[\w$]*\s*\)|\(\s*[\w$]*\s*\)\s*=>|[\w$]+\s*=>)/.test(text) && !/\b(?:arguments|eval)\b/.test(text);
}

const withoutImports = (source, imports) => (imports.length === 0 ? source : source.replace(/^\s*import\b[^\n]*/gm, ""));
