"""Undoing of what happened in a join during a recorded step."""

from __future__ import annotations

from floe_jupyter.core.machine.joins.rules import Entry, Join
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue


def note_part(instance: MachineState, entry: Entry, before: Join, wire: Queue) -> None:
    """Note how to undo the arrival of one part, at the same cost for any number of wires."""

    def undo() -> None:
        entry.join = before
        wire.parts -= entry.parts.pop(wire.bit, None) is not None

    instance.note(undo)


def note_entry(instance: MachineState, table: JoinTable, entry: Entry) -> None:
    """Note how to restore a join as it is now."""
    join, parts, item = entry.join, dict(entry.parts), entry.item
    counts = [(queue, queue.parts) for queue in table.wires]

    def undo() -> None:
        entry.join, entry.parts, entry.item = join, parts, item
        for queue, count in counts:
            queue.parts = count

    instance.note(undo)
