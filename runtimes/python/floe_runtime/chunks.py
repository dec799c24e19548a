"""Chunks: some messages of a call with all results inside this process, and the frame that reports both."""

import os
from time import perf_counter, thread_time

from floe_runtime import returned
from floe_runtime.calls import WINDOW
from floe_runtime.delays import Delays
from floe_runtime.failures import plain
from floe_runtime.generators import Generators
from floe_runtime.inputs import Given
from floe_runtime.outcomes import LATER, ONE, outcome
from floe_runtime.slots import CHUNK, GENERATOR, PLAIN
from floe_runtime.steps import Step
from floe_runtime.texts import Unreadable
from floe_runtime.values import ValueRefused
from floe_runtime.work import BUDGET, WEIGHT, Abandoned

SUSPECT = 8
"""Number of chunks within their time to clear a slot of the suspicion of waiting."""
TOGETHER = 32
"""Maximum number of nodes counted in a chunk's time: each node on local routes adds to the time allowed, as to a chunk's fixed
cost.
"""


class Chunks:
    """Works on calls for the runtime, which sends the frames and reports each `more`."""

    def __init__(self, runtime):
        self._runtime = runtime
        self.worker, self._values = runtime.worker, runtime.values
        self._generators = Generators(self.worker, self._values, self.begin)
        self._delays = Delays()
        self._active = None
        """(slot, call, given, changes) of the plain function at work for a call; None during `emit`."""

    def turn(self, slot):
        """Work on a chunk of the slot's first call."""
        call = slot.calls[0]
        if call.inputs is None and not self.open(slot, call):
            return
        given, changes = Given(call.at), {}
        clocks = perf_counter(), thread_time(), self._delays.seconds() if slot.suspect else None
        self._runtime.logs.current = slot.log
        slot.enter()
        if slot.kind != PLAIN or (slot.pace > 1 and call.n > call.at + 1):
            self._runtime.flush_timer.watch()
        outer, self._active = self._active, (slot, call, given, changes) if not self._runtime.nested else None
        before = self._runtime.isolation.enter(slot)
        try:
            self._work(slot, call, given, changes)
        finally:
            self._active = outer
            self._runtime.isolation.leave(slot, before)
        if not call.ended:
            handled = len(given.results) + (len(given.yields.values) if given.yields else len(given.emits))
            at_work = self.finish(slot, call, given, changes)
            self._adapt(slot, clocks, handled, BUDGET * min(at_work, TOGETHER))

    def _work(self, slot, call, given, changes):
        if slot.kind == PLAIN:
            self.worker.run(slot, call.inputs, given, min(call.at + slot.pace, call.n), changes)
        elif slot.with_context or not slot.outputs:
            self._generate(slot, call, given, changes)
        else:
            self._generators.run(slot, call, given, changes, self._commit_each)

    def open(self, slot, call):
        """Read the call's messages; answer an unreadable call with a failure."""
        try:
            call.open(self._values, self._runtime.segments)
            if call.state is not None:
                slot.state.replace(call.state)
        except ValueRefused as error:
            self.refuse(slot, call, error)
            return False
        return True

    def refuse(self, slot, call, error):
        """End a call with a failure of kind ``value``; no effect of the step has happened."""
        step = Step(call, self._values)
        step.stop(slot, {**plain(slot.node, f"ValueRefused: {error}", "value"), "run": call.run})
        call.emitted = 0
        self._send(step, call)

    def _adapt(self, slot, clocks, handled, budget):
        """Use large chunks for fast functions; a function with occasional waits must earn them for longer each time.

        A function that lost the processor to another process is not slow: only the function's own work and waiting count. The
        system call to tell the two apart costs time and is made only for a slot that took long before.
        """
        began, worked, delayed = clocks
        seconds = perf_counter() - began
        if seconds > budget:
            own = thread_time() - worked if delayed is None else seconds - (self._delays.seconds() - delayed)
            if own > budget:
                slot.fast_needed = min(64, slot.fast_needed * 2) if slot.pace > 1 else slot.fast_needed
                slot.pace, slot.fast_messages = max(1, int(slot.pace * budget / own)), 0
            slot.suspect = SUSPECT
            return
        slot.suspect = max(0, slot.suspect - 1)
        if seconds < budget / 3 and handled >= slot.pace:
            slot.fast_messages += handled
            if slot.fast_messages >= slot.fast_needed:
                slot.pace = min(slot.most, slot.pace * 4)

    # --- the two kinds of functions --------------------------------------------------------------------------------------

    def _generate(self, slot, call, given, changes):
        deadline = perf_counter() + BUDGET
        slot.current.begin(call.inputs, given)
        while len(given.results) + len(given.emits) < CHUNK and not call.waits and given.failure is None:
            at = given.start + len(given.results)
            if at >= call.n or (call.recalled and call.generator is None) or slot.kind != GENERATOR:
                break
            try:
                self._advance(slot, call, given, at, changes)
            except Abandoned:
                return
            except BaseException as error:
                call.generator, call.given_since = None, 0
                slot.current.end()
                self.worker.fail(slot, call.inputs, given, error)
            if perf_counter() > deadline:
                break
        slot.current.pause()

    def _advance(self, slot, call, given, at, changes):
        """Take an output of the message under way, or finish the message."""
        if call.generator is None:
            message = call.inputs.values[at]
            if type(message) is Unreadable:
                raise message.error
            gave = slot.function(message, slot.current.context()) if slot.with_context else slot.function(message)
            if not self.begin(slot, call, gave):
                return
        try:
            value = next(call.generator)
        except StopIteration:
            self.through(slot, call, given, changes)
            return
        if value is not None:
            self.record(slot, call, given, slot.default, value)

    def begin(self, slot, call, gave):
        """Take the result of a generator slot's function; return whether iteration by `next` works. A plain value counts as a
        sequence of one.
        """
        how = outcome(gave)
        call.generator = gave if how != ONE else iter((gave,))
        if how == LATER:
            self._runtime.leave_to_loop(slot)
        return how != LATER

    def through(self, slot, call, given, changes):
        """Finish the message under way, whose outputs are in `emits`."""
        slot.current.end()
        call.generator, call.given_since = None, 0
        given.results.append(None)
        given.texts.append(b"null")
        self._commit_each(slot, changes)

    def _commit_each(self, slot, changes):
        if slot.commit_each:
            self.worker.commit(slot, changes)

    # --- emitting --------------------------------------------------------------------------------------------------------

    def record(self, slot, call, given, port, value):
        """Record an output. Raises `ValueRefused`; *call* is None behind a local route."""
        self.worker.record(slot, given, len(given.results), port, value)
        if call is not None and (given.start or given.results or len(given.emits) + call.before > call.skip):
            call.given_since += 1

    def record_for_user(self, slot, call, given, port, value):
        """Record an output inside the user's function, where an error shows the line."""
        try:
            self.record(slot, call, given, port, value)
        except ValueRefused as error:
            error.emitted = True
            raise

    def emit(self, slot, given, port, value):
        """Carry out `ctx.emit`. A plain function ahead of the flow waits inside."""
        active = self._active
        mine = active is not None and active[2] is given and slot.kind == PLAIN
        call = slot.calls[0] if slot.calls and slot.calls[0].inputs is slot.current.inputs else None
        if call is not None and call.ended:
            raise Abandoned
        self.record_for_user(slot, call if slot.kind == GENERATOR else None, given, port, value)
        if mine and (len(given.emits) >= WINDOW or given.weight >= WEIGHT // 8):
            self._flush_within(*active)

    def _flush_within(self, slot, call, given, changes):
        """Send the outputs of a function still at work, then wait until more outputs are allowed."""
        self._send_part(slot, call, given, changes)
        self._active = None
        self._runtime.wait_for_more(call)
        self._active = (slot, call, given, changes)
        self._back(slot, call)

    def _send_part(self, slot, call, given, changes):
        if slot.kind == PLAIN:
            self.worker.settle(slot, call.inputs, given)
            alone = sum(1 for emit in given.emits if emit[0] == len(given.results))
            call.given_since = alone + (0 if given.results else call.given_since)
        self._active = None
        with slot.current.taking():
            self.finish(slot, call, given, changes, under_way=True)

    def _back(self, slot, call):
        """Return to the user's function."""
        self._runtime.logs.current = slot.log
        slot.enter()
        if call.ended:
            raise Abandoned

    @property
    def at_work(self):
        """Number of the slot whose call is at work; None if unknown."""
        return None if self._active is None else self._active[0].number

    @property
    def waiting(self):
        """True if a function at work has unsent outputs. Any thread may ask."""
        active = self._active
        if active is None:
            return False
        given = active[2]
        return bool(given.results or given.emits or (given.yields is not None and given.yields.texts))

    def flush_overdue(self):
        """Send the outputs given until now, in the midst of a user's function."""
        if not self.waiting:
            return
        active = slot, call, given, _ = self._active
        if given.yields is not None:
            self._generators.part(slot, call, given, lambda: self._send_part(*active))
        elif not (slot.pure and any(map(outcome, given.results))):
            self._send_part(*active)
        self._active = active
        self._back(slot, call)

    # --- finishing -------------------------------------------------------------------------------------------------------

    def finish(self, slot, call, given, changes, under_way=False):
        """Follow the local routes, commit the states and send the frame; return how many nodes were at work (at least 1)."""
        step = Step(call, self._values)
        step.changes = changes
        consumed = step.consumed = len(given.results)
        emitted = 0 if consumed else call.before
        if given.failure is None:
            emitted += self._under_way(given, consumed)
        try:
            step.spread(slot, call.inputs, given)
            self.follow(step)
            self._commit(step)
        except ValueRefused as error:
            self._take_back(slot, call, given, error, step)
            return 1
        if given.failure is not None and step.failure is None:
            step.stop(slot, given.failure)
        given.clear()
        if under_way:
            changes.clear()
            slot.current.taken(consumed)
        call.at += consumed
        call.before = call.emitted = emitted
        between = not under_way and not emitted and call.generator is None
        step.end = step.end or (between and (call.at >= call.n or call.recalled))
        self._send(step, call)
        return max(1, len(step.slots))

    def _under_way(self, given, consumed):
        """Return the number of outputs of the message behind the consumed messages."""
        if given.yields is not None:
            return given.yields.roots.count(given.start + consumed)
        return sum(1 for emit in given.emits if emit[0] == consumed)

    def _take_back(self, slot, call, given, error, step):
        """Revert the whole step: a state or a result proved to be no JSON only after the function was through."""
        for touched in step.slots.values():
            touched.state.undo()
        given.clear()
        call.at = step.start
        self.refuse(slot, call, error)

    def follow(self, step):
        """Run the inputs on local routes, breadth first, in lists."""
        while step.pending:
            slot, inputs = step.pending.popleft()
            given = Given(0)
            self._runtime.logs.current = slot.log
            slot.enter()
            before = self._runtime.isolation.enter(slot)
            self.worker.run(slot, inputs, given, len(inputs.values), step.changes)
            self._runtime.isolation.leave(slot, before)
            done = len(given.results)
            step.passed(inputs, done)
            step.spread(slot, inputs, given)
            if given.failure is not None:
                step.stop(slot, given.failure, inputs, done)

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
            runtime.logs.flush()  # first: the end of the call may be the end of its run
        runtime.send(returned.write(step, runtime.codec, runtime.segments))
        if step.failure is not None:
            runtime.stop(call.slot, step.left)  # messages that come after a failure must not overtake messages handed back
