"""Edits of single waiting messages: edit, drop, duplicate, retry."""

from __future__ import annotations

from floe_jupyter.core.machine import suspects
from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.debugging.holding import put_back, recount_held
from floe_jupyter.core.machine.debugging.recording import note_put
from floe_jupyter.core.machine.events import Drop, Duplicate, Edit, Reply, Retry, Step, Undrop
from floe_jupyter.core.machine.room import announce_room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.recorder import Dropped
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.unprocessed import drop as count_dropped
from floe_jupyter.core.machine.views import find_waiting
from floe_jupyter.core.machine.wires.outbox import let_through
from floe_jupyter.core.messages import derive, plain_text, single
from floe_jupyter.errors import DefinitionError, unknown

DROPPED, DROPPED_BYTES = 50, 16 * 1024 * 1024
"""Maximum number of dropped messages which can be put back, and maximum bytes of all; a larger message is kept alone."""


def edit(instance: MachineState, event: Edit) -> None:
    """Replace the value of a waiting message."""
    text = plain_text(event.text)
    item, queue = _find(instance, event.id)
    old = item.batch
    item.batch = single(text, run=old.run, id=item.id, tagged=event.tagged, buffers=old.buffers if event.tagged else ())
    if queue is not None:
        queue.resize(item.batch.size - old.size)
    instance.order(Reply(event.token))


def _find(instance: MachineState, prefix: str) -> tuple[TrackedMessage, Queue | None]:
    """Return a message in front of a node, or held behind one."""
    behind = _behind(instance, prefix)
    if behind is not None:
        return behind[1], None
    _, queue, item = find_waiting(instance, prefix)
    return item, queue


def _behind(instance: MachineState, prefix: str) -> tuple[NodeState, TrackedMessage, int] | None:
    for node in instance.nodes.values():
        for i, (_, item) in enumerate(node.outbox):
            if prefix and item.id.startswith(prefix.partition("@")[0]):
                return node, item, i
    return None


def drop(instance: MachineState, event: Drop) -> None:
    """Drop a message in front of a node or behind one."""
    behind = _behind(instance, event.id)
    if behind is not None:
        node, item, place = behind
        name = f"output {node.id}.{node.outbox[place][0]}"
        del node.outbox[place]
    else:
        node, queue, item = find_waiting(instance, event.id)
        name = f"node {node.id}"
        was_full, ahead = queue.full, queue.ahead_of(item)
        queue.remove(item)
        _keep(instance, node, Dropped(queue, item, ahead))
        suspects.recount(instance)
        if was_full:
            announce_room(instance, queue)
    instance.journal = item.undo
    account(instance, item.batch, -1)
    count_dropped(instance, node.id, item.batch.run, "hand", name=name)
    instance.journal = None
    let_through(instance, node)
    recount_held(instance)
    instance.order(Reply(event.token))


def _keep(instance: MachineState, node: NodeState, gone: Dropped) -> None:
    """Keep a dropped message for `undrop`, until the step which made the message is undone."""
    dropped, name = instance.debugger.dropped, f"{gone.item.id}@{node.id}"
    dropped.pop(name, None)
    dropped[name] = gone
    while len(dropped) > DROPPED or (len(dropped) > 1 and _bytes(dropped) > DROPPED_BYTES):
        del dropped[next(iter(dropped))]
    if gone.item.undo is not None:
        gone.item.undo.append(lambda: _forget(instance, name))


def _bytes(dropped: dict[str, Dropped]) -> int:
    return sum(gone.item.batch.size for gone in dropped.values())


def _forget(instance: MachineState, name: str) -> None:
    instance.debugger.dropped.pop(name, None)


def undrop(instance: MachineState, event: Undrop) -> None:
    """Put a dropped message back at its old position. Raises DefinitionError where this is not possible."""
    debugger = instance.debugger
    name = event.id or next(reversed(debugger.dropped), "")
    if not debugger.on:
        raise DefinitionError("debugging is off, and other messages may have passed the place of this one; inject its value anew")
    if name not in debugger.dropped:
        raise unknown("dropped message", name, debugger.dropped)
    queue, item, ahead = debugger.dropped[name]
    node = _place(instance, queue, item)
    del debugger.dropped[name]
    instance.journal = item.undo
    queue.put_back_behind(ahead, item)
    account(instance, item.batch, 1)
    count_dropped(instance, node.id, item.batch.run, "hand", -1, f"node {node.id}")
    instance.journal = None
    if item.suspect:
        instance.suspects = suspects.count(instance)
        instance.review_routes()
    recount_held(instance)
    instance.wake_node(node)
    instance.order(Reply(event.token))


def _place(instance: MachineState, queue: Queue, item: TrackedMessage) -> NodeState:
    """Return the node for the message to be put back.

    Raises `DefinitionError` if an order would break, or no node would take the message.
    """
    node, run = instance.nodes.get(queue.target), instance.runs.get(item.batch.run)
    if run is None or run.ending_as:
        raise DefinitionError(f"run {item.batch.run} of message {item.id} is over; fork the message, or inject its value anew")
    if node is None or not any(queue is other for other in node.inputs):
        raise DefinitionError(f"the flow was defined anew without the place of message {item.id}; inject its value anew")
    if queue.routed:
        raise DefinitionError(f"others pass the place of message {item.id} inside a runtime; inject its value anew")
    return node


def duplicate(instance: MachineState, event: Duplicate) -> None:
    """Put a copy right behind its original, under a new id, and held as the original is."""
    _, queue, item = find_waiting(instance, event.id)
    debugger = instance.debugger
    debugger.copies += 1
    batch = item.batch
    copy = TrackedMessage(
        single(
            batch.payload[1:-1],
            run=batch.run,
            id=derive(item.id, "copy", debugger.copies),
            tagged=batch.tagged,
            buffers=batch.buffers,
        )
    )
    copy.held, copy.breakpoint, copy.failure = item.held, item.breakpoint, item.failure
    instance.journal = item.undo
    queue.insert_behind(item, copy)
    recount_held(instance)
    account(instance, copy.batch, 1)
    note_put(instance, queue, [copy])
    instance.journal = None
    instance.order(Reply(event.token, {"id": copy.id}))


def retry(instance: MachineState, event: Retry) -> None:
    """Try a failed message again: a held message at its position, a dead letter at the head of its wire."""
    letter = next((name for name in instance.dead if event.id and name.startswith(event.id)), None)
    if letter is not None:
        node, item = _raise_up(instance, letter)
    else:
        node, _, item = find_waiting(instance, event.id)
    item.attempts = item.crashes = 0
    item.held, item.breakpoint, item.failure, item.passed, item.due = "", "", None, True, 0.0
    instance.debugger.recorder.undone.pop((node.id, item.id), None)
    recount_held(instance)
    instance.wake_node(node)
    if instance.debugger.paused:
        instance.debugger.requests.append(Step(message=f"{item.id}@{node.id}", token=event.token))
    else:
        instance.order(Reply(event.token))


def _raise_up(instance: MachineState, letter: str) -> tuple[NodeState, TrackedMessage]:
    item, queue, failure = instance.dead[letter]
    run = instance.runs.get(item.batch.run)
    if run is None:
        raise DefinitionError(f"run {item.batch.run} of message {letter} is over; fork the message, or inject its value anew")
    del instance.dead[letter]
    node = instance.nodes[queue.target]
    instance.take(node, -1)  # the message waits again and is not over
    run.failures = [other for other in run.failures if other != failure]
    account(instance, item.batch, 1)
    put_back(queue, item)
    return node, item
