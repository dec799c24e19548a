"""Poison pills: notes to the joins behind a failed node, so the joins do not wait for messages which will not come."""

from __future__ import annotations

from collections import deque
from functools import partial

from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.debugging.holding import recount_held
from floe_jupyter.core.machine.joins.rules import Entry, Verdict, arrive
from floe_jupyter.core.machine.room import announce_room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.unprocessed import drop
from floe_jupyter.core.machine.wires.join_undo import note_entry


def send_pills(instance: MachineState, node: NodeState, number: int) -> None:
    """Tell the joins behind a node of its failure in a run.

    Pills pass through other nodes, once through each, and therefore die out in cycles.
    """
    run = instance.runs.get(number)
    pending = deque([node] if run is not None else [])
    while pending and run is not None:
        current = pending.popleft()
        if current.id in run.pilled:
            continue
        run.pilled.add(current.id)
        pilled, name = run.pilled, current.id
        instance.note(lambda pilled=pilled, name=name: pilled.discard(name))  # type: ignore[misc]
        for port, queues in current.outs.items():
            if port != "error":
                pending.extend(_pilled(instance, queues, number))


def _pilled(instance: MachineState, queues: list[Queue], number: int) -> list[NodeState]:
    targets = []
    for queue in queues:
        target = instance.nodes[queue.target]
        if target.joins is None or pill(instance, target.joins, queue, number):
            targets.append(target)
    return targets


def pill(instance: MachineState, table: JoinTable, wire: Queue, run: int) -> bool:
    """Note the failure of a predecessor in this run. Return True if a join fails because of the pill."""
    table.single_out((run,))
    known, bit = table.pills.setdefault(run, []), wire.bit
    if not table.node.key and run not in table.entries:
        table.open(run, run)
    known.append(bit)
    instance.note(lambda: known.remove(bit) if bit in known else None)
    entries = [table.entries[key] for key in table.keys.get(run, [])]
    verdicts = [_poison(instance, table, entry, wire) for entry in entries]
    return "fail" in verdicts or not entries


def _poison(instance: MachineState, table: JoinTable, entry: Entry, wire: Queue) -> Verdict:
    join, verdict = arrive(entry.join, wire.bit, "pill")
    if instance.journal is not None:
        note_entry(instance, table, entry)
    entry.join = join
    if verdict == "fail":
        for other in table.wires:
            other.parts -= other.bit in entry.parts
        if entry.parts:
            drop(instance, table.node.id, entry.run, "poisoned", len(entry.parts))
        entry.parts = {}
        if isinstance(entry.item, TrackedMessage):
            _take_out(instance, table, entry.item)
    return verdict


def _take_out(instance: MachineState, table: JoinTable, item: TrackedMessage) -> None:
    for queue in table.queues.values():
        if any(other is item for other in queue.items):
            queue.remove(item)
            announce_room(instance, queue)
            account(instance, item.batch, -1)
            drop(instance, table.node.id, item.batch.run, "poisoned")
            instance.note(partial(queue.put_back, [item]))
            recount_held(instance)
