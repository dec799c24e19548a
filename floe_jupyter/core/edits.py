"""What people do to single messages that wait: edit, drop, duplicate, retry."""

from __future__ import annotations

from floe_jupyter.core import quarantine
from floe_jupyter.core.debugger import put_back
from floe_jupyter.core.events import Drop, Duplicate, Edit, Reply, Retry, Step
from floe_jupyter.core.instance import Instance, NodeState
from floe_jupyter.core.messages import derive, plain_text, single
from floe_jupyter.core.queues import Item, Queue
from floe_jupyter.core.runs import account, roomier
from floe_jupyter.core.views import find_waiting
from floe_jupyter.errors import DefinitionError


def edit(instance: Instance, event: Edit) -> None:
    text = plain_text(event.text)
    item, queue = _find(instance, event.id)
    old = item.batch
    item.batch = single(text, run=old.run, id=item.id, tagged=event.tagged, buffers=old.buffers if event.tagged else ())
    if queue is not None:
        queue.bytes += item.batch.size - old.size
    instance.order(Reply(event.token))


def _find(instance: Instance, prefix: str) -> tuple[Item, Queue | None]:
    """A message in front of a node, or held behind one."""
    behind = _behind(instance, prefix)
    if behind is not None:
        return behind[1], None
    _, queue, item = find_waiting(instance, prefix)
    return item, queue


def _behind(instance: Instance, prefix: str) -> tuple[NodeState, Item, int] | None:
    for node in instance.nodes.values():
        for i, (_, item) in enumerate(node.outbox):
            if prefix and item.id.startswith(prefix.partition("@")[0]):
                return node, item, i
    return None


def drop(instance: Instance, event: Drop) -> None:
    behind = _behind(instance, event.id)
    if behind is not None:
        node, item, place = behind
        del node.outbox[place]
    else:
        node, queue, item = find_waiting(instance, event.id)
        was_full = queue.full
        queue.remove(item)
        quarantine.recount(instance)
        if was_full:
            roomier(instance, queue)
    instance.journal = item.undo
    account(instance, item.batch, -1)
    instance.journal = None
    instance.debugger.recount()
    instance.wake_node(node)
    instance.order(Reply(event.token))


def duplicate(instance: Instance, event: Duplicate) -> None:
    """The copy stands right behind its original, under an id of its own, and is held as that is."""
    _, queue, item = find_waiting(instance, event.id)
    debugger = instance.debugger
    debugger.copies += 1
    batch = item.batch
    copy = Item(single(batch.payload[1:-1], run=batch.run, id=derive(item.id, "copy", debugger.copies), tagged=batch.tagged,
                       buffers=batch.buffers))
    copy.held, copy.breakpoint, copy.failure = item.held, item.breakpoint, item.failure
    instance.journal = item.undo
    queue.insert_behind(item, copy)
    debugger.recount()
    account(instance, copy.batch, 1)
    debugger.note_put(queue, [copy])
    instance.journal = None
    instance.order(Reply(event.token, {"id": copy.id}))


def retry(instance: Instance, event: Retry) -> None:
    """Try a failed message again: a held one where it stands, a dead letter at the head of its wire."""
    letter = next((name for name in instance.dead if event.id and name.startswith(event.id)), None)
    if letter is not None:
        node, item = _raise_up(instance, letter)
    else:
        node, _, item = find_waiting(instance, event.id)
    item.attempts = item.crashes = 0
    item.held, item.breakpoint, item.failure, item.passed, item.due = "", "", None, True, 0.0
    instance.debugger.recorder.undone.pop((node.id, item.id), None)
    instance.debugger.recount()
    instance.wake_node(node)
    if instance.debugger.paused:
        instance.debugger.wishes.append(Step(message=f"{item.id}@{node.id}", token=event.token))
    else:
        instance.order(Reply(event.token))


def _raise_up(instance: Instance, letter: str) -> tuple[NodeState, Item]:
    item, queue, failure = instance.dead[letter]
    run = instance.runs.get(item.batch.run)
    if run is None:
        raise DefinitionError(f"run {item.batch.run} of message {letter} is over; fork the message, or inject its value anew")
    del instance.dead[letter]
    run.failures = [other for other in run.failures if other != failure]
    account(instance, item.batch, 1)
    put_back(queue, item)
    return instance.nodes[queue.target], item
