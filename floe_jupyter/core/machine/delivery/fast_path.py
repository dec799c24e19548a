"""Fast path of a plain batch: no debugger, no join, no other waiting messages, room everywhere.

In these cases the functions have the same effect as the general path (`calls`, `returns`, `runs`), in a fraction of the steps.
Each function returns whether the event was taken; if not, the state is unchanged. The comparison with the oracle covers both
paths.
"""

from __future__ import annotations

from floe_jupyter.core.machine import runs
from floe_jupyter.core.machine.accounting import count_runs
from floe_jupyter.core.machine.commands import CHUNK, Accepted, Call, Result
from floe_jupyter.core.machine.events import Inject, Returned
from floe_jupyter.core.machine.room import room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.open_runs import OpenRun
from floe_jupyter.core.machine.state.queues import CALL_BYTES, Queue, newest
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState
from floe_jupyter.core.messages import Batch


def _quiet(instance: MachineState) -> bool:
    """Return whether no work besides the present event is pending."""
    debugger = instance.debugger
    return not (
        debugger.on
        or instance.timed
        or instance.routes_to_review
        or instance.fusing
        or instance.waiting
        or instance.suspects
        or instance.stopping
        or instance.refused
        or instance.rewires
        or instance.awake
        or debugger.has_work
        or instance.journal is not None
    )


def _worker(instance: MachineState, node: NodeState) -> WorkerState | None:
    """Return the worker called as soon as a batch reaches the node; None if the call may be prevented."""
    if len(node.workers) != 1 or node.key is not None or node.fusing or node.removed or node.outbox or node.node.timeout:
        return None
    worker = node.workers[0]
    if (
        worker.phase != "ready"
        or worker.recalled
        or worker.routing
        or worker.coming is not None
        or len(worker.calls) >= node.credit
    ):
        return None
    for queue in node.inputs:
        if queue.n:
            return None
    return worker if not instance.filled or room(instance, node) else None


def inbox(node: NodeState, port: str) -> Queue | None:
    """Return the queue for injections into a port; None before the first injection."""
    name = f">{node.node.id}.{port}"
    for queue in node.inputs:
        if queue.name == name:
            return queue
    return None


def _fits(queue: Queue, batch: Batch) -> bool:
    """Return whether a single call takes the batch and the queue has room for the whole batch."""
    size = len(batch.payload)
    return (
        batch.n <= CHUNK
        and size <= CALL_BYTES
        and batch.n < queue.max_n
        and size < queue.max_bytes
        and batch.ids is None
        and not batch.buffers
        and not queue.routed
    )


def _call(instance: MachineState, node: NodeState, worker: WorkerState, queue: Queue, batch: Batch) -> None:
    """Put a batch onto the queue, off again, and into a call."""
    place, first, n = queue.sent, node.called, batch.n
    queue.sent = place + n
    queue.latest = newest(batch)
    node.called = first + n
    if len(node.inputs) > 1:
        node.turn = (node.inputs.index(queue) + 1) % len(node.inputs)
    number = instance.last_call = instance.last_call + 1
    work = instance.calls[number] = Work(number, worker, queue, [batch], batch, place)
    work.first = first
    worker.calls.append(work)
    state = worker.state if worker.reset else None
    worker.reset = False
    instance.commands.append(Call(number, node.node.id, worker.index, queue.port, batch, 0, first, state))


def inject(instance: MachineState, event: Inject) -> bool:
    """Inject a batch of one run in front of a node ready for the batch."""
    batch = event.batch
    node = instance.nodes.get(event.node)
    if node is None or batch.runs is not None or not _quiet(instance):
        return False
    queue = inbox(node, event.port)
    if queue is None or not _fits(queue, batch) or (worker := _worker(instance, node)) is None:
        return False
    run = instance.runs.get(batch.run)
    if run is None:
        if runs.is_over(instance, batch.run) or instance.timeout > 0:
            return False
        run = instance.runs[batch.run] = OpenRun(instance.clock.active(instance.now))
        instance.inflight[batch.run] = 0
    run.closed = run.closed or event.close
    run.fed += batch.n
    instance.inflight[batch.run] += batch.n
    if event.token is not None:
        instance.commands.append(Accepted(event.token))
    _call(instance, node, worker, queue, batch)
    return True


def returned(instance: MachineState, event: Returned) -> bool:
    """Take in a finished call in which each message gave exactly one output."""
    # All preconditions stand in this one place: whoever adds a rule to the slow path looks here.
    work = instance.calls.get(event.call)
    if work is None or len(event.outputs) != 1 or not event.end or event.failure is not None or event.left or event.counts:
        return False
    [output], node, worker = event.outputs, work.worker.node, work.worker
    batch = output.batch
    run = batch.run
    if (
        event.consumed != work.batch.n
        or batch.n != event.consumed
        or work.done
        or work.emitted
        or event.emitted
        or event.states
        or event.skipped
        or output.parent is not None
        or output.node != node.node.id
        or batch.runs is not None
        or work.batch.runs is not None
        or run != work.batch.run
        or run not in instance.runs
        or work.batch.ids is not None
        or work.journal is not None
        or work.since is not None
        or work.special is not None
        or node.outbox
        or (instance.spreads and not node.taken)
        or worker.recalled
        or worker.back
        or worker.coming is not None
        or not _quiet(instance)
    ):
        return False
    for queue in node.inputs:
        if queue.n:
            return False
    targets = node.outs.get(output.port)
    if not targets:
        _over(instance, work)
        instance.results += batch.n
        instance.commands.append(Result(node.node.id, output.port, batch))
        count_runs(instance, run, None, batch.n, -1)
        if instance.settled:
            runs.settle(instance)
        return True
    [target, *others] = targets
    following = instance.nodes[target.target]
    if others or following is node or following.joins is not None or not _fits(target, batch):
        return False
    following_worker = _worker(instance, following)
    if following_worker is None:
        return False
    _over(instance, work)
    _call(instance, following, following_worker, target, batch)
    return True


def _over(instance: MachineState, work: Work) -> None:
    """Count all messages of the call as consumed, with one output each."""
    node, worker, n = work.worker.node, work.worker, work.batch.n
    node.given += n
    node.taken += n
    worker.reloads = 0
    worker.calls.remove(work)
    del instance.calls[work.id]  # the call has no deadline: an instance with deadlines is `timed`, and not quiet
