"""Quarantine after a crash: suspects, messages which may have ended their runtime, are called alone and before other messages.

Messages behind suspects, and messages which no suspect blocks, are called as always. A generator waiting for room is not at work:
making room may first need a call of another node.
"""

from __future__ import annotations

from floe_jupyter.core.machine.room import room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.suspects import at_work_on_one
from floe_jupyter.core.machine.wires.keys import worker_of


def admits(instance: MachineState, worker: WorkerState) -> bool:
    """Return True if no suspect blocks a call of this worker."""
    at_work = [work for work in instance.calls.values() if work.worker.runtime == worker.runtime and not _stuck(instance, work)]
    if instance.debugger.on:
        return not at_work
    if any(map(at_work_on_one, at_work)) or (worker.calls and suspects_at(instance, worker.node) is not None):
        return False
    first = _first(instance, worker.runtime)
    return first is None or (first is worker.node and not at_work)


def may_go_on(instance: MachineState, work: Work) -> bool:
    """Return True if a generator with room again may go on: alone if a suspect is its message or is at work beside it."""
    if not instance.suspects:
        return True
    runtime = work.worker.runtime
    beside = [other for other in instance.calls.values() if other.worker.runtime == runtime and not other.worker.calls[0].waiting]
    return not beside or not any(map(at_work_on_one, (work, *beside)))


def _stuck(instance: MachineState, work: Work) -> bool:
    """Return True if the call cannot go on, or is behind a call which cannot."""
    return work.worker.calls[0].waiting and not room(instance, work.worker.node)


def _first(instance: MachineState, runtime: str) -> NodeState | None:
    """Return the first node whose next message is a suspect for which this runtime could be called."""
    for node in instance.nodes.values():
        queue = suspects_at(instance, node)
        if queue is not None and room(instance, node) and any(worker.runtime == runtime for worker in _workers_for(node, queue)):
            return node
    return None


def _workers_for(node: NodeState, queue: Queue) -> list[WorkerState]:
    """Return the workers which can take the suspect at the head of this input."""
    head = queue.items[0]
    chosen = worker_of(node, head.batch) if node.key is not None and isinstance(head, TrackedMessage) else None
    return [worker for worker in ([chosen] if chosen is not None else node.workers) if _free(worker)]


def _free(worker: WorkerState) -> bool:
    return is_ready(worker) and not any(work.waiting for work in worker.calls)


def is_ready(worker: WorkerState) -> bool:
    """Return True if the worker runs a version which is not about to change."""
    return (
        worker.phase == "ready"
        and not worker.recalled
        and not worker.routing
        and (worker.coming is None or not worker.coming.loaded)
    )


def suspects_at(instance: MachineState, node: NodeState) -> Queue | None:
    """Return the node's input with a suspect at the head which is not held, or None."""
    if node.fusing or node.removed:
        return None
    for queue in node.inputs:
        head = queue.items[0] if queue.n else None
        if type(head) is TrackedMessage and head.suspect and not head.held and not _is_early(instance, head):
            return queue
    return None


def _is_early(instance: MachineState, item: TrackedMessage) -> bool:
    return bool(item.due) and not instance.clock.reached(item.due, instance.now)
