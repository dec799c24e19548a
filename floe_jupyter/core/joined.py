"""Joins in a running flow: what waits, what fires, and the pills of failed predecessors.

What a join lets through waits in a queue of its own in front of the node, so that breakpoints and steps see the message as
the module gets it. Its parts are not in flight: a run in which only parts are left is over.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from floe_jupyter.core.cohorts import Cohorts
from floe_jupyter.core.events import Failure
from floe_jupyter.core.joins import Entry, Join, Verdict, arrive
from floe_jupyter.core.keys import key_of
from floe_jupyter.core.messages import Batch, Buffer, derive, merge, single, split, texts
from floe_jupyter.core.model import CYCLE_FACTOR, Node
from floe_jupyter.core.queues import Item, Queue
from floe_jupyter.core.runs import account, fail_run, roomier
from floe_jupyter.core.tags import shift

if TYPE_CHECKING:
    from floe_jupyter.core.cohorts import Cohort
    from floe_jupyter.core.expressions import Expression
    from floe_jupyter.core.instance import Instance, NodeState

Fired = tuple[Hashable, Entry]


class JoinTable:
    """All joins of one node: one a run, or one a value of its key."""

    def __init__(self, node: Node, wires: list[Queue], queues: dict[str, Queue]) -> None:
        self.node = node
        self.queues = queues
        """What fired, by port."""
        self.wires: list[Queue] = []
        self.entries: dict[Hashable, Entry] = {}
        self.keys: dict[int, list[Hashable]] = {}
        """The keys of each run."""
        self.cohorts = Cohorts()
        """Runs that come together: no entry is of one of them."""
        self.pills: dict[int, list[int]] = {}
        """The wires that brought a pill of each run, for the keys still to come."""
        self.fresh = Join("any", 0)
        self.key: Expression | None = None
        if node.key:
            from floe_jupyter.core.expressions import compile_expression
            self.key = compile_expression(node.key)
        self.rewire(wires)

    def rewire(self, wires: list[Queue]) -> None:
        """Wires that stay keep their bit, and none gets that of one that goes, so that what was counted stays right."""
        taken = {queue.bit for queue in self.wires}
        free = (1 << i for i in range(len(wires) + len(self.wires)))
        for queue in wires:
            if queue not in self.wires:
                queue.bit = next(bit for bit in free if bit not in taken)
        self._single_out(list(self.cohorts.of))
        self.wires = list(wires)
        need = sum(queue.bit for queue in wires)
        self.fresh = Join("all" if self.node.join == "all" else "any", need, self.node.tolerate)
        for entry in self.entries.values():
            entry.narrow(self.fresh)
        for pills in self.pills.values():
            pills[:] = [bit for bit in pills if bit & need]  # another wire may get the bit of one that is gone
        self.names = [(queue.bit, orjson.dumps(name) + b":") for queue, name in zip(wires, part_names(wires), strict=True)]

    def complete(self, instance: Instance) -> None:
        """Fire what a rewiring completed: the wire that was missing is gone."""
        fired: list[Fired] = []
        for key, entry in self.entries.items():
            join = entry.join
            if join.kind == "all" and join.state == "open" and join.got == join.need and not join.pills:
                entry.state = "run"
                fired.append((key, entry))
        if fired:
            self._fire(instance, fired)

    # --- messages --------------------------------------------------------------------------------------------------------

    def take(self, instance: Instance, wire: Queue, batch: Batch) -> None:
        """Messages arrive on a wire, none of a run that is over: some wait, some fire, some are dropped."""
        if self._take_whole(instance, wire, batch):
            return
        keys = self._keys(instance, batch)
        if self.fresh.kind == "any":
            self._take_any(instance, wire, batch, keys)
        else:
            self._take_all(instance, wire, batch, keys)

    def _take_whole(self, instance: Instance, wire: Queue, batch: Batch) -> bool:
        """Take all of them as one, if they came together on every wire so far."""
        if self.key is not None or self.fresh.kind == "any":
            return False
        runs, cohort = batch.runs or (batch.run,), None
        if batch.runs and not (batch.tagged or batch.buffers or instance.debugger.on or instance.journal is not None):
            cohort = self.cohorts.find(runs) or self._gather(runs)
        if cohort is None:
            self._single_out(runs)
        elif cohort.state == "open" and not cohort.got & wire.bit:
            cohort.got |= wire.bit
            cohort.payloads[wire.bit] = batch.payload
            wire.parts += batch.n
            if cohort.got == self.fresh.need:
                self._send_on(instance, cohort.fire(self.names))
            self._limit(instance, wire, batch)
        return cohort is not None

    def _gather(self, runs: tuple[int, ...]) -> Cohort | None:
        """A new cohort, unless something is known of one of the runs."""
        if self.entries.keys().isdisjoint(runs) and self.pills.keys().isdisjoint(runs):
            return self.cohorts.open(runs)
        return None

    def _single_out(self, runs: Iterable[int]) -> None:
        """They go ways of their own from here."""
        if self.cohorts.of:
            for entry in self.cohorts.dissolve(runs, self.fresh):
                self.entries[entry.run] = entry
                self.keys[entry.run] = [entry.run]

    def _take_all(self, instance: Instance, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
        heavy = batch.tagged or bool(batch.buffers) or instance.debugger.on
        parts: list[Any] = split(batch) if heavy else texts(batch.payload)
        fired: list[Fired] = []
        entries, bit, count = self.entries, wire.bit, 0
        for i, key in enumerate(keys):
            entry = entries.get(key)
            if entry is None:
                if key is None:
                    continue
                entry = self._open(key, batch.run_of(i))
            if instance.journal is not None:
                self._note(instance, entry)
            verdict = entry.add(bit)
            if verdict == "drop":
                continue
            entry.parts[bit] = parts[i]
            count += 1
            if verdict == "run":
                fired.append((key, entry))
        wire.parts += count
        if fired:
            self._fire(instance, fired)
        self._limit(instance, wire, batch)

    def _take_any(self, instance: Instance, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
        parts: list[Batch] = []
        for i, key in enumerate(keys):
            if key is None:
                continue
            entry = self.entries.get(key) or self._open(key, batch.run_of(i))
            join, verdict = arrive(entry.join, wire.bit, "message")
            if verdict == "drop":
                continue
            parts = parts or split(batch)
            if instance.journal is not None:
                self._note(instance, entry)
            entry.join = join
            self._let_in(instance, self.queues[wire.port], parts[i], key, entry)

    def _keys(self, instance: Instance, batch: Batch) -> list[Hashable]:
        """What tells the joins of these messages apart."""
        runs: list[Hashable] = list(batch.runs) if batch.runs is not None else [batch.run] * batch.n
        if self.key is None:
            return runs
        keys = key_of(instance, instance.nodes[self.node.id], self.key, "key", batch)
        return [None if key is None else (run, key) for run, key in zip(runs, keys, strict=True)]

    def _open(self, key: Hashable, run: int) -> Entry:
        entry = self.entries[key] = Entry(self.fresh, run)
        self.keys.setdefault(run, []).append(key)
        for bit in self.pills.get(run, ()):
            entry.join = arrive(entry.join, bit, "pill")[0]
        return entry

    # --- firing ----------------------------------------------------------------------------------------------------------

    def _fire(self, instance: Instance, fired: list[Fired]) -> None:
        messages = [self._assemble(instance, key, entry) for key, entry in fired]
        for _, entry in fired:
            entry.parts = {}
        self._send_on(instance, merge(messages))

    def _send_on(self, instance: Instance, batch: Batch) -> None:
        """Messages of all wires' parts, one of each: they wait in front of the node."""
        for wire in self.wires:
            wire.parts -= batch.n
        account(instance, batch, 1)
        _enqueue(instance, next(iter(self.queues.values())), batch)

    def _assemble(self, instance: Instance, key: Hashable, entry: Entry) -> Batch:
        """One message: an object of all parts by the names of where they come from."""
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
        return single(b"{" + b",".join(pieces) + b"}", run=entry.run, id=self._id(key) if instance.debugger.on else None,
                      tagged=tagged, buffers=tuple(buffers))

    def _id(self, key: Hashable) -> str:
        """A join fires once for its key, so that names the message."""
        return derive(str(key), self.node.id, 0)

    def _let_in(self, instance: Instance, queue: Queue, batch: Batch, key: Hashable, entry: Entry) -> None:
        """The winner of an `any` join; a pill may still take it out."""
        named = batch if batch.ids or not instance.debugger.on else single(
            batch.payload[1:-1], run=batch.run, id=self._id(key), tagged=batch.tagged, buffers=batch.buffers)
        item = Item(named, entry=entry)
        entry.item = item
        account(instance, named, 1)
        queue.put_items([item])
        if instance.debugger.on:
            instance.debugger.note_put(queue, [item])
        instance.wake_node(instance.nodes[self.node.id])

    # --- pills -----------------------------------------------------------------------------------------------------------

    def pill(self, instance: Instance, wire: Queue, run: int) -> bool:
        """A predecessor failed in this run; True if a join fails for that."""
        self._single_out((run,))
        known, bit = self.pills.setdefault(run, []), wire.bit
        if not self.node.key and run not in self.entries:
            self._open(run, run)
        known.append(bit)
        instance.note(lambda: known.remove(bit) if bit in known else None)
        entries = [self.entries[key] for key in self.keys.get(run, [])]
        verdicts = [self._poison(instance, entry, wire) for entry in entries]
        return "fail" in verdicts or not entries

    def _poison(self, instance: Instance, entry: Entry, wire: Queue) -> Verdict:
        join, verdict = arrive(entry.join, wire.bit, "pill")
        if instance.journal is not None:
            self._note(instance, entry)
        entry.join = join
        if verdict == "fail":
            for other in self.wires:
                other.parts -= other.bit in entry.parts
            entry.parts = {}
            if isinstance(entry.item, Item):
                self._take_out(instance, entry.item)
        return verdict

    def _take_out(self, instance: Instance, item: Item) -> None:
        for queue in self.queues.values():
            if any(other is item for other in queue.items):
                queue.remove(item)
                roomier(instance, queue)
                account(instance, item.batch, -1)
                instance.note(partial(queue.put_back, [item]))
                instance.debugger.recount()

    def forget(self, run: int) -> None:
        """The run is over."""
        if self.cohorts.leave(run):
            self._single_out((run,))
        for key in self.keys.pop(run, ()):
            entry = self.entries.pop(key)
            if entry.parts:
                for wire in self.wires:
                    wire.parts -= wire.bit in entry.parts
        self.pills.pop(run, None)

    # --- the rest --------------------------------------------------------------------------------------------------------

    def _note(self, instance: Instance, entry: Entry) -> None:
        join, parts, item = entry.join, dict(entry.parts), entry.item
        counts = [(queue, queue.parts) for queue in self.wires]

        def undo() -> None:
            entry.join, entry.parts, entry.item = join, parts, item
            for queue, count in counts:
                queue.parts = count

        instance.note(undo)

    def _limit(self, instance: Instance, wire: Queue, batch: Batch) -> None:
        """Too much waits for another wire: the runs fail."""
        if wire.parts <= wire.max_n * CYCLE_FACTOR:
            return
        text = (f"join {self.node.id!r} holds {wire.parts} messages of wire {wire.name} that wait for another wire, "
                f"{CYCLE_FACTOR} times the limit of a wire: see why the other wire gives nothing, or raise the limit")
        for run in dict.fromkeys(batch.runs or (batch.run,)):
            fail_run(instance, run, Failure(self.node.id, text, kind="overflow", run=run), at_once=True)


