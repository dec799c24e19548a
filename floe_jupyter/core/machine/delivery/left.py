"""Messages not consumed by a runtime on a local route: back to the head of their wires."""

from __future__ import annotations

from floe_jupyter.core.machine.accounting import account, alive
from floe_jupyter.core.machine.events import Failure, Left
from floe_jupyter.core.machine.failures import policy
from floe_jupyter.core.machine.local_routes import cut_off
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as
from floe_jupyter.core.machine.unprocessed import drop_all
from floe_jupyter.core.machine.work import recall
from floe_jupyter.core.messages import Batch, split


def take_back(instance: MachineState, worker: WorkerState, lefts: tuple[Left, ...], failure: Failure | None) -> None:
    """Put messages not consumed by a runtime on a local route back at the head of their wires. A *failure* belongs to the first
    message in front of the node named by the failure.

    The runtime has already switched off the routes with unconsumed messages, so no later message overtakes them.
    """
    # The order of these steps is the order of the messages; parts of it mean nothing alone.
    cut_off(instance, dict.fromkeys(left.wire for left in lefts))
    failed: list[tuple[Queue, TrackedMessage]] = []
    for left in reversed(lefts):
        queue = instance.wires.get(left.wire)
        batch = alive(instance, left.batch)
        if batch is None:
            continue
        if queue is None:
            _lose(instance, left.wire, batch)
            continue
        account(instance, batch, 1)
        batch = named_as(batch, f"{queue.name} left", queue.sent)
        queue.sent += batch.n
        first, *others = split(batch) if failure is not None and queue.target == failure.node else [batch]
        if others:
            queue.put_back(list(others))
        target = instance.nodes[queue.target]
        if failure is not None and queue.target == failure.node and left is _first_left(instance, lefts, failure):
            failed.append((queue, TrackedMessage(first)))
        else:
            queue.put_back([first])
        instance.review_routes_of(instance.nodes[queue.source])
        if instance.debugger.on:
            queue.name_all()
        instance.wake_node(target)
    for queue, item in failed:  # after all other messages are back: the failure may end the run
        assert failure is not None
        target = instance.nodes[queue.target]
        kept = policy.failed(instance, target, target.workers[0], item, failure)
        queue.put_back([kept] if kept is not None else [])
    recall(instance, worker)


def _lose(instance: MachineState, wire: str, batch: Batch) -> None:
    """Drop messages of a wire missing from the new version of the flow."""
    drop_all(instance, wire.partition(">")[2].partition(".")[0], batch, "removed", wire)


def _first_left(instance: MachineState, lefts: tuple[Left, ...], failure: Failure) -> Left:
    return next(left for left in lefts if left.wire in instance.wires and instance.wires[left.wire].target == failure.node)
