"""Generators: outputs by the block, across messages, until the window of a message is used up."""

from itertools import filterfalse, islice
from sys import getrefcount

from floe_runtime.calls import WINDOW
from floe_runtime.fresh import GIVEN
from floe_runtime.slots import GENERATOR
from floe_runtime.texts import INLINE_LIMIT, Unreadable
from floe_runtime.values import ValueRefused
from floe_runtime.work import Abandoned

TOGETHER = 64
"""Number of outputs taken between two looks whether the generator has become slow."""


class Yields:
    """Outputs of generators in a chunk: four lists with an entry for each output."""

    __slots__ = ("block", "flushed", "index", "payload", "rare", "roots", "shared", "texts", "values")

    def __init__(self):
        self.values, self.texts, self.roots, self.index = [], [], [], []
        self.shared = False
        """True if the generator still referred to some value when it gave the value."""
        self.payload = None
        """JSON of all values together where all are plain; otherwise `texts` has an entry for each."""
        self.rare = {}
        """(buffers, tagged) by number, for values that JSON cannot express."""
        self.flushed = 0
        """Number of outputs taken out of the lists while the generator was at work."""
        self.block = -1, 0, False
        """Message under way, number of the next output, and whether the numbers are noted."""

    def note(self, call):
        """Note the message of the newest outputs."""
        root, number, numbered = self.block
        taken = len(self.texts) - len(self.roots)
        self.roots += [root] * taken
        if numbered:
            self.index += range(number, number + taken)
        self.block = root, number + taken, numbered
        call.given_since += taken

    def part(self):
        """Return the present outputs as another object; the lists stay the same objects and go on empty."""
        part = Yields()
        part.shared, part.rare, self.rare = self.shared, self.rare, {}
        self.flushed += len(self.values)
        for name in ("values", "texts", "roots", "index"):
            getattr(part, name).extend(getattr(self, name))
            getattr(self, name).clear()
        return part


class Generators:
    """Advances the generators of slots whose function does not take the context: `yield` is their only source of outputs."""

    def __init__(self, worker, values, begin):
        self._worker, self._values, self._begin = worker, values, begin

    def run(self, slot, call, given, changes, commit):
        """Take up to ``slot.pace`` outputs; where messages give none, handle one more message than the pace."""
        yields = given.yields = Yields()
        limit = slot.pace
        while len(yields.values) + len(given.results) < limit and not yields.flushed and not call.waits and given.failure is None:
            at = given.start + len(given.results)
            if at >= call.n or (call.recalled and call.generator is None) or slot.kind != GENERATOR:
                break
            try:
                if self._block(slot, call, at, yields, limit):
                    call.generator, call.given_since = None, 0
                    given.results.append(None)
                    given.texts.append(b"null")
                    commit(slot, changes)
            except Abandoned:
                return
            except BaseException as error:
                call.generator, call.given_since = None, 0
                self._drop(yields, at)
                self._worker.fail(slot, call.inputs, given, error)
        self._settle(slot, call, given, yields)

    def _block(self, slot, call, at, yields, limit):
        """Take outputs of message *at* together; return whether the message is through."""
        if call.generator is None:
            message = call.inputs.values[at]
            if type(message) is Unreadable:
                raise message.error
            if not self._begin(slot, call, slot.function(message)):
                return False
        room = min(limit - len(yields.values), WINDOW - call.given_since)
        routed = slot.default in slot.routes
        # a local route asks for the number only where `_settle` makes it anew
        first = yields.block[1] if yields.block[0] == at else call.before if at == call.at else 0
        yields.block = at, first, not routed or bool(call.skip)
        try:
            return self._pull(call.generator, room, yields, routed)
        finally:
            yields.note(call)

    def part(self, slot, call, given, send):
        """Send the outputs given until now, in the midst of a generator."""
        yields = given.yields
        yields.note(call)
        given.yields = yields.part()
        self._settle(slot, call, given, given.yields)
        send()
        given.yields = yields

    def _pull(self, generator, room, yields, routed):
        """Take up to *room* outputs, each as text at once, before the generator can change a value. Return whether the message is
        through.
        """
        until = len(yields.values) + yields.flushed + room
        while (have := len(yields.values) + yields.flushed) < until:
            wanted = min(TOGETHER, until - have)
            given = islice(generator, wanted)
            try:
                if routed:
                    self._watch(given, yields)
                else:  # `append` gives None: all pass through
                    yields.texts.extend(self._worker.texts(filterfalse(yields.values.append, given)))
            except (TypeError, ValueError, RecursionError):
                if len(yields.values) == len(yields.texts):
                    raise
                self._settle_last(yields)
                continue
            if len(yields.values) + yields.flushed < have + wanted:
                return True
            if yields.flushed:
                break
        return False

    def _watch(self, given, yields):
        """Take outputs for another module of this process, and note whether the generator still refers to any of them."""
        keep, add, (encode, options) = yields.values.append, yields.texts.append, self._worker.encoder
        for value in given:
            keep(value)
            add(encode(value, None, options))
            if getrefcount(value) > GIVEN:
                yields.shared = True

    def _settle_last(self, yields):
        """Encode the newest output, which is not plain. Remove the output and raise `ValueRefused` if it cannot travel."""
        try:
            text, buffers, tagged = self._values.careful(yields.values[-1])
        except ValueRefused:
            yields.values.pop()
            raise
        if tagged:
            yields.rare[len(yields.texts)] = (buffers, tagged)
        yields.texts.append(text)

    def _settle(self, slot, call, given, yields):
        """Make the JSON of all outputs together where plain; otherwise check each output again and remove every None."""
        if not yields.rare:
            yields.payload = self._worker.checked(b"[" + b",".join(yields.texts) + b"]")
        if yields.payload is not None or not yields.values:
            return
        old, known = list(zip(yields.values, yields.texts, yields.roots)), yields.rare
        yields.values, yields.texts, yields.roots, yields.index, yields.rare = [], [], [], [], {}
        for number, (value, text, root) in enumerate(old):
            if value is None:
                call.given_since -= int(call.generator is not None and root == given.start + len(given.results))
                continue
            try:
                entry = self._looked_at(value, text, known.get(number))
            except ValueRefused as error:
                self._drop(yields, root)
                del given.results[root - given.start :], given.texts[root - given.start :]
                call.generator, call.given_since = None, 0
                self._worker.fail(slot, call.inputs, given, error)
                return
            self._add(call, yields, value, root, *entry)

    def _looked_at(self, value, text, rare):
        if rare is not None:
            return text, *rare
        if b"null" in text or b'"$floe"' in text or len(text) > INLINE_LIMIT:
            return self._values.encode(value)
        return text, (), False

    def _add(self, call, yields, value, root, text, buffers, tagged):
        if tagged:
            yields.rare[len(yields.values)] = (buffers, tagged)
        first = call.before if root == call.at else 0
        number = yields.index[-1] + 1 if yields.roots and yields.roots[-1] == root else first
        yields.values.append(value)
        yields.texts.append(text)
        yields.roots.append(root)
        yields.index.append(number)

    def _drop(self, yields, at):
        """Drop the outputs of the failed message *at*, and of later messages, from the chunk."""
        keep = sum(1 for root in yields.roots if root < at)
        del yields.values[keep:], yields.texts[keep:], yields.roots[keep:], yields.index[keep:]
        yields.rare = {n: r for n, r in yields.rare.items() if n < keep}
