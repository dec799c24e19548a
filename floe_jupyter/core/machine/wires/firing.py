"""Firing of joins: one message of all parts, or the first message of an `any` join, in front of the node."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.debugging.recording import note_put
from floe_jupyter.core.machine.joins.rules import Entry
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.wires.queueing import enqueue
from floe_jupyter.core.messages import Batch, Buffer, merge, single
from floe_jupyter.core.tags import shift

Fired = tuple[Hashable, Entry]


def fire(instance: MachineState, table: JoinTable, fired: list[Fired]) -> None:
    """Send on the messages of complete joins, in their order."""
    messages = [_assemble(instance, table, key, entry) for key, entry in fired]
    for _, entry in fired:
        if instance.journal is not None:
            instance.note(partial(table.gather_again, entry, entry.parts))
        entry.parts = {}
    send_on(instance, table, merge(messages))


def send_on(instance: MachineState, table: JoinTable, batch: Batch) -> None:
    """Queue joined messages, one part of each wire per message, in front of the node."""
    for wire in table.wires:
        wire.parts -= batch.n
    account(instance, batch, 1)
    enqueue(instance, next(iter(table.queues.values())), batch)


def _assemble(instance: MachineState, table: JoinTable, key: Hashable, entry: Entry) -> Batch:
    """Return one message: an object of all parts by their names."""
    pieces: list[bytes] = []
    buffers: list[Buffer] = []
    tagged = False
    for bit, name in table.names:
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
        id=table.id_of(key) if instance.debugger.on else None,
        tagged=tagged,
        buffers=tuple(buffers),
    )


def let_in(instance: MachineState, table: JoinTable, queue: Queue, batch: Batch, key: Hashable, entry: Entry) -> None:
    """Queue the winner of an `any` join; a pill may still remove the message."""
    named = (
        batch
        if batch.ids or not instance.debugger.on
        else single(batch.payload[1:-1], run=batch.run, id=table.id_of(key), tagged=batch.tagged, buffers=batch.buffers)
    )
    item = TrackedMessage(named, entry=entry)
    entry.item = item
    account(instance, named, 1)
    queue.put_items([item])
    if instance.debugger.on:
        note_put(instance, queue, [item])
    instance.wake_node(instance.nodes[table.node.id])
