"""The short way of a batch for which nothing special holds: no debugger, no join, nobody else waiting, room everywhere.

It does what the long way (`delivery`, `returns`, `runs`) does then, in a fraction of the steps. Each function says whether it
took the event; if not, nothing has happened yet. The comparison with the oracle goes through both.
"""

from __future__ import annotations

from floe_jupyter.core import runs
from floe_jupyter.core.commands import CHUNK, Accepted, Call, Result
from floe_jupyter.core.events import Inject, Returned
from floe_jupyter.core.instance import Instance, Lane, NodeState, Run, Work
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.queues import CALL_BYTES, Queue


def _quiet(instance: Instance) -> bool:
    """Nothing but this event has to be thought of."""
    debugger = instance.debugger
    return not (
        debugger.on or instance.timed or instance.unplanned or instance.fusing or instance.waiting or instance.suspects
        or instance.stopping or instance.refused or instance.rewires or instance.dirty or debugger.attentive
        or instance.journal is not None)


def _lane(node: NodeState) -> Lane | None:
    """The lane that is called as soon as a batch reaches this node; None where anything may stand in the way."""
    if len(node.lanes) != 1 or node.key is not None or node.fusing or node.removed or node.outbox or node.node.timeout:
        return None
    lane = node.lanes[0]
    if lane.phase != "ready" or lane.recalled or lane.routing or lane.coming is not None or len(lane.calls) >= node.credit:
        return None
    for queue in node.inputs:
        if queue.n:
            return None
    for queue in node.exits:
        if queue.n >= queue.max_n or queue.bytes >= queue.max_bytes:
            return None
    return lane


def inbox(node: NodeState, port: str) -> Queue | None:
    """Where injections for a port wait, once there was one."""
    name = f">{node.node.id}.{port}"
    for queue in node.inputs:
        if queue.name == name:
            return queue
    return None


def _fits(queue: Queue, batch: Batch) -> bool:
    """One call takes it, and it does not fill the queue on its way."""
    size = len(batch.payload)
    return (batch.n <= CHUNK and size <= CALL_BYTES and batch.n < queue.max_n and size < queue.max_bytes
            and batch.ids is None and not batch.buffers and not queue.routed)


def _call(instance: Instance, node: NodeState, lane: Lane, queue: Queue, batch: Batch) -> None:
    """Onto the queue, off it, and into a call."""
    place, first, n = queue.sent, node.called, batch.n
    queue.sent = place + n
    node.called = first + n
    if len(node.inputs) > 1:
        node.turn = (node.inputs.index(queue) + 1) % len(node.inputs)
    number = instance.last_call = instance.last_call + 1
    work = instance.calls[number] = Work(number, lane, queue, [batch], batch, place)
    work.first = first
    lane.calls.append(work)
    state = lane.state if lane.reset else None
    lane.reset = False
    instance.commands.append(Call(number, node.node.id, lane.index, queue.port, batch, 0, first, state))


def inject(instance: Instance, event: Inject) -> bool:
    """A batch of one run, in front of a node that is ready for it."""
    batch = event.batch
    node = instance.nodes.get(event.node)
    if node is None or batch.runs is not None or not _quiet(instance):
        return False
    queue = inbox(node, event.port)
    if queue is None or not _fits(queue, batch) or (lane := _lane(node)) is None:
        return False
    run = instance.runs.get(batch.run)
    if run is None:
        if runs.is_over(instance, batch.run) or instance.timeout > 0:
            return False
        run = instance.runs[batch.run] = Run(instance.debugger.clock.active(instance.now))
        instance.inflight[batch.run] = 0
    run.closed = run.closed or event.close
    instance.inflight[batch.run] += batch.n
    if event.token is not None:
        instance.commands.append(Accepted(event.token))
    _call(instance, node, lane, queue, batch)
    return True


def returned(instance: Instance, event: Returned) -> bool:
    """A call is over, and each of its messages gave exactly one."""
    work = instance.calls.get(event.call)
    if work is None or len(event.outputs) != 1 or not event.end or event.failure is not None or event.left or event.counts:
        return False
    [output], node, lane = event.outputs, work.lane.node, work.lane
    batch = output.batch
    run = batch.run
    if (event.consumed != work.batch.n or batch.n != event.consumed or work.done or work.emitted or event.emitted
            or event.states or event.skipped or output.parent is not None or output.node != node.node.id
            or batch.runs is not None or work.batch.runs is not None or run != work.batch.run or run not in instance.runs
            or work.batch.ids is not None or work.journal is not None or work.since is not None or work.special is not None
            or lane.recalled or lane.back or lane.coming is not None or not _quiet(instance)):
        return False
    for queue in node.inputs:
        if queue.n:
            return False
    targets = node.outs.get(output.port)
    if not targets:
        _over(instance, work)
        instance.results += batch.n
        instance.commands.append(Result(node.node.id, output.port, batch))
        runs.count_runs(instance, run, None, batch.n, -1)
        if instance.settled:
            runs.settle(instance)
        return True
    [target, *others] = targets
    following = instance.nodes[target.target]
    if others or following is node or following.joins is not None or not _fits(target, batch):
        return False
    following_lane = _lane(following)
    if following_lane is None:
        return False
    _over(instance, work)
    _call(instance, following, following_lane, target, batch)
    return True


def _over(instance: Instance, work: Work) -> None:
    """All messages of the call are consumed, and gave as many."""
    node, lane, n = work.lane.node, work.lane, work.batch.n
    node.given += n
    node.taken += n
    lane.reloads = 0
    lane.calls.remove(work)
    del instance.calls[work.id]  # it has no deadline: an instance with one is `timed`, and not quiet
