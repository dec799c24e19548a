// The runtime without its environment: frames in, work in turns, frames out. `platform` is Node or a browser.

import { Call } from "./call.mjs";
import { BadFrame, checkLoad, int, list, object, text, Unpacker } from "./frames.mjs";
import { Log } from "./logs.mjs";
import { Refusal } from "./refusal.mjs";
import { LoadError, Slot } from "./slot.mjs";
import { failureText, oneFailure, Step } from "./step.mjs";
import { explain, explainSyntax } from "./trace.mjs";
import { Worker } from "./worker.mjs";

const SEGMENT_FROM = 64 * 1024;
const HALF = /\\u[dD][89a-fA-F]/;
const ESCAPES = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|[^])/g;

/** Kinds that do not arrive unchanged; every other kind of runtimes/README.md arrives equal. */
export const FIDELITY = {
  table: "refused", frame: "refused", series: "refused", index: "refused", undefined: "refused", map: "refused", set: "refused", class: "refused", function: "refused", symbol: "refused",
  cycle: "refused", surrogate: "refused",
};

/** `platform`: send(head, parts), bytes(text), text(bytes), view(bytes), digest(text), now(), soon(work), within(slot, work), full(), compile, import,
 * meta, segments (or null), exit(). */
export class Engine {
  #platform;
  #slots = new Map();
  #calls = new Map();
  #ring = []; // slots with work to do at once
  #parked = new Set(); // slots that wait for a promise with results to report
  #logs = new Set();
  #soon = false;
  #bad = 0;
  #reason = "";
  #unpacker;
  #worker;
  #tools;

