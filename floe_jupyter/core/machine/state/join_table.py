"""Joins of one node: decisions and waiting parts, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import orjson

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.joins.cohorts import Cohort, Cohorts
from floe_jupyter.core.machine.joins.rules import Entry, Join, arrive
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.messages import derive

if TYPE_CHECKING:
    from floe_jupyter.core.expressions.language import Expression


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
        self.set_wires(wires)

    def set_wires(self, wires: list[Queue]) -> None:
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

    def single_out(self, runs: Iterable[int]) -> None:
        """Dissolve the cohorts of the given runs into single entries."""
        if self.cohorts.of:
            for entry in self.cohorts.dissolve(runs, self.fresh):
                self.entries[entry.run] = entry
                self.keys[entry.run] = [entry.run]

    def gather(self, runs: tuple[int, ...]) -> Cohort | None:
        """Return a new cohort, or None if the table has an entry or a pill of one of the runs."""
        if self.entries.keys().isdisjoint(runs) and self.pills.keys().isdisjoint(runs):
            return self.cohorts.open(runs)
        return None

    def open(self, key: Hashable, run: int) -> Entry:
        """Open the join of a key; pills of the run that came before count at once."""
        entry = self.entries[key] = Entry(self.fresh, run)
        self.keys.setdefault(run, []).append(key)
        for bit in self.pills.get(run, ()):
            entry.join = arrive(entry.join, bit, "pill")[0]
        return entry

    def forget(self, run: int) -> dict[int, int]:
        """Take out a finished run.

        Return the number of joins with parts left, by the wires (their bits) which had brought the parts.
        """
        shapes: dict[int, int] = {}
        if self.cohorts.leave(run):
            self.single_out((run,))
        for key in self.keys.pop(run, ()):
            entry = self.entries.pop(key)
            if entry.parts:
                got = sum(entry.parts)
                shapes[got] = shapes.get(got, 0) + 1
                for wire in self.wires:
                    wire.parts -= wire.bit in entry.parts
        self.pills.pop(run, None)
        return shapes

    def id_of(self, key: Hashable) -> str:
        """Return the message id, derived from the key: a join fires once for each key."""
        return derive(str(key), self.node.id, 0)

    def gather_again(self, entry: Entry, parts: dict[int, object]) -> None:
        """Restore the parts of a fired message."""
        entry.parts = parts
        for wire in self.wires:
            wire.parts += 1


def part_names(wires: list[Queue]) -> list[str]:
    """Return the names of a join's parts: the source node, with its port where the node alone is ambiguous."""
    sources = [(queue.wire.source, queue.wire.source_port, queue.wire.target_port) for queue in wires if queue.wire]
    of_node, of_port = Counter(source for source, _, _ in sources), Counter((source, port) for source, port, _ in sources)
    names = []
    for source, port, target in sources:
        name = source if port == "out" and of_node[source] == 1 else f"{source}.{port}"
        names.append(f"{name}>{target}" if of_port[source, port] > 1 else name)
    return names
