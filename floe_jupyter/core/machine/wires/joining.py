"""Joins in a running flow: the waiting parts, and the messages to fire.

A fired message waits in a separate queue in front of the node, so breakpoints and steps see the message as the module gets it.
The parts are not in flight: a run with only parts left is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

from floe_jupyter.core.flow.model import CYCLE_FACTOR
from floe_jupyter.core.machine.events import Failure, Notice
from floe_jupyter.core.machine.joins.rules import Entry, arrive
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.unprocessed import drop, drop_all
from floe_jupyter.core.machine.wires.firing import Fired, fire, let_in, send_on
from floe_jupyter.core.machine.wires.join_undo import note_entry, note_part
from floe_jupyter.core.machine.wires.keys import key_of
from floe_jupyter.core.messages import Batch, split, texts

Drops = dict[tuple[int, str], int]
"""Number of messages by (run, reason)."""


def rewire_join(instance: MachineState, table: JoinTable, wires: list[Queue]) -> None:
    """Take the wires of a new version of the flow, and drop parts of removed wires."""
    lost: Counter[tuple[int, str]] = Counter()
    table.single_out(list(table.cohorts.of))
    stay = dict.fromkeys(wires)
    for queue in [queue for queue in table.wires if queue not in stay]:
        lost.update((entry.run, queue.name) for entry in table.entries.values() if queue.bit in entry.parts)
    for (run, name), n in lost.items():
        drop(instance, table.node.id, run, "removed", n, name)
        instance.order(Notice("dropped", table.node.id, run, {"place": name, "messages": n}))
    table.set_wires(wires)


def complete_joins(instance: MachineState, table: JoinTable) -> None:
    """Fire joins which a rewiring completed by removing the missing wire."""
    fired: list[Fired] = []
    for key, entry in table.entries.items():
        join = entry.join
        if join.kind == "all" and join.state == "open" and join.got == join.need and not join.pills:
            entry.state = "run"
            fired.append((key, entry))
    if fired:
        fire(instance, table, fired)


def take(instance: MachineState, table: JoinTable, wire: Queue, batch: Batch) -> None:
    """Take messages which arrive on a wire, none of a finished run: some wait, some fire, some are dropped."""
    if _take_whole(instance, table, wire, batch):
        return
    keys = _keys(instance, table, batch)
    if table.fresh.kind == "any":
        _take_any(instance, table, wire, batch, keys)
    else:
        _take_all(instance, table, wire, batch, keys)


def _take_whole(instance: MachineState, table: JoinTable, wire: Queue, batch: Batch) -> bool:
    """Take a whole batch at once, if its runs arrived together on every wire so far. Return False if not."""
    if table.key is not None or table.fresh.kind == "any":
        return False
    runs, cohort = batch.runs or (batch.run,), None
    if batch.runs and not (batch.tagged or batch.buffers or instance.debugger.on or instance.journal is not None):
        cohort = table.cohorts.find(runs) or table.gather(runs)
    if cohort is None:
        table.single_out(runs)
    elif cohort.state != "open" or cohort.got & wire.bit:
        drop_all(instance, table.node.id, batch, "second")
    else:
        cohort.got |= wire.bit
        cohort.payloads[wire.bit] = batch.payload
        wire.parts += batch.n
        if cohort.got == table.fresh.need:
            send_on(instance, table, cohort.fire(table.names))
        _limit(instance, table, wire, batch)
    return cohort is not None


def _take_all(instance: MachineState, table: JoinTable, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
    heavy = batch.tagged or bool(batch.buffers) or instance.debugger.on
    parts: list[Any] = split(batch) if heavy else texts(batch.payload)
    fired: list[Fired] = []
    entries, bit, count = table.entries, wire.bit, 0
    drops: Drops = {}
    for i, key in enumerate(keys):
        entry = entries.get(key)
        if entry is None:
            if key is None:
                continue
            entry = table.open(key, batch.run_of(i))
        before = entry.join if instance.journal is not None else None
        verdict = entry.add(bit)
        if verdict == "drop":
            _note_drop(drops, entry)
            continue
        if before is not None:
            note_part(instance, entry, before, wire)
        entry.parts[bit] = parts[i]
        count += 1
        if verdict == "run":
            fired.append((key, entry))
    wire.parts += count
    _drop(instance, table, drops)
    if fired:
        fire(instance, table, fired)
    _limit(instance, table, wire, batch)


def _take_any(instance: MachineState, table: JoinTable, wire: Queue, batch: Batch, keys: list[Hashable]) -> None:
    parts: list[Batch] = []
    drops: Drops = {}
    for i, key in enumerate(keys):
        if key is None:
            continue
        entry = table.entries.get(key) or table.open(key, batch.run_of(i))
        join, verdict = arrive(entry.join, wire.bit, "message")
        if verdict == "drop":
            _note_drop(drops, entry, wire.bit)
            continue
        parts = parts or split(batch)
        if instance.journal is not None:
            note_entry(instance, table, entry)
        entry.join = join
        let_in(instance, table, table.queues[wire.port], parts[i], key, entry)
    _drop(instance, table, drops)


def _drop(instance: MachineState, table: JoinTable, drops: Drops) -> None:
    for (run, reason), n in drops.items():
        drop(instance, table.node.id, run, reason, n)


def _keys(instance: MachineState, table: JoinTable, batch: Batch) -> list[Hashable]:
    """Return the key of the join of each message, None for a message without a usable key."""
    runs: list[Hashable] = list(batch.runs) if batch.runs is not None else [batch.run] * batch.n
    if table.key is None:
        return runs
    keys = key_of(
        instance, instance.nodes[table.node.id], table.key, "key", batch, lambda run: drop(instance, table.node.id, run, "key")
    )
    return [None if key is None else (run, key) for run, key in zip(runs, keys, strict=True)]


def _limit(instance: MachineState, table: JoinTable, wire: Queue, batch: Batch) -> None:
    """Fail the runs if too many parts wait for another wire."""
    if wire.parts <= wire.max_n * CYCLE_FACTOR:
        return
    text = (
        f"join {table.node.id!r} holds {wire.parts} messages of wire {wire.name} that wait for another wire, "
        f"{CYCLE_FACTOR} times the limit of a wire: see why the other wire gives nothing, or raise the limit"
    )
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        fail_run(instance, run, Failure(table.node.id, text, kind="overflow", run=run), at_once=True)


def _note_drop(drops: Drops, entry: Entry, winner: int = 0) -> None:
    """Count a message which a join has no use for; *winner* is its bit at an `any` join."""
    if entry.state == "failed" or (entry.pills and entry.state == "open"):
        reason = "poisoned"
    else:
        reason = "late" if winner and not entry.got & winner else "second"
    drops[entry.run, reason] = drops.get((entry.run, reason), 0) + 1