  constructor(platform) {
    this.#platform = platform;
    this.#unpacker = new Unpacker(platform.text, (reason) => this.#refuse(reason));
    this.#tools = {
      now: platform.now, digest: platform.digest, within: platform.within, segments: platform.segments, slots: this.#slots, bytes: platform.bytes,
      open: (buffer) => this.#open(buffer),
      pack: (bytes, parts) => this.#pack(bytes, parts),
      send: (step) => this.#returned(step),
      resume: (slot) => this.#resume(slot),
      parked: (slot) => {
        this.#parked.add(slot);
        this.#later();
      },
    };
    this.#worker = new Worker(this.#tools);
  }

  hello(version, pid) {
    this.#send({ t: "hello", protocol: 1, lang: "js", version, pid, fidelity: FIDELITY });
  }

  /** Take data of the pipe; the bytes may be reused afterwards. */
  take(bytes) {
    this.#unpacker.take(bytes, (head, parts) => this.#frame(head, parts));
    if (this.#reason !== "") this.#tellBad();
    if (!this.#soon && this.#ring.length > 0) this.turn();
  }

  /** Work on a chunk of one slot; frames received meanwhile are handled before the next chunk. */
  turn() {
    this.#soon = false;
    if (this.#platform.full()) return; // the pipe, once emptied, calls again
    this.#reportParked();
    const slot = this.#ring.shift();
    if (slot !== undefined) {
      slot.queued = false;
      this.#chunk(slot);
    }
    this.#flushLogs();
    if (this.#ring.length > 0) this.#later();
  }

  /** Handle a broken promise without awaiter, or a timer's error, of a slot: fail its message under way, or log the error. */
  stray(slot, error) {
    const delivery = slot.underWay;
    if (delivery?.parked && !slot.gone) {
      delivery.settled = { error };
      delivery.parked = false;
      this.#resume(slot);
    } else {
      const { trace, where } = explain(error);
      slot.log.write("stderr", `Error of module ${slot.module.name}${where && ` (${where})`}, which fails no message:\n${trace}\n`);
    }
  }

  flush() {
    this.#flushLogs();
  }

  #later() {
    if (this.#soon) return;
    this.#soon = true;
    this.#platform.soon();
  }

  #wake(slot) {
    if (slot.queued || slot.gone || !slot.active || slot.calls.length === 0) return;
    slot.queued = true;
    this.#ring.push(slot);
    if (!this.#soon && this.#handling === 0) this.#later();
  }

  #handling = 0;

  /** Go on after a slot's promise was kept or broken, in the same chunk while time is left. */
  #resume(slot) {
    if (slot.gone) return;
    if (this.#platform.full() || this.#platform.now() > this.#worker.until) this.#wake(slot);
    else this.#chunk(slot);
  }

  #chunk(slot) {
    try {
      if (this.#worker.chunk(slot)) this.#wake(slot);
    } catch (error) {
      this.#worker.abandon(slot, error); // an error of the runtime or of hostile objects ends the call, not the process
      this.#wake(slot);
    }
  }

  #reportParked() {
    for (const slot of this.#parked) {
      if (slot.underWay?.parked && slot.step !== null && !slot.gone) this.#worker.finish(slot);
    }
    this.#parked.clear();
  }

  // --- frames out -----------------------------------------------------------------------------------------------------------

  #send(head) {
    this.#write(JSON.stringify(head), []);
  }

  #returned(step) {
    if (step.end) this.#calls.delete(step.call.number);
    this.#flushLogs();
    const { head, parts } = step.write(this.#tools);
    this.#write(head, parts);
    if (step.failure !== null) this.#stopped(step);
  }

  /** Give back the slot's calls after a failure and cut its routes: later messages must not overtake messages handed back. */
  #stopped(step) {
    const slot = step.call.slot;
    slot.stop();
    for (const call of slot.calls.splice(0)) this.#giveBack(call);
    for (const { from, wire } of step.left) this.#slots.get(from)?.cut(wire);
  }

  #giveBack(call) {
    const step = new Step(call);
    step.end = true;
    this.#returned(step);
  }

  /** Write a frame; halves of characters that users print, throw or send are replaced, or the frame would be unreadable. */
  #write(head, parts) {
    this.#platform.send(HALF.test(head) ? head.replace(ESCAPES, (escape, half) => (half === undefined ? escape : "\\ufffd")) : head, parts);
  }

  /** Return the head of a buffer; large buffers go by shared memory where available. */
  #pack(bytes, parts) {
    if (bytes.segment !== undefined) return { size: bytes.length, segment: bytes.segment };
    const name = bytes.length > SEGMENT_FROM ? this.#platform.segments?.write(bytes) : undefined;
    if (name !== undefined) return { size: bytes.length, segment: name };
    parts.push(bytes);
    return { size: bytes.length };
  }

  #open(buffer) {
    if (buffer.segment === "") return this.#platform.view(buffer.bytes);
    if (this.#platform.segments === null) throw new Refusal("shared memory is out of reach here", "send it inline");
    try {
      return this.#platform.segments.read(buffer.segment, buffer.size);
    } catch (error) {
      throw new Refusal(`the shared memory ${buffer.segment} cannot be read (${error.message})`, "run it again");
    }
  }

  #tellBad() {
    this.#send({ t: "bad", reason: this.#reason.slice(0, 500), count: this.#bad });
    this.#reason = "";
  }

  #refuse(reason) {
    this.#bad += 1;
    this.#reason = reason || "unreadable";
  }

  #flushLogs() {
    for (const log of this.#logs) log.flush();
    this.#logs.clear();
  }

  #log(number) {
    const send = (stream, written, cut) => this.#send({ t: "log", slot: number, text: written, stream, ...(cut > 0 ? { cut } : {}) });
    return new Log(send, this.#platform.now, (log) => {
      this.#logs.add(log);
      this.#later();
    });
  }

  // --- frames in ------------------------------------------------------------------------------------------------------------

  #frame(head, parts) {
    this.#handling += 1;
    try {
      const handler = typeof head.t === "string" && Object.hasOwn(HANDLERS, head.t) ? HANDLERS[head.t] : null;
      if (handler === null) throw new BadFrame(`no frame is called ${String(JSON.stringify(head.t)).slice(0, 100)}`);
      handler(this, head, parts);
    } catch (error) {
      this.#refuse(error instanceof BadFrame || error instanceof RangeError ? error.message : `${error.name}: ${error.message}`);
    } finally {
      this.#handling -= 1;
    }
  }

  load(head) {
    const slot = new Slot(checkLoad(head), this.#log(head.slot));
    this.#forget(head.slot);
    this.#slots.set(head.slot, slot);
    const loading = this.#platform.within(slot, () => slot.load(this.#platform));
    slot.loading = loading.then(() => this.#loaded(slot, head.state ?? null), (error) => this.#refused(slot, error));
  }

  #loaded(slot, state) {
    if (slot.gone) return;
    try {
      if (state !== null) slot.state.replace(state);
    } catch (error) {
      this.#refused(slot, error);
      return;
    }
    slot.loaded = true;
    slot.active = state !== null;
    this.#flushLogs();
    this.#send({ t: "loaded", slot: slot.number, ...(slot.fusable && { fusable: true }), ...(slot.follows && { follows: true }) });
    this.#wake(slot);
  }

  #refused(slot, error) {
    if (slot.gone) return;
    const told = error instanceof LoadError || error instanceof Refusal ? { message: error.message, trace: error.message }
      : error instanceof SyntaxError ? explainSyntax(error) : explain(error);
    const hint = hintFor(told.message, slot.module.source);
    const place = { cell: told.cell || slot.module.place?.cell || 0, line: told.line || 0 };
    this.#flushLogs();
    const failure = oneFailure({ node: slot.node, message: told.message + hint, kind: "load", trace: told.trace + hint, ...place });
    this.#write(`{"t":"refused","slot":${slot.number},"failure":${failure}}`, []);
    this.#forget(slot.number);
  }

  activate(head) {
    const [number, state] = [int(head, "slot"), object(head, "state")];
    const slot = this.#slots.get(number);
    if (slot === undefined) {
      this.#send({ t: "refused", slot: number, failure: { node: "", message: `slot ${number} is not loaded`, kind: "load" } });
      return;
    }
    slot.loading = slot.loading.then(() => this.#platform.within(slot, () => this.#activate(slot, state))).catch((error) => this.#refused(slot, error));
  }

  async #activate(slot, state) {
    if (slot.gone) return;
    slot.state.replace(state);
    if (slot.migrate !== null) {
      const migrated = await slot.migrate.call(undefined, slot.state.values);
      if (migrated !== undefined) slot.state.assign(migrated);
      slot.state.commit();
    }
    if (slot.gone) return;
    slot.active = true;
    slot.stopped = false;
    this.#flushLogs();
    this.#write(`{"t":"activated","slot":${slot.number},"state":${slot.state.text()}}`, []);
    this.#wake(slot);
  }

  unload(head) {
    this.#forget(int(head, "slot"));
  }

  #forget(number) {
    const slot = this.#slots.get(number);
    if (slot === undefined) return;
    this.#slots.delete(number);
    slot.log.flush();
    for (const call of slot.calls) this.#calls.delete(call.number);
    slot.underWay?.drop();
    slot.calls = [];
    slot.route(new Map(), this.#slots);
    slot.forget();
  }

  route(head) {
    const slot = this.#slot(head);
    const routes = new Map();
    for (const [port, targets] of Object.entries(object(head, "routes"))) {
      if (!Array.isArray(targets)) throw new BadFrame("route: a port without its list");
      if (targets.length > 0) routes.set(port, targets.map((target) => this.#target(slot, target)));
    }
    slot.route(routes, this.#slots);
    this.#send({ t: "routed", slot: slot.number });
  }

  #target(slot, target) {
    const [wire, number, port] = Array.isArray(target) ? target : [];
    if (typeof wire !== "string" || typeof port !== "string") throw new BadFrame("route: a target is [wire, slot, input port]");
    const found = this.#slots.get(number);
    if (!found?.fusable) throw new BadFrame(`route: slot ${String(number)} is not loaded, or no plain function`);
    if (slot.leadsBack(found, this.#slots)) throw new BadFrame(`route: slot ${number} leads back to slot ${slot.number}`);
    return { wire, slot: number, port };
  }

  #slot(head) {
    const slot = this.#slots.get(int(head, "slot"));
    if (slot === undefined) throw new BadFrame(`${head.t}: slot ${head.slot} is not loaded`);
    return slot;
  }

  call(head, parts) {
    const slot = this.#slot(head);
    if (this.#calls.has(int(head, "call"))) throw new BadFrame(`call: ${head.call} is under way`);
    const call = new Call(head, parts, this.#platform.text);
    slot.stopped &&= call.state === null;
    if (slot.stopped) {
      this.#giveBack(call);
      return;
    }
    if (call.trouble !== null) {
      this.#unreadable(slot, call);
      return;
    }
    call.slot = slot;
    this.#calls.set(call.number, call);
    slot.calls.push(call);
    this.#wake(slot);
  }

  /** End a call with a valid head and an unreadable payload: the runner must not wait for it. */
  #unreadable(slot, call) {
    slot.stopped = true;
    const failure = { node: slot.node, message: `ValueRefused: ${call.trouble}`, kind: "value", run: call.run };
    this.#write(`{"t":"returned","call":${call.number},"failure":${failureText({ slot: slot.number, failure })},"end":true}`, []);
  }

  more(head) {
    const call = this.#calls.get(int(head, "call"));
    if (call === undefined || call.slot.calls[0] !== call) return;
    call.slot.underWay?.more();
    this.#wake(call.slot);
  }

  recall(head) {
    const slot = this.#slots.get(int(head, "slot"));
    if (slot === undefined) return;
    const begun = slot.underWay === null ? 0 : 1;
    slot.calls.slice(0, begun).forEach((call) => { call.recalled = true; });
    for (const call of slot.calls.splice(begun)) {
      const step = call === slot.step?.call ? slot.step : new Step(call);
      if (step === slot.step) slot.step = null;
      step.end = true;
      this.#returned(step);
    }
  }

  free(head) {
    const [again, remove] = [list(head, "segments") ?? [], list(head, "remove") ?? []];
    if (![...again, ...remove].every((name) => typeof name === "string")) throw new BadFrame("free: the names of segments are texts");
    this.#platform.segments?.free(again);
    this.#platform.segments?.remove(remove);
  }

  exit() {
    this.#flushLogs();
    this.#platform.exit();
  }
}

const HANDLERS = Object.fromEntries(["load", "activate", "unload", "route", "call", "more", "recall", "free", "exit"]
  .map((name) => [name, (engine, head, parts) => engine[name](head, parts)]));

const TYPES = /[\w)]\??\s*:\s*(?:string|number|boolean|any|unknown|void|never|object|Array<|Promise<|Record<|[A-Z]\w*)\b|^\s*(?:export\s+)?(?:interface|type)\s+\w+/m;

/** Return the fix for a source in another language or module system; "" for all other errors. */
function hintFor(message, source) {
  if (/^ReferenceError: (?:module|exports) is not defined/.test(message)) return "; write `export default function (msg, ctx) { ... }`";
  if (message.startsWith("SyntaxError") && TYPES.test(source)) return "; this looks like TypeScript, and a module is JavaScript: take the types out";
  return "";
}
