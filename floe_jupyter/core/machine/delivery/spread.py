"""Parallel work of blocking nodes: a node without handled messages is moved out of a process kept busy by another node.

A runtime does one task at a time. The runner reports a runtime at work on one message for long while other calls wait
(`Blocked`). Nodes with waiting calls and no handled message (no state and no variable can be lost) are asked to give the calls
back, and loaded again in another process. A node at the end of a local route stays, and so does a node moved before. The runner
chooses the process and limits the number of processes.

In a small flow, a node that sends each message to several others uses no local routes before each of the others has handled a
message: a runtime carrying a message inside itself could not hand the message to another process.
"""

from __future__ import annotations

from floe_jupyter.core.machine import local_routes
from floe_jupyter.core.machine.events import Blocked
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, WorkerState, alone
from floe_jupyter.core.machine.versions.loading import load_first
from floe_jupyter.core.machine.work import recall


def blocked(instance: MachineState, event: Blocked) -> None:
    """Recall the calls of nodes that could work elsewhere meanwhile; the oldest call is the running call."""
    workers = list(dict.fromkeys(work.worker for work in instance.calls.values() if work.worker.runtime == event.runtime))
    for worker in workers[1:]:
        if not worker.moved and _may_move(instance, worker):
            worker.moved = True
            worker.moving = True
            recall(instance, worker)


def move(instance: MachineState, worker: WorkerState) -> None:
    """Load a worker in another process after all its calls are back, unless a call was begun meanwhile."""
    worker.moving = False
    if not _may_move(instance, worker):
        return
    local_routes.forget(instance, worker)
    load_first(instance, worker, elsewhere=True)


def _may_move(instance: MachineState, worker: WorkerState) -> bool:
    debugged = instance.debugger.on or instance.debugger.hold_errors
    if debugged or instance.suspects or instance.stopping or worker.recalled or worker.routing:
        return False
    begun = any(work.done or work.emitted for work in worker.calls)
    return worker.phase == "ready" and worker.coming is None and not begun and _is_fresh(worker.node)


def _is_fresh(node: NodeState) -> bool:
    """Return whether the node has handled no message and has a single worker without local routes. Nodes with retries are
    excluded, because a message may already have been tried.
    """
    if len(node.workers) != 1 or alone(node.node) or node.removed or node.taken or node.failed:
        return False
    return not any(queue.routed for queue in node.wires)
