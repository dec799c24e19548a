"""Choice of the worker for a node's next message."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.core.machine import suspects
from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.failures import quarantine
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import Items, TrackedMessage, batch_of, of_wanted_runs
from floe_jupyter.core.machine.unprocessed import drop
from floe_jupyter.core.machine.wires.keys import key_of, worker_for_key
from floe_jupyter.core.messages import Batch, split


def free_worker(instance: MachineState, node: NodeState) -> WorkerState | None:
    """Return the worker with the fewest calls that may have another call; None if all are busy."""
    credit = 1 if instance.debugger.on else node.credit
    best: WorkerState | None = None
    for worker in node.workers:
        if len(worker.calls) < credit and usable(instance, worker) and (best is None or len(worker.calls) < len(best.calls)):
            best = worker
    return best


def free_workers(instance: MachineState, node: NodeState) -> list[WorkerState]:
    """Return all workers with room for another call. Call before the message leaves its queue: a suspect must still be in front
    of the node to be found.
    """
    credit = 1 if instance.debugger.on or instance.suspects else node.credit
    return [worker for worker in node.workers if len(worker.calls) < credit and usable(instance, worker)]


def usable(instance: MachineState, worker: WorkerState) -> bool:
    """Return whether the worker has a version in use and may be called."""
    return quarantine.is_ready(worker) and (not instance.suspects or quarantine.admits(instance, worker))


def worker_for(instance: MachineState, node: NodeState, item: TrackedMessage) -> WorkerState | None:
    """Return the worker that can take this message now, without calls in progress; None if none can."""
    if node.key is not None:
        worker = _keyed(instance, node, item.batch)
        return worker if worker is not None and not worker.calls and usable(instance, worker) else None
    return next((worker for worker in node.workers if not worker.calls and usable(instance, worker)), None)


def _keyed(
    instance: MachineState, node: NodeState, message: Batch, gone: Callable[[int], None] = lambda _: None
) -> WorkerState | None:
    """Return the worker for the message's key; None without a key (its run has failed then)."""
    assert node.key is not None
    [key] = key_of(instance, node, node.key, "by", message, gone)
    return None if key is None else worker_for_key(node, key)


def by_worker(
    instance: MachineState, node: NodeState, queue: Queue, items: Items, workers: list[WorkerState]
) -> tuple[list[tuple[WorkerState, Items]], Items]:
    """Divide messages of a queue among these workers by key; return the groups, and the rest from the first message for another
    worker on.
    """
    instance.hand.append(Work(0, node.workers[0], queue, items, batch_of(items), 0))
    divided = _divide(instance, node, items, workers)
    instance.hand.pop()
    return divided


def _divide(
    instance: MachineState, node: NodeState, items: Items, workers: list[WorkerState]
) -> tuple[list[tuple[WorkerState, Items]], Items]:
    groups: dict[int, Items] = {}
    singles = [single for item in items for single in (split(item) if isinstance(item, Batch) else [item])]
    for place, single in enumerate(singles):
        message = single if isinstance(single, Batch) else single.batch
        worker = _keyed(instance, node, message, lambda run, message=message: _drop(instance, node, run, message))  # type: ignore[misc]
        if worker is None:
            return [], _without(instance, node, singles, place)
        if worker not in workers:
            return [(node.workers[i], group) for i, group in groups.items()], singles[place:]
        groups.setdefault(worker.index, []).append(single)
    return [(node.workers[i], group) for i, group in groups.items()], []


def _without(instance: MachineState, node: NodeState, singles: Items, place: int) -> Items:
    """Return all messages except the keyless message at *place*, which is over; without runs ended by its failure."""
    suspects.recount(instance)
    instance.wake_node(node)
    others = [*singles[:place], *singles[place + 1 :]]
    return [known for other in others if (known := of_wanted_runs(other, instance.runs.__contains__)) is not None]


def _drop(instance: MachineState, node: NodeState, run: int, message: Batch) -> None:
    """Drop a message without a key."""
    drop(instance, node.id, run, "key")
    account(instance, message, -1)
