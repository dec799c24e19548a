"""Calling users' functions: as many messages as asked for, as fast as Python calls, with every failure put where it belongs.

What results look like as JSON is found out for all of them at once where that is safe. A slot with a state is handled message
by message, so that its state is never ahead of the last good message.
"""

from itertools import filterfalse, repeat
from operator import is_
from sys import getrefcount

from floe_runtime.failures import INPUT_LIMIT, STATE_LIMIT, failure
from floe_runtime.failures import plain as plain_failure
from floe_runtime.fresh import GIVEN, PASSED_ON
from floe_runtime.texts import INLINE_LIMIT, Unreadable
from floe_runtime.values import ValueRefused

OUTPUTS = 100_000
WEIGHT = 64 * 1024 * 1024
"""A function that does not yield may give so many outputs, or bytes, for one message."""
NOTHING = None
NONE = frozenset({type(None)})
NONES = repeat(None)
BUDGET = 0.001
"""Seconds of work between two looks at the pipe."""


class Abandoned(BaseException):
    """Ends a user's function whose call is over: what it emitted could not be handled."""


class Worker:
    """Runs slots over parcels. `values` is the `Values` of the codec."""

    def __init__(self, codec, values):
        self._encode, self._options, self._values = codec.encode, codec.options, values

    @property
    def encoder(self):
        """The codec's function and options, for loops."""
        return self._encode, self._options

    def texts(self, values):
        """The JSON text of each value as soon as the iterator *values* gives it; no step of this is Python code."""
        return map(self._encode, values, NONES, repeat(self._options))

    def run(self, slot, parcel, given, stop, changes=None):
        """Handle the messages up to number *stop* (not included); stops early at a failure (``given.failure``).

        With *changes* (a slot that commits each message) the state is committed after every one.
        """
        slot.context.under_way(parcel, given)
        singly = slot.commit_each or parcel.broken
        bulk = slot.pure and not singly and not slot.lasting
        while given.start + len(given.results) < stop and given.failure is None and not parcel.call.ended:
            at = given.start + len(given.results)
            error = None
            try:
                if bulk:
                    self._many(slot, parcel.values[at:stop], given)
                else:
                    self._each(slot, _readable(parcel.values[at : at + 1]) if singly else parcel.values[at:stop], given)
            except Abandoned:
                return
            except BaseException as raised:
                error = raised
            if not bulk and len(given.results) > len(given.texts):
                error = None  # it is the encoder's, and comes again
                self._settle(slot, parcel, given, None)
            elif error is not None:
                error = self._settle(slot, parcel, given, error)
            if error is not None:
                self.fail(slot, parcel, given, error)
            elif slot.commit_each and given.failure is None:
                self._commit_one(slot, parcel, given, changes)
        if given.failure is not None or not self._settle_at_once(slot, given):
            self._settle(slot, parcel, given, None)

    def _commit_one(self, slot, parcel, given, changes):
        """The state after one message; when it is no JSON the message fails after all."""
        try:
            self.commit(slot, changes)
        except ValueRefused as error:
            del given.results[-1:], given.texts[-1:]
            given.settled = min(given.settled, len(given.results))
            given.rare.pop(len(given.results), None)
            self.fail(slot, parcel, given, error)

    def _many(self, slot, messages, given):
        """For functions that keep nothing: all results first. What was handled before an exception stays in `results`."""
        until = len(given.results) + len(messages)
        given.results.extend(map(slot.function, messages))
        if len(given.results) < until:
            raise RuntimeError("the function raised StopIteration")

    def _each(self, slot, messages, given):
        """Each result becomes text at once: the function may change it when it handles the next message."""
        until = given.start + len(given.results) + len(messages)
        more = (repeat(slot.context),) if slot.with_context else ()
        if slot.default in slot.routes:
            self._watch(slot, messages, given)
        else:
            self._pass(given, map(slot.function, messages, *more))
        if given.start + len(given.results) < until:
            raise RuntimeError("the function raised StopIteration")

    def _pass(self, given, gave):
        """Results that leave, from an iterator that calls the function: no step of this is Python code."""
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

    def _watch(self, slot, messages, given):
        """Results that go to another module here: does anybody else refer to one?"""
        function, encode, options = slot.function, self._encode, self._options
        keep, add, more = given.results.append, given.texts.append, (slot.context,) if slot.with_context else ()
        given.shared = given.shared or False
        for message in messages:
            result = function(message, *more)
            keep(result)
            add(encode(result, None, options))
            if getrefcount(result) > (PASSED_ON if result is message else GIVEN):
                given.shared = True

    # --- results to JSON -------------------------------------------------------------------------------------------------

    def _settle_at_once(self, slot, given):
        """The JSON text of all results together; False where one of them needs a closer look."""
        if not slot.outputs or not given.results or given.rare or given.results[-1] is None:
            return False
        if not given.texts:
            given.payload = self.payload(given.results)
        elif len(given.texts) == len(given.results):
            given.payload = self.checked(b"[" + b",".join(given.texts) + b"]")
        return given.payload is not None

    def payload(self, values):
        """A JSON array of plain values; None when some value is not, or is none, or all are large."""
        try:
            return self.checked(self._encode(values, None, self._options))
        except (TypeError, ValueError, RecursionError):
            return None

    def checked(self, payload):
        """The text, if it says for sure what the values are; else None."""
        strange = b"null" in payload or (b"$" in payload and b'"$floe"' in payload)  # one byte is found much faster
        return None if strange or len(payload) > INLINE_LIMIT else payload

    def _settle(self, slot, parcel, given, error):
        """A good text for every result; one that cannot travel is the failure of its message. Returns what else failed."""
        given.payload = None
        if NONE.issuperset(map(type, given.results)):
            given.texts[:] = [b"null"] * len(given.results)
            given.settled = len(given.results)
        for at in range(given.settled, len(given.results)):
            try:
                self._settle_one(slot, given, at)
            except ValueRefused as refusal:
                self._fail_at(slot, parcel, given, at, refusal)
                if given.failure is not None:
                    return None
        given.settled = len(given.results)
        return error

    def settle(self, slot, parcel, given):
        """The same in the midst of a function."""
        self._settle(slot, parcel, given, None)

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

    def _fail_at(self, slot, parcel, given, at, error):
        report = self.report(slot, parcel, given.start + at, error)
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

    def fail(self, slot, parcel, given, error):
        """Record the failure of the message under way; a slot that skips goes on behind it."""
        at = len(given.results)
        given.emits = [emit for emit in given.emits if emit[0] < at]
        report = self.report(slot, parcel, given.start + at, error)
        if slot.commit_each:
            slot.state.undo()
        if not slot.skips:
            given.failure = report
            return
        given.skipped.append({"slot": slot.number, "failure": report})
        given.results.append(NOTHING)
        given.texts.append(b"null")
        given.settled = len(given.results)

    def report(self, slot, parcel, at, error):
        """The failure object for message *at* of the parcel."""
        if isinstance(error, ValueRefused):
            report = plain_failure(slot.node, f"ValueRefused: {error}", "value")
            report["cell"] = slot.source.cell
            if error.__traceback__ is not None and error.emitted:
                report = {**failure(slot.node, error, "value"), "message": report["message"]}
        else:
            report = failure(slot.node, error)
        report["run"] = parcel.run_of(at)
        if parcel.call.ids and parcel.roots is None:
            report["id"] = parcel.call.ids[at]
        text = parcel.text_of(at, self._values)
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
        """Take over what changed in the slot's state since the last commit. Raises `ValueRefused`."""
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
        """Raise `ValueRefused` when the module has no such output."""
        if port not in slot.outputs:
            names = ", ".join(map(repr, slot.outputs)) or "none"
            raise ValueRefused(f"was given on the port {port!r}, but the outputs of {slot.name!r} are: {names}; declare it with "
                               f"--out {port}")


def _readable(messages):
    """The one message there is. Raises its `ValueRefused` when it cannot be read."""
    if type(messages[0]) is Unreadable:
        raise messages[0].error
    return messages


def _put(texts, at, text):
    if at < len(texts):
        texts[at] = text
    else:
        texts.append(text)
