"""Calls of users' functions: as many messages as asked for, as fast as Python calls, each failure put where it belongs.

The JSON shape of results is determined for all together where safe. A slot with a state is handled message by message: the state
is never ahead of the last good message.
"""

from itertools import filterfalse, repeat
from operator import is_
from sys import getrefcount

from floe_runtime.failures import INPUT_LIMIT, STATE_LIMIT, failure
from floe_runtime.failures import plain as plain_failure
from floe_runtime.fresh import GIVEN, PASSED_ON
from floe_runtime.outcomes import MANY, ONE, outcome
from floe_runtime.segments import Placed
from floe_runtime.texts import INLINE_LIMIT, Unreadable
from floe_runtime.values import ValueRefused

OUTPUTS = 100_000
WEIGHT = 64 * 1024 * 1024
"""Maximum outputs, and bytes, given for a message by a function without `yield`."""
NOTHING = None
NONE = frozenset({type(None)})
NONES = repeat(None)
BUDGET = 0.001
"""Seconds of work between two looks at the pipe."""


class Abandoned(BaseException):
    """Ends a user's function whose call is over: the output could not be handled."""


class Worker:
    """Runs slots over inputs. `values` is the `Values` of the codec; `tools` is the runtime, which has the event loop."""

    def __init__(self, codec, values, tools):
        self._encode, self._options, self._values = codec.encode, codec.options, values
        self._tools = tools

    @property
    def encoder(self):
        """The codec's function and options, for loops."""
        return self._encode, self._options

    def texts(self, values):
        """Return the JSON text of each value as soon as the iterator *values* gives it; no step of the loop is Python code."""
        return map(self._encode, values, NONES, repeat(self._options))

    def run(self, slot, inputs, given, stop, changes=None):
        """Handle the messages up to number *stop* (excluded); stop early at a failure (``given.failure``).

        With *changes* (a slot that commits each message) the state is committed after every message.
        """
        slot.current.begin(inputs, given)
        singly = slot.commit_each or inputs.broken
        bulk = slot.pure and not singly and not slot.lasting
        while given.start + len(given.results) < stop and given.failure is None and not given.opened and not inputs.call.ended:
            at = given.start + len(given.results)
            error = None
            try:
                if bulk:
                    self._many(slot, inputs.values[at:stop], given)
                else:
                    self._each(slot, inputs, _readable(inputs.values[at : at + 1]) if singly else inputs.values[at:stop], given)
            except Abandoned:
                slot.current.end()
                return
            except BaseException as raised:
                error = raised
            slot.current.end()
            if not bulk and len(given.results) > len(given.texts):
                error = None  # the encoder's error, which comes again
                self._settle(slot, inputs, given, None)
            elif error is not None:
                error = self._settle(slot, inputs, given, error)
            if error is not None:
                self.fail(slot, inputs, given, error)
            elif slot.commit_each and given.failure is None and not given.opened:
                self._commit_one(slot, inputs, given, changes)
        if given.failure is not None or not self._settle_at_once(slot, given):
            self._settle(slot, inputs, given, None)

    def _commit_one(self, slot, inputs, given, changes):
        """Commit the state after a message; a state other than JSON makes the message fail after all."""
        try:
            self.commit(slot, changes)
        except ValueRefused as error:
            del given.results[-1:], given.texts[-1:]
            given.settled = min(given.settled, len(given.results))
            given.rare.pop(len(given.results), None)
            self.fail(slot, inputs, given, error)

    def _many(self, slot, messages, given):
        """Compute all results first, for functions without state. Results from before an exception stay in `results`."""
        until = given.start + len(given.results) + len(messages)
        given.results.extend(map(slot.function, messages))
        if given.start + len(given.results) < until:
            raise RuntimeError("the function raised StopIteration")

    def _each(self, slot, inputs, messages, given):
        """Turn each result into text at once: the function may change the result while it handles the next message."""
        until = given.start + len(given.results) + len(messages)
        slot.current.begin(inputs, given)
        more = (slot.current.each(),) if slot.with_context else ()
        if slot.default in slot.routes:
            self._watch(slot, messages, given, *more)
        else:
            self._pass(given, map(slot.function, messages, *more))
        if given.start + len(given.results) < until:
            raise RuntimeError("the function raised StopIteration")

    def _pass(self, given, gave):
        """Take results bound for the runner from an iterator that calls the function; no step of the loop is Python code."""
        results, texts = given.results, given.texts
        gave = filterfalse(results.append, gave)  # `append` gives None: all pass through
        try:
            silent = all(map(is_, gave, NONES))
        finally:
            texts += [b"null"] * (len(results) - len(texts))
        if not silent:
            texts.pop()
            texts.append(self._encode(results[-1], None, self._options))
            texts.extend(self.texts(gave))

    def _watch(self, slot, messages, given, contexts=None):
        """Take results for another module of this process, and note whether other code refers to any result."""
        function, encode, options = slot.function, self._encode, self._options
        keep, add = given.results.append, given.texts.append
        given.shared = given.shared or False
        for message in messages:
            result = function(message) if contexts is None else function(message, next(contexts))
            keep(result)
            add(encode(result, None, options))
            if getrefcount(result) > (PASSED_ON if result is message else GIVEN):
                given.shared = True

    # --- results to JSON -------------------------------------------------------------------------------------------------

    def _settle_at_once(self, slot, given):
        """Return the JSON text of all results together; False where a result needs a closer look."""
        if not slot.outputs or not given.results or given.rare or given.results[-1] is None:
            return False
        if not given.texts:
            given.payload = self.payload(given.results)
        elif len(given.texts) == len(given.results):
            given.payload = self.checked(b"[" + b",".join(given.texts) + b"]")
        return given.payload is not None

    def payload(self, values):
        """Return a JSON array of plain values; None if any value is not plain or is None, or if the array is too large."""
        try:
            return self.checked(self._encode(values, None, self._options))
        except (TypeError, ValueError, RecursionError, MemoryError):
            return None

    def checked(self, payload):
        """Return *payload* if the text alone shows the values to be plain; otherwise None."""
        strange = b"null" in payload or (b"$" in payload and b'"$floe"' in payload)  # finding a single byte is much faster
        return None if strange or len(payload) > INLINE_LIMIT else payload

    def _settle(self, slot, inputs, given, error):
        """Give every result a good text; a result that cannot travel fails its message. Return the remaining error."""
        given.payload = None
        if NONE.issuperset(map(type, given.results)):
            given.texts[:] = [b"null"] * len(given.results)
            given.settled = len(given.results)
        for at in range(given.settled, len(given.results)):
            try:
                if at >= len(given.texts) and outcome(given.results[at]) != ONE:
                    if inputs.roots is None:
                        self._open(slot, inputs.call, given, at)
                        return None
                    self._exhaust(slot, given, at)
                self._settle_one(slot, given, at)
            except ValueRefused as refusal:
                self._fail_at(slot, inputs, given, at, refusal)
                if given.failure is not None:
                    return None
        given.settled = len(given.results)
        return error

    def _open(self, slot, call, given, at):
        """Continue a call whose function returned an iterator or awaitable, and call the function accordingly from now on."""
        call.generator, given.opened = given.results[at], True
        slot.current.again(at)
        del given.results[at:], given.texts[at:]
        given.settled = at
        given.emits = [emit for emit in given.emits if emit[0] <= at]
        call.given_since = sum(emit[0] == at for emit in given.emits)
        if outcome(call.generator) == MANY:
            slot.iterate()
        else:
            self._tools.leave_to_loop(slot)

    def _exhaust(self, slot, given, at):
        """Exhaust a result behind a local route, where a function is through only with all outputs."""
        result, given.results[at] = given.results[at], NOTHING
        slot.current.again(at)

        def take(value):
            if value is not None:
                self.record(slot, given, at, slot.default, value)

        if outcome(result) == MANY:
            for value in result:
                take(value)
        else:
            self._tools.complete(result, take)
        slot.current.end()

    def record(self, slot, given, at, port, value):
        """Record an output of message *at*. Raises `ValueRefused`."""
        entry = _, text, buffers, _ = self.entry(slot, port, value)
        given.emits.append((at, *entry))
        given.weight += len(text) + sum(view.nbytes for view in buffers if type(view) is not Placed)
        if len(given.emits) > OUTPUTS or (given.weight > WEIGHT and len(given.emits) > 1):
            raise ValueRefused(
                f"is one too many: a function may give {OUTPUTS:,} outputs or {WEIGHT:,} bytes at once; "
                "write it as a generator (`yield`)"
            )

    def entry(self, slot, port, value):
        """Return (port, text, buffers, tagged) of an output. Raises `ValueRefused`."""
        self.check_port(slot, port)
        return port, *self._values.encode(value)

    def settle(self, slot, inputs, given):
        """Settle the results in the midst of a function."""
        self._settle(slot, inputs, given, None)

    def _settle_one(self, slot, given, at):
        result = given.results[at]
        text = given.texts[at] if at < len(given.texts) else None
        if result is None:
            text = b"null"
        elif text is None or b"null" in text or b'"$floe"' in text or not slot.outputs or len(text) > INLINE_LIMIT:
            self.check_port(slot, slot.default)
            text, buffers, tagged = self._values.encode(result)
            if tagged:
                given.rare[at] = (buffers, tagged)
        _put(given.texts, at, text)

    def _fail_at(self, slot, inputs, given, at, error):
        report = self.report(slot, inputs, given.start + at, error)
        if slot.skips:
            given.skipped.append({"slot": slot.number, "failure": report})
            given.results[at] = NOTHING
            _put(given.texts, at, b"null")
        else:
            given.failure = report
            del given.results[at:], given.texts[at:]
        if slot.commit_each:
            slot.state.undo()
        given.emits = [emit for emit in given.emits if emit[0] < at or (slot.skips and emit[0] > at)]

    def fail(self, slot, inputs, given, error):
        """Record the failure of the message under way; a slot that skips goes on with the next message."""
        at = len(given.results)
        given.emits = [emit for emit in given.emits if emit[0] < at]
        report = self.report(slot, inputs, given.start + at, error)
        if slot.commit_each:
            slot.state.undo()
        if not slot.skips:
            given.failure = report
            return
        given.skipped.append({"slot": slot.number, "failure": report})
        given.results.append(NOTHING)
        given.texts.append(b"null")
        given.settled = len(given.results)

    def report(self, slot, inputs, at, error):
        """Return the failure object for message *at* of the inputs."""
        if isinstance(error, ValueRefused):
            text = str(error).replace(" to the module", f" to the module {slot.name}")
            report = plain_failure(slot.node, f"ValueRefused: {text}", "value")
            report["cell"] = slot.source.cell
            if error.__traceback__ is not None and error.emitted:
                report = {**failure(slot.node, error, "value"), "message": report["message"]}
            elif error.__cause__ is not None:  # the value's own code raised the cause, which has a line
                report = {**report, **failure(slot.node, error.__cause__, "value"), "message": report["message"]}
        else:
            report = failure(slot.node, error)
            if isinstance(error, ValueError) and "read-only" in report["message"]:
                report["message"] += "; a large array arrives read-only: change a copy of it, msg = msg.copy()"
        if not report.get("line"):
            _place(slot, report)
        report["run"] = inputs.run_of(at)
        if inputs.call.ids and inputs.roots is None:
            report["id"] = inputs.call.ids[at]
        text = inputs.text_of(at, self._values)
        if text is not None and len(text) <= INPUT_LIMIT:
            report["input"] = self._values.loads(text)
        self._add_state(slot, report)
        return report

    def _add_state(self, slot, report):
        if dict.__len__(slot.state):
            try:
                text = self._values.dumps(dict(slot.state.peek()))
            except (TypeError, ValueError, RecursionError):
                text = slot.state.text()
            if len(text) <= STATE_LIMIT:
                report["state"] = self._values.loads(text)

    def commit(self, slot, changes):
        """Record the changes of the slot's state since the last commit. Raises `ValueRefused`."""
        state = slot.state
        if not state.touched:
            return
        slot.lasting = True
        changed, removed = state.commit()
        if changed or removed:
            known, gone = changes.setdefault(slot.number, ({}, []))
            for key in changed:
                if key in gone:
                    gone.remove(key)
            for key in removed:
                known.pop(key, None)
                gone.append(key)
            known.update(changed)

    def check_port(self, slot, port):
        """Raise `ValueRefused` if the module has no output *port*."""
        if port not in slot.outputs:
            names = ", ".join(map(repr, slot.outputs)) or "none"
            raise ValueRefused(
                f"was given on the port {port!r}, but the outputs of {slot.name!r} are: {names}; declare it with --out {port}"
            )


def _place(slot, report):
    """Point the report at the function, since no line of the user's raised the error."""
    from floe_runtime.functions import direct, inside

    function = direct(inside(slot.function))
    if function is not None and function.__code__.co_filename == slot.source.name:
        report["cell"], report["line"] = slot.source.cell, function.__code__.co_firstlineno


def _readable(messages):
    """Return the single message of *messages*. Raises its `ValueRefused` if the message cannot be read."""
    if type(messages[0]) is Unreadable:
        raise messages[0].error
    return messages


def _put(texts, at, text):
    if at < len(texts):
        texts[at] = text
    else:
        texts.append(text)