def _enqueue(instance: Instance, queue: Queue, batch: Batch) -> None:
    from floe_jupyter.core.delivery import enqueue
    enqueue(instance, queue, batch)


def part_names(wires: list[Queue]) -> list[str]:
    """The names of a join's parts: the source node; with its port where that is needed to tell them apart."""
    sources = [(queue.wire.source, queue.wire.source_port, queue.wire.target_port) for queue in wires if queue.wire]
    names = []
    for source, port, target in sources:
        same = [other for other in sources if other[0] == source]
        twice = [other for other in same if other[1] == port]
        name = source if port == "out" and len(same) == 1 else f"{source}.{port}"
        names.append(f"{name}>{target}" if len(twice) > 1 else name)
    return names


def spread(instance: Instance, node: NodeState, number: int) -> None:
    """Tell the joins behind a node that failed in a run; pills pass through other nodes, once each, and so die out in cycles."""
    run = instance.runs.get(number)
    pending = [node] if run is not None else []
    while pending and run is not None:
        current = pending.pop(0)
        if current.id in run.pilled:
            continue
        run.pilled.add(current.id)
        pilled, name = run.pilled, current.id
        instance.note(lambda pilled=pilled, name=name: pilled.discard(name))  # type: ignore[misc]
        for port, queues in current.outs.items():
            if port != "error":
                pending.extend(_pilled(instance, queues, number))


def _pilled(instance: Instance, queues: list[Queue], number: int) -> list[NodeState]:
    targets = []
    for queue in queues:
        target = instance.nodes[queue.target]
        if target.joins is None or target.joins.pill(instance, queue, number):
            targets.append(target)
    return targets
