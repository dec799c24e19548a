// The work: messages of a call go through a function, chunk by chunk, and their outputs over local routes.
//
// One message of a slot is under way at a time. A chunk ends after 64 messages, a millisecond, or a megabyte of outputs; or
// earlier, when a promise is not kept yet or a generator has used up its window.

import { Delivery } from "./delivery.mjs";
import { isRefusal } from "./refusal.mjs";
import { Step } from "./step.mjs";
import { encodePlain } from "./values.mjs";
import { explain } from "./trace.mjs";

const CHUNK = 256;
const BUDGET = 1; // milliseconds
const HEAVY = 1 << 20;
const SLOW = 3; // milliseconds
const CAREFUL = 32; // outputs of a generator sent singly before it counts as fast: it may block behind any output
const INPUT_LIMIT = 2_048;
const STATE_LIMIT = 64 * 1024;

export class Worker {
  /** `tools`: now(), digest(text), within(slot, work), open(buffer), segments, slots, send(step), resume(slot), parked(slot), waits(slot). */
  constructor(tools) {
    this.tools = tools;
  }

  /** Go on with the slot's first call for a chunk. Return whether more work can be done at once. */
  chunk(slot) {
    const call = slot.calls[0];
    if (call === undefined || slot.gone || slot.underWay?.parked) return false;
    if (slot.step === null && !this.#begin(slot, call)) return slot.calls.length > 0;
    this.until = this.tools.now() + BUDGET;
    this.tools.within(slot, () => this.#messages(slot, call, slot.step));
    return slot.calls.length > 0 && !slot.gone && !slot.underWay?.parked && !slot.underWay?.waits;
  }

  #begin(slot, call) {
    slot.step = new Step(call);
    if (call.state === null) return true;
    try {
      slot.state.replace(call.state);
    } catch (error) {
      this.abandon(slot, error);
      return false;
    }
    call.state = null;
    return true;
  }

  /** End the slot's first call; no effect of its step has happened. */
  abandon(slot, error) {
    const call = slot.calls.shift();
    slot.underWay?.drop();
    slot.underWay = slot.step = null;
    if (call === undefined) return;
    call.emitted = 0;
    const step = new Step(call);
    step.stop(slot, this.report(slot, new Delivery(slot, call.parcel, Math.min(call.at, call.n - 1), null, this.tools), error));
    this.tools.send(step);
  }

  #messages(slot, call, step) {
    let checkAt = 1; // look at the clock after 1, 2, 4 ... messages while they are fast
    for (let done = 0; step.failure === null;) {
      if (isOver(slot, call, step) || !this.#advance(slot, call, step)) break;
      done += 1;
      if (done >= CHUNK || step.weight > HEAVY) break;
      if (done === checkAt) {
        const left = this.until - this.tools.now();
        if (left <= 0) break;
        checkAt = Math.max(done + 1, Math.min(2 * done, Math.floor(done * (BUDGET / (BUDGET - left)))));
      }
    }
    if (isOver(slot, call, step)) step.end = true;
    if (slot.underWay?.parked && !slot.underWay.waits) this.tools.parked(slot);
    else this.finish(slot);
  }

  /** Handle a message, or the rest of the message under way. Return whether it is through. */
  #advance(slot, call, step) {
    let delivery = slot.underWay;
    try {
      if (delivery === null && slot.simple && call.parcel.tagged === false) {
        const at = call.at + step.consumed;
        const result = this.#simply(slot, call, step, at);
        if (result === undefined) return true;
        delivery = new Delivery(slot, call.parcel, at, this.tools.segments, this.tools);
        if (result instanceof Thrown) throw result.error;
        this.#result(delivery, result);
      } else if (delivery === null) {
        delivery = new Delivery(slot, call.parcel, call.at + step.consumed, this.tools.segments, this.tools);
        if (slot.commitEach) slot.state.mark();
        this.#result(delivery, delivery.begin(this.tools.open));
      } else if (delivery.settled !== null) this.#settle(delivery);
      if (!this.#through(delivery)) {
        slot.underWay = delivery;
        return false;
      }
      if (slot.commitEach) step.commit(slot);
    } catch (error) {
      return this.#failed(slot, delivery, step, error);
    }
    slot.underWay = null;
    delivery.over = true;
    if (delivery.outputs !== null) delivery.spill(step);
    call.emitted = 0;
    step.consumed += 1;
    return true;
  }

