"""Generators: outputs by the block, across messages, until a window of one message is used up."""

from itertools import filterfalse, islice
from sys import getrefcount

from floe_runtime.calls import WINDOW
from floe_runtime.fresh import GIVEN
from floe_runtime.texts import INLINE_LIMIT, Unreadable
from floe_runtime.values import ValueRefused


class Yields:
    """What generators gave in one chunk: four lists with an entry for each output."""

    __slots__ = ("index", "payload", "rare", "roots", "shared", "texts", "values")

    def __init__(self):
        self.values, self.texts, self.roots, self.index = [], [], [], []
        self.shared = False
        """The generator still referred to some value when it gave it."""
        self.payload = None
        """The JSON of all values together where they are plain; else `texts` has one for each."""
        self.rare = {}
        """For values that JSON cannot say: (buffers, tagged) by their number."""


class Generators:
    """Advances the generators of slots whose function does not take the context, so that nothing but `yield` gives outputs."""

    def __init__(self, worker, values):
        self._worker, self._values = worker, values

    def run(self, slot, call, given, changes, commit):
        """Up to ``slot.pace`` outputs; one more message than that is through where they give none."""
        yields = given.yields = Yields()
        limit = slot.pace
        while len(yields.values) + len(given.results) < limit and not call.waits and given.failure is None:
            at = given.start + len(given.results)
            if at >= call.n or (call.recalled and call.generator is None):
                break
            try:
                if self._block(slot, call, at, yields, limit):
                    call.generator, call.given_since = None, 0
                    given.results.append(None)
                    given.texts.append(b"null")
                    commit(slot, changes)
            except BaseException as error:
                call.generator, call.given_since = None, 0
                self._drop(yields, at)
                self._worker.fail(slot, call.parcel, given, error)
        self._settle(slot, call, given, yields)

    def _block(self, slot, call, at, yields, limit):
        """Outputs of message *at*, in one go; whether it is through."""
        if call.generator is None:
            message = call.parcel.values[at]
            if type(message) is Unreadable:
                raise message.error
            call.generator = slot.function(message)
        before = len(yields.values)
        room = min(limit - before, WINDOW - call.given_since)
        number = call.before if at == call.at and not before else 0
        routed = slot.default in slot.routes
        try:
            return self._pull(call.generator, room, yields, routed)
        finally:
            taken = len(yields.texts) - before
            yields.roots += [at] * taken
            if not routed or call.skip:  # a local route asks for it only where `_settle` makes it anew
                yields.index += range(number, number + taken)
            call.given_since += taken

    def _pull(self, generator, room, yields, routed):
        """Take up to *room* outputs, each as text at once: the generator may change it when it goes on. Whether it is through."""
        until = len(yields.values) + room
        while len(yields.values) < until:
            given = islice(generator, until - len(yields.values))
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
            return len(yields.values) < until
        return False

    def _watch(self, given, yields):
        """The same for outputs that go to another module here: does the generator still refer to one?"""
        keep, add, (encode, options) = yields.values.append, yields.texts.append, self._worker.encoder
        for value in given:
            keep(value)
            add(encode(value, None, options))
            if getrefcount(value) > GIVEN:
                yields.shared = True

    def _settle_last(self, yields):
        """The newest output is not plain. Raises `ValueRefused`, and takes it out, when it cannot travel."""
        try:
            text, buffers, tagged = self._values.careful(yields.values[-1])
        except ValueRefused:
            yields.values.pop()
            raise
        if tagged:
            yields.rare[len(yields.texts)] = (buffers, tagged)
        yields.texts.append(text)

    def _settle(self, slot, call, given, yields):
        """The JSON of everything together, where it is plain; else look again at each, and take out what is no output."""
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
                self._worker.fail(slot, call.parcel, given, error)
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
        """Message *at* failed: what it and those behind it gave in this chunk goes with it."""
        keep = sum(1 for root in yields.roots if root < at)
        del yields.values[keep:], yields.texts[keep:], yields.roots[keep:], yields.index[keep:]
        yields.rare = {n: r for n, r in yields.rare.items() if n < keep}
