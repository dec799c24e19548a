"""Joins in a running flow: the waiting parts, and the messages to fire.

A fired message waits in a separate queue in front of the node, so breakpoints and steps see the message as the module gets it.
The parts are not in flight: a run with only parts left is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from floe_jupyter.core.flow.model import CYCLE_FACTOR, Node
from floe_jupyter.core.machine.delivery.keys import key_of
from floe_jupyter.core.machine.events import Failure, Notice
from floe_jupyter.core.machine.joins.cohorts import Cohorts
from floe_jupyter.core.machine.joins.rules import Entry, Join, Verdict, arrive
from floe_jupyter.core.machine.runs import account, fail_run, roomier
from floe_jupyter.core.machine.state.queues import Queue, TrackedMessage
from floe_jupyter.core.machine.unprocessed import drop, drop_all
from floe_jupyter.core.messages import Batch, Buffer, derive, merge, single, split, texts
from floe_jupyter.core.tags import shift

if TYPE_CHECKING:
    from floe_jupyter.core.expressions.language import Expression
    from floe_jupyter.core.machine.joins.cohorts import Cohort
    from floe_jupyter.core.machine.state.instance import MachineState

Drops = dict[tuple[int, str], int]
"""Number of messages by (run, reason)."""
Fired = tuple[Hashable, Entry]


class JoinTable:
    """All joins of one node: one per run, or one per value of the node's key."""

    def __init__(self, node: Node, wires: list[Queue], queues: dict[str, Queue]) -> None:
        self.node = node
        self.queues = queues
        """Queues of fired messages, by port."""
        self.wires: list[Queue] = []
        self.entries: dict[Hashable, Entry] = {}
        self.keys: dict[int, list[Hashable]] = {}
        """Keys of each run."""
        self.cohorts = Cohorts()
        """Cohorts of runs in step; a run of a cohort has no entry."""
        self.pills: dict[int, list[int]] = {}
        """Bits of the wires which brought a pill, by run, for keys yet to come."""
        self.fresh = Join("any", 0)
        self.key: Expression | None = None
        if node.key:
            from floe_jupyter.core.expressions.language import compile_expression

            self.key = compile_expression(node.key)
        self._set_wires(wires)

    def rewire(self, instance: MachineState, wires: list[Queue]) -> None:
        """Take the wires of a new version of the flow, and drop parts of removed wires."""
        lost: Counter[tuple[int, str]] = Counter()
        self._single_out(list(self.cohorts.of))
        stay = dict.fromkeys(wires)
        for queue in [queue for queue in self.wires if queue not in stay]:
            lost.update((entry.run, queue.name) for entry in self.entries.values() if queue.bit in entry.parts)
        for (run, name), n in lost.items():
            drop(instance, self.node.id, run, "removed", n, name)
            instance.order(Notice("dropped", self.node.id, run, {"place": name, "messages": n}))
        self._set_wires(wires)

    def _set_wires(self, wires: list[Queue]) -> None:
        """Give new wires a bit. Surviving wires keep theirs, bits freed now are not reused: existing join state stays valid."""
        known = dict.fromkeys(self.wires)
        taken = {queue.bit for queue in self.wires}
        free = (1 << i for i in range(len(wires) + len(self.wires)))
        for queue in wires:
            if queue not in known:
                queue.bit = next(bit for bit in free if bit not in taken)
        self.wires = list(wires)
        need = sum(queue.bit for queue in wires)
        self.fresh = Join("all" if self.node.join == "all" else "any", need, self.node.tolerate)
        for entry in self.entries.values():
            entry.narrow(self.fresh)
        for pills in self.pills.values():
            pills[:] = [bit for bit in pills if bit & need]  # another wire may get the bit of a removed wire
        self.names = [(queue.bit, orjson.dumps(name) + b":") for queue, name in zip(wires, part_names(wires), strict=True)]

    def complete(self, instance: MachineState) -> None:
        """Fire joins which a rewiring completed by removing the missing wire."""
        fired: list[Fired] = []
        for key, entry in self.entries.items():
            join = entry.join
            if join.kind == "all" and join.state == "open" and join.got == join.need and not join.pills:
                entry.state = "run"
                fired.append((key, entry))
        if fired:
            self._fire(instance, fired)

    # --- messages --------------------------------------------------------------------------------------------------------

    def take(self, instance: MachineState, wire: Queue, batch: Batch) -> None:
        """Take messages which arrive on a wire, none of a finished run: some wait, some fire, some are dropped."""
        if self._take_whole(instance, wire, batch):
            return
        keys = self._keys(instance, batch)
        if self.fresh.kind == "any":
            self._take_any(instance, wire, batch, keys)
        else:
            self._take_all(instance, wire, batch, keys)

    def _take_whole(self, instance: MachineState, wire: Queue, batch: Batch) -> bool:
        """Take a whole batch at once, if its runs arrived together on every wire so far. Return False if not."""
        if self.key is not None or self.fresh.kind == "any":
            return False
        runs, cohort = batch.runs or (batch.run,), None
        if batch.runs and not (batch.tagged or batch.buffers or instance.debugger.on or instance.journal is not None):
            cohort = self.cohorts.find(runs) or self._gather(runs)
        if cohort is None:
            self._single_out(runs)
        elif cohort.state != "open" or cohort.got & wire.bit:
            drop_all(instance, self.node.id, batch, "second")
        else:
            cohort.got |= wire.bit
            cohort.payloads[wire.bit] = batch.payload
            wire.parts += batch.n
            if cohort.got == self.fresh.need:
                self._send_on(instance, cohort.fire(self.names))
            self._limit(instance, wire, batch)
        return cohort is not None

    def _gather(self, runs: tuple[int, ...]) -> Cohort | None:
        """Return a new cohort, or None if the table has an entry or a pill of one of the runs."""
        if self.entries.keys().isdisjoint(runs) and self.pills.keys().isdisjoint(runs):
            return self.cohorts.open(runs)
        return None

    def _single_out(self, runs: Iterable[int]) -> None:
        """Dissolve the cohorts of the given runs into single entries."""
        if self.cohorts.of:
            for entry in self.cohorts.dissolve(runs, self.fresh):
                self.entries[entry.run] = entry
                self.keys[entry.run] = [entry.run]

    def _take_all(self, instance: MachineState, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
        heavy = batch.tagged or bool(batch.buffers) or instance.debugger.on
        parts: list[Any] = split(batch) if heavy else texts(batch.payload)
        fired: list[Fired] = []
        entries, bit, count = self.entries, wire.bit, 0
        drops: Drops = {}
        for i, key in enumerate(keys):
            entry = entries.get(key)
            if entry is None:
                if key is None:
                    continue
                entry = self._open(key, batch.run_of(i))
            before = entry.join if instance.journal is not None else None
            verdict = entry.add(bit)
            if verdict == "drop":
                _note_drop(drops, entry)
                continue
            if before is not None:
                self._note_part(instance, entry, before, wire)
            entry.parts[bit] = parts[i]
            count += 1
            if verdict == "run":
                fired.append((key, entry))
        wire.parts += count
        self._drop(instance, drops)
        if fired:
            self._fire(instance, fired)
        self._limit(instance, wire, batch)

    def _take_any(self, instance: MachineState, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
        parts: list[Batch] = []
        drops: Drops = {}
        for i, key in enumerate(keys):
            if key is None:
                continue
            entry = self.entries.get(key) or self._open(key, batch.run_of(i))
            join, verdict = arrive(entry.join, wire.bit, "message")
            if verdict == "drop":
                _note_drop(drops, entry, wire.bit)
                continue
            parts = parts or split(batch)
            if instance.journal is not None:
                self._note(instance, entry)
            entry.join = join
            self._let_in(instance, self.queues[wire.port], parts[i], key, entry)
        self._drop(instance, drops)

    def _drop(self, instance: MachineState, drops: Drops) -> None:
        for (run, reason), n in drops.items():
            drop(instance, self.node.id, run, reason, n)

    def _keys(self, instance: MachineState, batch: Batch) -> list[Hashable]:
        """Return the key of the join of each message, None for a message without a usable key."""
        runs: list[Hashable] = list(batch.runs) if batch.runs is not None else [batch.run] * batch.n
        if self.key is None:
            return runs
        keys = key_of(
            instance, instance.nodes[self.node.id], self.key, "key", batch, lambda run: drop(instance, self.node.id, run, "key")
        )
        return [None if key is None else (run, key) for run, key in zip(runs, keys, strict=True)]

    def _open(self, key: Hashable, run: int) -> Entry:
        entry = self.entries[key] = Entry(self.fresh, run)
        self.keys.setdefault(run, []).append(key)
        for bit in self.pills.get(run, ()):
            entry.join = arrive(entry.join, bit, "pill")[0]
        return entry

    # --- firing ----------------------------------------------------------------------------------------------------------

    def _fire(self, instance: MachineState, fired: list[Fired]) -> None:
        messages = [self._assemble(instance, key, entry) for key, entry in fired]
        for _, entry in fired:
            if instance.journal is not None:
                instance.note(partial(self._gather_again, entry, entry.parts))
            entry.parts = {}
        self._send_on(instance, merge(messages))

    def _send_on(self, instance: MachineState, batch: Batch) -> None:
        """Queue joined messages, one part of each wire per message, in front of the node."""
        for wire in self.wires:
            wire.parts -= batch.n
        account(instance, batch, 1)
        _enqueue(instance, next(iter(self.queues.values())), batch)

    def _assemble(self, instance: MachineState, key: Hashable, entry: Entry) -> Batch:
        """Return one message: an object of all parts by their names."""
        pieces: list[bytes] = []
        buffers: list[Buffer] = []
        tagged = False
        for bit, name in self.names:
            part = entry.parts[bit]
            if isinstance(part, bytes):
                pieces.append(name + part)
            else:
                assert isinstance(part, Batch)
                pieces.append(name + shift(part, len(buffers)))
                buffers.extend(part.buffers)
                tagged = tagged or part.tagged
        return single(
            b"{" + b",".join(pieces) + b"}",
            run=entry.run,
            id=self._id(key) if instance.debugger.on else None,
            tagged=tagged,
            buffers=tuple(buffers),
        )

    def _id(self, key: Hashable) -> str:
        """Return the message id, derived from the key: a join fires once for each key."""
        return derive(str(key), self.node.id, 0)

    def _let_in(self, instance: MachineState, queue: Queue, batch: Batch, key: Hashable, entry: Entry) -> None:
        """Queue the winner of an `any` join; a pill may still remove the message."""
        named = (
            batch
            if batch.ids or not instance.debugger.on
            else single(batch.payload[1:-1], run=batch.run, id=self._id(key), tagged=batch.tagged, buffers=batch.buffers)
        )
        item = TrackedMessage(named, entry=entry)
        entry.item = item
        account(instance, named, 1)
        queue.put_items([item])
        if instance.debugger.on:
            instance.debugger.note_put(queue, [item])
        instance.wake_node(instance.nodes[self.node.id])

    # --- pills -----------------------------------------------------------------------------------------------------------

    def pill(self, instance: MachineState, wire: Queue, run: int) -> bool:
        """Note the failure of a predecessor in this run. Return True if a join fails because of the pill."""
        self._single_out((run,))
        known, bit = self.pills.setdefault(run, []), wire.bit
        if not self.node.key and run not in self.entries:
            self._open(run, run)
        known.append(bit)
        instance.note(lambda: known.remove(bit) if bit in known else None)
        entries = [self.entries[key] for key in self.keys.get(run, [])]
        verdicts = [self._poison(instance, entry, wire) for entry in entries]
        return "fail" in verdicts or not entries

    def _poison(self, instance: MachineState, entry: Entry, wire: Queue) -> Verdict:
        join, verdict = arrive(entry.join, wire.bit, "pill")
        if instance.journal is not None:
            self._note(instance, entry)
        entry.join = join
        if verdict == "fail":
            for other in self.wires:
                other.parts -= other.bit in entry.parts
            if entry.parts:
                drop(instance, self.node.id, entry.run, "poisoned", len(entry.parts))
            entry.parts = {}
            if isinstance(entry.item, TrackedMessage):
                self._take_out(instance, entry.item)
        return verdict

    def _take_out(self, instance: MachineState, item: TrackedMessage) -> None:
        for queue in self.queues.values():
            if any(other is item for other in queue.items):
                queue.remove(item)
                roomier(instance, queue)
                account(instance, item.batch, -1)
                drop(instance, self.node.id, item.batch.run, "poisoned")
                instance.note(partial(queue.put_back, [item]))
                instance.debugger.recount()

    def forget(self, run: int) -> dict[int, int]:
        """Take out a finished run.

        Return the number of joins with parts left, by the wires (their bits) which had brought the parts.
        """
        shapes: dict[int, int] = {}
        if self.cohorts.leave(run):
            self._single_out((run,))
        for key in self.keys.pop(run, ()):
            entry = self.entries.pop(key)
            if entry.parts:
                got = sum(entry.parts)
                shapes[got] = shapes.get(got, 0) + 1
                for wire in self.wires:
                    wire.parts -= wire.bit in entry.parts
        self.pills.pop(run, None)
        return shapes

    # --- the rest --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _note_part(instance: MachineState, entry: Entry, before: Join, wire: Queue) -> None:
        """Note how to undo the arrival of one part, at the same cost for any number of wires."""

        def undo() -> None:
            entry.join = before
            wire.parts -= entry.parts.pop(wire.bit, None) is not None

        instance.note(undo)

    def _gather_again(self, entry: Entry, parts: dict[int, object]) -> None:
        """Restore the parts of a fired message."""
        entry.parts = parts
        for wire in self.wires:
            wire.parts += 1

    def _note(self, instance: MachineState, entry: Entry) -> None:
        join, parts, item = entry.join, dict(entry.parts), entry.item
        counts = [(queue, queue.parts) for queue in self.wires]

        def undo() -> None:
            entry.join, entry.parts, entry.item = join, parts, item
            for queue, count in counts:
                queue.parts = count

        instance.note(undo)

    def _limit(self, instance: MachineState, wire: Queue, batch: Batch) -> None:
        """Fail the runs if too many parts wait for another wire."""
        if wire.parts <= wire.max_n * CYCLE_FACTOR:
            return
        text = (
            f"join {self.node.id!r} holds {wire.parts} messages of wire {wire.name} that wait for another wire, "
            f"{CYCLE_FACTOR} times the limit of a wire: see why the other wire gives nothing, or raise the limit"
        )
        for run in dict.fromkeys(batch.runs or (batch.run,)):
            fail_run(instance, run, Failure(self.node.id, text, kind="overflow", run=run), at_once=True)


def _note_drop(drops: Drops, entry: Entry, winner: int = 0) -> None:
    """Count a message which a join has no use for; *winner* is its bit at an `any` join."""
    if entry.state == "failed" or (entry.pills and entry.state == "open"):
        reason = "poisoned"
    else:
        reason = "late" if winner and not entry.got & winner else "second"
    drops[entry.run, reason] = drops.get((entry.run, reason), 0) + 1


def _enqueue(instance: MachineState, queue: Queue, batch: Batch) -> None:
    from floe_jupyter.core.machine.delivery.calls import enqueue

    enqueue(instance, queue, batch)


def part_names(wires: list[Queue]) -> list[str]:
    """Return the names of a join's parts: the source node, with its port where the node alone is ambiguous."""
    sources = [(queue.wire.source, queue.wire.source_port, queue.wire.target_port) for queue in wires if queue.wire]
    of_node, of_port = Counter(source for source, _, _ in sources), Counter((source, port) for source, port, _ in sources)
    names = []
    for source, port, target in sources:
        name = source if port == "out" and of_node[source] == 1 else f"{source}.{port}"
        names.append(f"{name}>{target}" if of_port[source, port] > 1 else name)
    return names
