"""A step: what some messages of a call, and all that came of them inside this process, gave.

It collects outputs for the runner and follows local routes. `floe_runtime.returned` writes it down.
"""

from collections import deque

from floe_runtime.fresh import own
from floe_runtime.parcels import Group, Parcel
from floe_runtime.texts import Unreadable


class Step:
    """Collects outputs, counts, failures and what is handed back."""

    def __init__(self, call, values):
        self.call, self._values = call, values
        self.start, self.consumed = call.at, 0
        self.groups, self.counts, self.slots, self.changes = {}, {}, {}, {}
        self.skipped, self.left, self.failure = [], [], None
        self.pending = deque()
        """(slot, parcel) on local routes, breadth first."""
        self.end = False

    def spread(self, slot, parcel, given):
        """Hand what a run gave to its ports: into groups, or onto local routes."""
        self.slots[slot.number] = slot
        self.skipped += given.skipped
        count = len(given.results)
        parcel.values[given.start : given.start + count] = [None] * count
        if given.yields is not None:
            self._spread_yields(slot, given.yields)
        elif given.payload is not None and not given.emits and not (parcel.roots is None and self.call.skip):
            self._spread_plain(slot, parcel, given, count)
        elif given.emits or given.rare or given.payload is not None or given.texts.count(b"null") < count:
            self._spread_entries(slot, parcel, given)

    def _spread_plain(self, slot, parcel, given, count):
        start = given.start
        roots = range(start, start + count) if parcel.roots is None else parcel.roots[start : start + count]
        if slot.default in slot.routes:
            self._fan_out(slot, given.results, list(roots), given.payload, given.shared)
            return
        index = [0] * count if parcel.roots is None else self._numbers(slot, roots)
        self._group(slot, slot.default).extend(given.payload[1:-1], roots, index)

    def _spread_yields(self, slot, yields):
        """What generators gave. `skip` drops outputs of the first message."""
        skip, payload, texts = self.call.skip, yields.payload, yields.texts
        if not yields.values:
            return
        if yields.rare or (skip and yields.roots[0] == 0):
            entries = [(text, root, number, *yields.rare.get(at, ((), False)))
                       for at, (text, root, number) in enumerate(zip(texts, yields.roots, yields.index))
                       if root or number >= skip]
            if entries:
                self._place(slot, slot.default, entries)
        elif slot.default in slot.routes:
            self._fan_out(slot, yields.values, yields.roots, payload or b"[" + b",".join(texts) + b"]", yields.shared)
        else:
            self._group(slot, slot.default).extend(payload[1:-1] if payload else b",".join(texts), yields.roots, yields.index)

    def _fan_out(self, slot, values, roots, payload, shared):
        """Plain values onto local routes: the first target gets the values if they are safe there, the others copies.

        *shared*: somebody else referred to some value when it was given; None where nobody looked.
        """
        load = self._values.loads
        values = values if not shared and own(values, payload, shared is not None) else load(payload)
        for number, (wire, target, port) in enumerate(slot.routes[slot.default]):
            parcel = Parcel(self.call, port, load(payload) if number else values)
            parcel.written(payload=(payload, self._values))
            self._send(slot, wire, target, parcel, roots)

    def _send(self, slot, wire, target, parcel, roots):
        parcel.roots, parcel.wire = roots, (wire, slot.number)
        self.pending.append((target, parcel))

    def _spread_entries(self, slot, parcel, given):
        ports, skip = {}, self.call.skip if parcel.roots is None else 0
        for at, index, port, text, buffers, tagged in self._entries(slot, parcel, given):
            root = at if parcel.roots is None else parcel.roots[at]
            if parcel.roots is not None:
                index = self._number(slot, root)
            if root or index >= skip:
                ports.setdefault(port, []).append((text, root, index, buffers, tagged))
        for port, entries in ports.items():
            self._place(slot, port, entries)

    def _place(self, slot, port, entries):
        """(text, root, index, buffers, tagged) of each output on a port."""
        targets = slot.routes.get(port)
        if targets is not None:
            self._spread_routed(slot, targets, entries)
            return
        group = self._group(slot, port)
        for entry in entries:
            group.add(*entry)

    def _entries(self, slot, parcel, given):
        """(which message, which of its outputs, port, text, buffers, tagged) of everything, in the order of giving."""
        if not given.texts:
            given.texts[:] = [self._values.dumps(value) for value in given.results]
        emits = deque(given.emits)
        index = self.call.before if parcel.roots is None else 0
        for number in range(len(given.results) + 1):
            while emits and emits[0][0] == number:
                yield given.start + number, index, *emits.popleft()[1:]
                index += 1
            if number < len(given.results):
                entry = self._values.settle(given, number)
                if entry is not None:
                    yield given.start + number, index, slot.default, *entry
            index = 0

    def _spread_routed(self, slot, targets, entries):
        texts = [entry[0] for entry in entries]
        for wire, target, port in targets:
            values = [self._values.read(text, buffers, tagged) for text, _, _, buffers, tagged in entries]
            parcel = Parcel(self.call, port, values)
            parcel.buffers, parcel.tagged = [e[3] for e in entries], [e[4] for e in entries]
            parcel.written(texts)
            parcel.broken = any(type(value) is Unreadable for value in parcel.values)
            self._send(slot, wire, target, parcel, [e[1] for e in entries])

    def _group(self, slot, port):
        key = (slot.number, port)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
        return group

    def _number(self, slot, root):
        """Behind a local route: which number an output is among those that this slot made of its root."""
        numbers = self.call.numbers.setdefault(slot.number, {})
        number = numbers[root] = numbers.get(root, -1) + 1
        return number

    def _numbers(self, slot, roots):
        """The same for many. Mostly they are the first outputs of different roots."""
        numbers = self.call.numbers.setdefault(slot.number, {})
        first = dict.fromkeys(roots, 0)
        if len(first) < len(roots) or not numbers.keys().isdisjoint(first):
            return [self._number(slot, root) for root in roots]
        numbers.update(first)
        return [*first.values()]

    def passed(self, parcel, n):
        """The first *n* messages of a parcel went through."""
        if n:
            count = self.counts.setdefault(parcel.wire, [0, 0])
            count[0] += n
            count[1] += parcel.weight(n)

    def stop(self, slot, failure, parcel=None, at=0):
        """A failure: hand back what was not consumed, that of the failing slot first."""
        self.failure, self.end = {"slot": slot.number, "failure": failure}, True
        if parcel is not None:
            self.left.append((parcel, at))
        self.left += [(waiting, 0) for _, waiting in self.pending]
        self.pending.clear()
