"""Chunks: some messages of a call, all that comes of them inside this process, and the frame that says so."""

import os
from resource import RUSAGE_THREAD, getrusage
from time import perf_counter, thread_time

from floe_runtime import returned
from floe_runtime.calls import WINDOW
from floe_runtime.failures import plain
from floe_runtime.generators import Generators
from floe_runtime.parcels import Given
from floe_runtime.segments import Placed
from floe_runtime.slots import CHUNK, GENERATOR
from floe_runtime.steps import Step
from floe_runtime.texts import Unreadable
from floe_runtime.values import ValueRefused
from floe_runtime.work import BUDGET, OUTPUTS, WEIGHT, Abandoned

SUSPECT = 8
"""So many fast chunks clear a slot of the suspicion that it waits."""
TOGETHER = 32
"""Each node on local routes adds to the time a chunk may take, as it does to what every chunk costs; up to so many of them."""


class Chunks:
    """Works on calls for the runtime, which sends the frames and says when `more` came."""

    def __init__(self, runtime):
        self._runtime = runtime
        self.worker, self._values = runtime.worker, runtime.values
        self._generators = Generators(self.worker, self._values)
        self._active = None
        """(slot, call, given, changes) of the plain function that is at work for a call; None inside its `emit`."""

    def turn(self, slot):
        """One chunk of the slot's first call."""
        call = slot.calls[0]
        if call.parcel is None and not self.open(slot, call):
            return
        given, changes = Given(call.at), {}
        clocks = perf_counter(), thread_time(), getrusage(RUSAGE_THREAD).ru_nvcsw if slot.suspect else None
        self._runtime.logs.current = slot.log
        if slot.kind == GENERATOR and not slot.with_context and slot.outputs:
            self._generators.run(slot, call, given, changes, self._commit_each)
        elif slot.kind == GENERATOR:
            self._generate(slot, call, given, changes)
        else:
            self._call_plain(slot, call, given, changes)
        if not call.ended:
            handled = len(given.results) + (len(given.yields.values) if given.yields else len(given.emits))
            at_work = self.finish(slot, call, given, changes)
            self._adapt(slot, clocks, handled, BUDGET * min(at_work, TOGETHER))

    def open(self, slot, call):
        """Read the call's messages; a call that cannot be read is answered by a failure."""
        try:
            call.open(self._values, self._runtime.segments)
            if call.state is not None:
                slot.state.replace(call.state)
        except ValueRefused as error:
            self.refuse(slot, call, error)
            return False
        return True

    def refuse(self, slot, call, error):
        """End a call by a failure of kind ``value``; nothing of its step has happened."""
        step = Step(call, self._values)
        step.stop(slot, {**plain(slot.node, f"ValueRefused: {error}", "value"), "run": call.run})
        call.emitted = 0
        self._send(step, call)

    def _adapt(self, slot, clocks, handled, budget):
        """Large chunks for what is fast; what waits now and then must earn them for longer each time.

        A function that lost the processor to another process is not slow: only its own work and its own waiting count. Asking
        the system which it was costs time, so it is asked only about a slot that took long before.
        """
        began, worked, waits = clocks
        seconds = perf_counter() - began
        if seconds > budget:
            waited = waits is not None and getrusage(RUSAGE_THREAD).ru_nvcsw > waits
            if waited or thread_time() - worked > budget:
                slot.shy = min(64, slot.shy * 2) if slot.pace > 1 else slot.shy
                slot.pace, slot.calm = max(1, int(slot.pace * budget / seconds)), 0
            slot.suspect = SUSPECT
        elif seconds < budget / 3 and handled >= slot.pace:
            slot.suspect = max(0, slot.suspect - 1)
            slot.calm += handled
            if slot.calm >= slot.shy:
                slot.pace = min(slot.most, slot.pace * 4)

    # --- the two kinds of functions --------------------------------------------------------------------------------------

    def _call_plain(self, slot, call, given, changes):
        outer, self._active = self._active, (slot, call, given, changes) if not self._runtime.nested else None
        try:
            self.worker.run(slot, call.parcel, given, min(call.at + slot.pace, call.n), changes)
        finally:
            self._active = outer

    def _generate(self, slot, call, given, changes):
        deadline = perf_counter() + BUDGET
        slot.context.under_way(call.parcel, given)
        while len(given.results) + len(given.emits) < CHUNK and not call.waits and given.failure is None:
            at = given.start + len(given.results)
            if at >= call.n or (call.recalled and call.generator is None):
                break
            try:
                self._advance(slot, call, given, at, changes)
            except BaseException as error:
                call.generator, call.given_since = None, 0
                self.worker.fail(slot, call.parcel, given, error)
            if perf_counter() > deadline:
                break

    def _advance(self, slot, call, given, at, changes):
        """One output of the message under way, or its end."""
        if call.generator is None:
            message = call.parcel.values[at]
            if type(message) is Unreadable:
                raise message.error
            call.generator = slot.function(message, slot.context) if slot.with_context else slot.function(message)
        try:
            value = next(call.generator)
        except StopIteration:
            self.through(slot, call, given, changes)
            return
        if value is not None:
            self.record(slot, call, given, slot.default, value)

    def through(self, slot, call, given, changes):
        """The message under way is through; its outputs are in `emits`."""
        call.generator, call.given_since = None, 0
        given.results.append(None)
        given.texts.append(b"null")
        self._commit_each(slot, changes)

    def _commit_each(self, slot, changes):
        if slot.commit_each:
            self.worker.commit(slot, changes)

    # --- emitting --------------------------------------------------------------------------------------------------------

    def record(self, slot, call, given, port, value):
        """Take one output. Raises `ValueRefused`; *call* is None behind a local route."""
        self.worker.check_port(slot, port)
        text, buffers, tagged = self._values.encode(value)
        given.emits.append((len(given.results), port, text, buffers, tagged))
        given.weight += len(text) + sum(view.nbytes for view in buffers if type(view) is not Placed)
        if len(given.emits) > OUTPUTS or (given.weight > WEIGHT and len(given.emits) > 1):
            raise ValueRefused(f"is one too many: a function may give {OUTPUTS:,} outputs or {WEIGHT:,} bytes at once; "
                               "write it as a generator (`yield`)")
        if call is not None and (given.start or given.results or len(given.emits) + call.before > call.skip):
            call.given_since += 1

    def record_for_user(self, slot, call, given, port, value):
        """`record` inside the user's function: an error shows the line."""
        try:
            self.record(slot, call, given, port, value)
        except ValueRefused as error:
            error.emitted = True
            raise

    def emit(self, slot, given, port, value):
        """`ctx.emit`. A plain function that runs ahead of the flow waits here."""
        active = self._active
        mine = active is not None and active[2] is given
        call = slot.calls[0] if slot.calls and slot.calls[0].parcel is slot.context.parcel else None
        if call is not None and call.ended:
            raise Abandoned
        self.record_for_user(slot, call if slot.kind == GENERATOR else None, given, port, value)
        if mine and (len(given.emits) >= WINDOW or given.weight >= WEIGHT // 8):
            self._flush_within(*active)

    def _flush_within(self, slot, call, given, changes):
        """Send what a function gave while it is still at work, then wait until it may give more."""
        self.worker.settle(slot, call.parcel, given)
        alone = sum(1 for emit in given.emits if emit[0] == len(given.results))
        call.given_since = alone + (0 if given.results else call.given_since)
        self.finish(slot, call, given, changes, under_way=True)
        self._active = None
        self._runtime.wait_for_more(call)
        self._active = (slot, call, given, changes)
        self._runtime.logs.current = slot.log
        if call.ended:
            raise Abandoned

    # --- finishing -------------------------------------------------------------------------------------------------------

    def finish(self, slot, call, given, changes, under_way=False):
        """Follow the local routes, take over the states, and send the frame; how many nodes were at work (at least 1)."""
        step = Step(call, self._values)
        step.changes = changes
        consumed = step.consumed = len(given.results)
        emitted = 0 if consumed else call.before
        if given.failure is None:
            emitted += self._under_way(given, consumed)
        try:
            step.spread(slot, call.parcel, given)
            self.follow(step)
            self._commit(step)
        except ValueRefused as error:
            self._take_back(slot, call, given, error, step)
            return 1
        if given.failure is not None and step.failure is None:
            step.stop(slot, given.failure)
        given.clear()
        changes.clear() if under_way else None
        call.at += consumed
        call.before = call.emitted = emitted
        between = not under_way and not emitted and call.generator is None
        step.end = step.end or (between and (call.at >= call.n or call.recalled))
        self._send(step, call)
        return max(1, len(step.slots))

    def _under_way(self, given, consumed):
        """How many outputs the message behind the consumed ones gave."""
        if given.yields is not None:
            return given.yields.roots.count(given.start + consumed)
        return sum(1 for emit in given.emits if emit[0] == consumed)

    def _take_back(self, slot, call, given, error, step):
        """A state or a result turned out to be no JSON after its function was through: the whole step did not happen."""
        for touched in step.slots.values():
            touched.state.undo()
        given.clear()
        call.at = step.start
        self.refuse(slot, call, error)

    def follow(self, step):
        """Run what is on local routes, breadth first, in lists."""
        while step.pending:
            slot, parcel = step.pending.popleft()
            given = Given(0)
            self._runtime.logs.current = slot.log
            self.worker.run(slot, parcel, given, len(parcel.values), step.changes)
            done = len(given.results)
            step.passed(parcel, done)
            step.spread(slot, parcel, given)
            if given.failure is not None:
                step.stop(slot, given.failure, parcel, done)

    def _commit(self, step):
        for slot in step.slots.values():
            if slot.state.touched:
                self.worker.commit(slot, step.changes)

    def _send(self, step, call):
        runtime = self._runtime
        if step.end:
            call.ended = True
            runtime.over(call)
            call.forget()
        if call.numbers:
            call.numbers = {slot: {call.at: n[call.at]} for slot, n in call.numbers.items() if call.at in n}
        if runtime.forked:
            os._exit(0)
        if step.end:
            runtime.logs.flush()  # first: its run may be over with this
        runtime.send(returned.write(step, runtime.codec, runtime.segments))
        if step.failure is not None:
            runtime.stop(call.slot, step.left)  # what comes after a failure must not overtake what goes back
