"""Steps: outputs of some messages of a call, and of all descendants inside this process.

A step collects outputs for the runner and follows local routes. `floe_runtime.returned` writes the step as a frame.
"""

from collections import deque

from floe_runtime.fresh import own
from floe_runtime.inputs import Group, Inputs, Origin
from floe_runtime.texts import Unreadable


class Step:
    """Collects outputs, counts, failures and messages to hand back."""

    def __init__(self, call, values):
        self.call, self._values = call, values
        self.start, self.consumed = call.at, 0
        self.groups, self.counts, self.slots, self.changes = {}, {}, {}, {}
        self.skipped, self.left, self.failure = [], [], None
        self.pending = deque()
        """(slot, inputs) on local routes, breadth first."""
        self.end = False

    def spread(self, slot, inputs, given):
        """Hand the outputs of a run to the ports: into groups, or onto local routes."""
        self.slots[slot.number] = slot
        self.skipped += given.skipped
        count = len(given.results)
        inputs.values[given.start : given.start + count] = [None] * count
        if given.yields is not None:
            self._spread_yields(slot, inputs, given.yields)
        elif given.payload is not None and not given.emits and not (inputs.roots is None and self._is_cut_off):
            self._spread_plain(slot, inputs, given, count)
        elif given.emits or given.rare or given.payload is not None or given.texts.count(b"null") < count:
            self._spread_entries(slot, inputs, given)

    @property
    def _is_cut_off(self):
        """True if the first message gave outputs before the step, or before a crash."""
        return self.call.skip or self.call.before

    def _spread_plain(self, slot, inputs, given, count):
        start = given.start
        roots = range(start, start + count) if inputs.roots is None else inputs.roots[start : start + count]
        if slot.default in slot.routes:
            origin = Origin(inputs, slot.node, range(start, start + count))
            self._fan_out(slot, given.results, list(roots), given.payload, given.shared, origin)
            return
        index = [0] * count if inputs.roots is None else self._numbers(slot, roots)
        self._group(slot, slot.default).extend(given.payload[1:-1], roots, index)

    def _spread_yields(self, slot, inputs, yields):
        """Hand on outputs of generators. `skip` drops outputs of the first message."""
        skip, payload, texts = self.call.skip, yields.payload, yields.texts
        if not yields.values:
            return
        if yields.rare or (skip and yields.roots[0] == 0):
            entries = [
                (text, root, number, *yields.rare.get(at, ((), False)))
                for at, (text, root, number) in enumerate(zip(texts, yields.roots, yields.index))
                if root or number >= skip
            ]
            if entries:
                self._place(slot, slot.default, entries, inputs, [entry[1:3] for entry in entries])
        elif slot.default in slot.routes:
            first = self.call.before if yields.roots[0] == self.start else 0
            origin = Origin(inputs, slot.node, yields.roots, yields.index, first)
            self._fan_out(slot, yields.values, yields.roots, payload or b"[" + b",".join(texts) + b"]", yields.shared, origin)
        else:
            self._group(slot, slot.default).extend(payload[1:-1] if payload else b",".join(texts), yields.roots, yields.index)

    def _fan_out(self, slot, values, roots, payload, shared, origin):
        """Put plain values onto local routes: the first target gets the values if safe, other targets get copies.

        *shared*: other code referred to some value when the function gave the value; None if not counted.
        """
        load = self._values.loads
        values = values if not shared and own(values, payload, shared is not None) else load(payload)
        for number, (wire, target, port) in enumerate(slot.routes[slot.default]):
            inputs = Inputs(self.call, port, load(payload) if number else values)
            inputs.written(payload=(payload, self._values))
            self._send(slot, wire, target, inputs, roots, origin)

    def _send(self, slot, wire, target, inputs, roots, origin):
        inputs.roots, inputs.wire, inputs.origin = roots, (wire, slot.number), origin
        self.pending.append((target, inputs))

    def _spread_entries(self, slot, inputs, given):
        ports, parents, skip = {}, {}, self.call.skip if inputs.roots is None else 0
        for at, place, port, text, buffers, tagged in self._entries(slot, inputs, given):
            root = at if inputs.roots is None else inputs.roots[at]
            index = place if inputs.roots is None else self._number(slot, root)
            if root or index >= skip:
                ports.setdefault(port, []).append((text, root, index, buffers, tagged))
                if port in slot.routes:
                    parents.setdefault(port, []).append((at, place))
        for port, entries in ports.items():
            self._place(slot, port, entries, inputs, parents.get(port))

    def _place(self, slot, port, entries, inputs, parents):
        """Place (text, root, index, buffers, tagged) of each output of a port, with (position of the parent in *inputs*, number
        among the parent's outputs) for local routes.
        """
        targets = slot.routes.get(port)
        if targets is not None:
            self._spread_routed(slot, targets, entries, Origin(inputs, slot.node, *zip(*parents, strict=True)))
            return
        group = self._group(slot, port)
        for entry in entries:
            group.add(*entry)

    def _entries(self, slot, inputs, given):
        """Yield (message, number of the output, port, text, buffers, tagged) of all outputs, in the order of giving."""
        if not given.texts:
            given.texts[:] = [self._values.dumps(value) for value in given.results]
        emits = deque(given.emits)
        index = self.call.before if inputs.roots is None else 0
        for number in range(len(given.results) + 1):
            while emits and emits[0][0] == number:
                yield given.start + number, index, *emits.popleft()[1:]
                index += 1
            if number < len(given.results):
                entry = self._values.settle(given, number)
                if entry is not None:
                    yield given.start + number, index, slot.default, *entry
            index = 0

    def _spread_routed(self, slot, targets, entries, origin):
        texts = [entry[0] for entry in entries]
        for wire, target, port in targets:
            values = [self._values.read(text, buffers, tagged) for text, _, _, buffers, tagged in entries]
            inputs = Inputs(self.call, port, values)
            inputs.buffers, inputs.tagged = [e[3] for e in entries], [e[4] for e in entries]
            inputs.written(texts)
            inputs.broken = any(type(value) is Unreadable for value in inputs.values)
            self._send(slot, wire, target, inputs, [e[1] for e in entries], origin)

    def _group(self, slot, port):
        key = (slot.number, port)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
        return group

    def _number(self, slot, root):
        """Return the number of an output among all outputs of the slot for the root; used behind local routes."""
        numbers = self.call.numbers.setdefault(slot.number, {})
        number = numbers[root] = numbers.get(root, -1) + 1
        return number

    def _numbers(self, slot, roots):
        """Return the numbers of many outputs, mostly the first outputs of different roots."""
        numbers = self.call.numbers.setdefault(slot.number, {})
        first = dict.fromkeys(roots, 0)
        if len(first) < len(roots) or not numbers.keys().isdisjoint(first):
            return [self._number(slot, root) for root in roots]
        numbers.update(first)
        return [*first.values()]

    def passed(self, inputs, n):
        """Count the first *n* messages of the inputs as handled."""
        if n:
            count = self.counts.setdefault(inputs.wire, [0, 0, None])
            count[0] += n
            count[1] += inputs.weight(n)
            count[2] = inputs, n

    def stop(self, slot, failure, inputs=None, at=0):
        """Stop after a failure: hand back the unconsumed messages, the failing slot's first."""
        self.failure, self.end = {"slot": slot.number, "failure": failure}, True
        if inputs is not None:
            self.left.append((inputs, at))
        self.left += [(waiting, 0) for _, waiting in self.pending]
        self.pending.clear()