  /** Call a function that cannot see a context: a plain result needs no delivery. Return undefined when the message is through,
   * otherwise the function's result. */
  #simply(slot, call, step, at) {
    let result;
    try {
      result = slot.function.call(undefined, call.parcel.take(at));
    } catch (error) {
      return new Thrown(error);
    }
    if (result !== undefined) {
      if (slot.outputs.length === 0 || (at === 0 && call.skip > 0)) return result;
      let text;
      try {
        text = encodePlain(result); // runs getters and traps of the user's
      } catch (error) {
        return new Thrown(error);
      }
      if (text === undefined) return result;
      step.putPlain(slot, slot.default, text, at);
    }
    call.emitted = 0;
    step.consumed += 1;
    return undefined;
  }

  #failed(slot, delivery, step, error) {
    const report = this.report(slot, delivery, error);
    delivery.drop();
    slot.underWay = null;
    if (slot.commitEach) slot.state.undo();
    if (!slot.skips) {
      step.stop(slot, report);
      return false;
    }
    step.skipped.push({ slot: slot.number, failure: report });
    delivery.parcel.call.emitted = 0;
    step.consumed += 1;
    return true;
  }

  /** Take the function's result: a value, a promise, or a generator. */
  #result(delivery, result) {
    if (result === undefined) return;
    if (typeof result === "object" && result !== null) {
      if (typeof result.then === "function") return this.#park(delivery, result);
      const tag = result[Symbol.toStringTag];
      if (tag === "Generator" || tag === "AsyncGenerator") {
        delivery.iterator = result;
        delivery.asynchronous = tag === "AsyncGenerator";
        return;
      }
    }
    delivery.give(delivery.slot.default, result);
  }

  #park(delivery, promise) {
    delivery.parked = true;
    const settle = (settled) => {
      if (delivery.over) return;
      delivery.settled = settled;
      delivery.parked = false;
      this.tools.resume(delivery.slot);
    };
    promise.then((value) => settle({ value }), (error) => settle({ error }));
  }

  #settle(delivery) {
    const settled = delivery.settled;
    delivery.settled = null;
    if ("error" in settled) throw settled.error;
    if (delivery.iterator === null) this.#result(delivery, settled.value);
    else if (settled.value.done) delivery.iterator = null;
    else if (settled.value.value !== undefined) delivery.give(delivery.slot.default, settled.value.value);
  }

  /** Take from a generator while time and window allow. Return whether the message is through. */
  #through(delivery) {
    if (delivery.parked) return false;
    const { slot } = delivery;
    let now = this.tools.now();
    for (let taken = 1; delivery.iterator !== null; taken += 1) {
      if (delivery.waits || (taken > 1 && (now > this.until || slot.calm < CAREFUL))) return false;
      const began = now;
      const next = delivery.iterator.next();
      if (delivery.asynchronous) {
        this.#park(delivery, next);
        return false;
      }
      now = this.tools.now();
      slot.calm = now - began > SLOW ? 0 : slot.calm + 1;
      if (next.done) delivery.iterator = null;
      else if (next.value !== undefined) delivery.give(slot.default, next.value);
    }
    return true;
  }

  // --- the end of a chunk ---------------------------------------------------------------------------------------------------

  /** Follow the local routes, commit the states, send the frame. */
  finish(slot) {
    const [step, delivery] = [slot.step, slot.underWay];
    const call = step.call;
    if (delivery !== null) delivery.spill(step);
    this.#follow(slot, step);
    try {
      for (const one of step.slots) step.commit(one);
    } catch (error) {
      this.#takeBack(slot, step, error);
      return;
    }
    if (step.failure === null || delivery !== null) call.emitted = delivery === null ? 0 : delivery.given;
    call.at += step.consumed;
    const news = step.end || !step.empty || call.emitted !== step.reported;
    slot.step = step.end ? null : new Step(call, call.emitted);
    if (step.end) slot.calls.shift();
    if (news) this.tools.send(step);
  }

  #follow(slot, step) {
    step.spread(slot, this.tools.slots, step.call.parcel);
    for (let next = step.next(); next !== undefined; next = step.next()) {
      const { slot: target, parcel } = next;
      if (target === undefined || target.gone) {
        step.stop(slot, { node: slot.node, message: `the slot behind the local route ${parcel.wire} is gone`, kind: "crashed" }, parcel, 0);
        return;
      }
      this.tools.within(target, () => this.#routed(target, parcel, step));
    }
  }

  #routed(slot, parcel, step) {
    let at = 0;
    for (; at < parcel.length; at += 1) {
      const delivery = new Delivery(slot, parcel, at, null, this.tools);
      if (slot.commitEach) slot.state.mark();
      try {
        this.#synchronous(slot, delivery);
        if (slot.commitEach) step.commit(slot);
      } catch (error) {
        const report = this.report(slot, delivery, error);
        delivery.drop();
        if (slot.commitEach) slot.state.undo();
        if (!slot.skips) {
          step.passed(parcel, at);
          step.spread(slot, this.tools.slots, parcel);
          step.stop(slot, report, parcel, at);
          return;
        }
        step.skipped.push({ slot: slot.number, failure: report });
        continue;
      }
      delivery.over = true;
      delivery.spill(step);
    }
    step.passed(parcel, at);
    step.spread(slot, this.tools.slots, parcel);
  }

  /** Require a function behind a local route to be through when it returns. */
  #synchronous(slot, delivery) {
    this.until = Infinity;
    this.#result(delivery, delivery.begin(this.tools.open));
    if (!delivery.parked && !delivery.asynchronous) this.#drain(delivery);
    if (delivery.parked || delivery.asynchronous) {
      throw new TypeError(`${slot.module.name} gave a promise although it is no async function; declare it with \`async function\``);
    }
  }

  #drain(delivery) {
    if (delivery.iterator === null) return;
    for (const value of delivery.iterator) if (value !== undefined) delivery.give(delivery.slot.default, value);
  }

  /** Revert the whole step after a state proved to be no JSON. */
  #takeBack(slot, step, error) {
    for (const one of step.slots) {
      one.state.mark();
      one.state.undo();
    }
    this.abandon(slot, error);
  }

  // --- failures ---------------------------------------------------------------------------------------------------------------

  /** Return the `failure` object for a delivery. */
  report(slot, delivery, error) {
    const told = explain(error);
    const report = { node: slot.node, message: told.message, kind: isRefusal(error) ? "value" : "raised", trace: told.trace };
    if (told.cell > 0) report.cell = told.cell;
    else if (slot.module.place?.cell > 0) report.cell = slot.module.place.cell;
    if (told.line > 0) report.line = told.line;
    const { parcel, root } = delivery;
    report.run = parcel.call.runOf(root);
    if (parcel.call.ids !== null && parcel.roots === null) report.id = parcel.call.ids[root];
    const input = parcel.text(delivery.at);
    if (input !== undefined && input.length <= INPUT_LIMIT) report.input = input;
    const state = slot.state.empty ? "" : slot.state.text();
    if (state !== "" && state.length <= STATE_LIMIT) report.state = state;
    return report;
  }
}

/** Return whether the call has no work left. */
function isOver(slot, call, step) {
  return slot.underWay === null && (call.at + step.consumed >= call.n || call.recalled);
}

class Thrown {
  constructor(error) {
    this.error = error;
  }
}
