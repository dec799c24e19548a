"""Life of one call: unconsumed messages, their numbers, and the clean-up at the end."""

from __future__ import annotations

from floe_jupyter.core.machine.events import Recall
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as
from floe_jupyter.core.messages import Batch, cut, split


def uncount_given(node: NodeState, n: int) -> None:
    """Undo the count of *n* outputs of a node."""
    node.given -= n


def forget_call(instance: MachineState, work: Work) -> None:
    """Remove a finished call from all tables."""
    del instance.calls[work.id]
    instance.waiting.pop(work.id, None)
    instance.deadlines.pop(work.id, None)
    if instance.ending:
        release(instance, work.id)
    wake_others(instance)


def wake_others(instance: MachineState) -> None:
    """Wake all nodes if suspects exist: other nodes may have waited for the end of a call."""
    if instance.suspects:
        instance.wake_all()


def remainder(work: Work) -> list[Batch | TrackedMessage]:
    """Return the messages not consumed by a call, in order; with ids by position, as other messages will come in between."""
    if work.done >= work.batch.n:
        return []
    rest: list[Batch | TrackedMessage] = []
    done = work.done
    place = work.place
    for item in work.items:
        place += item.n
        if done >= item.n:
            done -= item.n
            continue
        if isinstance(item, Batch):
            left = cut(item, done)[1] if done else item
            rest.append(named_as(left, work.queue.name, place - left.n))
        else:
            item.batch = named_as(item.batch, work.queue.name, place - 1)
            rest.append(item)
        done = 0
    return rest


def keep_numbers(work: Work, items: list[TrackedMessage]) -> None:
    """Give the next messages of a call without ids the numbers under which they were called."""
    if work.batch.ids is None:
        for place, item in enumerate(items, work.first + work.done):
            item.number = place if item.number is None else item.number


def first_of(rest: list[Batch | TrackedMessage]) -> tuple[TrackedMessage, list[Batch | TrackedMessage]]:
    """Return the first message by itself, and the others."""
    head = rest[0]
    if isinstance(head, TrackedMessage):
        return head, rest[1:]
    first, *others = split(head)
    return TrackedMessage(first), [*others, *rest[1:]]


def release(instance: MachineState, call: int) -> None:
    """Record that a call no longer works on messages of cancelled runs."""
    for ending in instance.ending.values():
        ending.calls.discard(call)


def recall(instance: MachineState, worker: WorkerState) -> None:
    """Ask for all messages not begun; the worker gets no further calls until all calls are back."""
    if worker.calls and not worker.recalled:
        worker.recalled = True
        instance.order(Recall(worker.node.id, worker.index))
