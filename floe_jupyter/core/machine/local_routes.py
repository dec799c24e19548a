"""Local routes: wires carried inside a runtime, because the machine would only count the messages.

A route is switched on only when the wire is empty and both ends are idle, so that no message overtakes another; a runtime
switches a route off between two chunks, after which the outputs come back to the machine (`Routed` says when). If other routes
lead to the source, no call may be at work in the runtime either (see `quiescing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from floe_jupyter.core.machine import quiescing
from floe_jupyter.core.machine.events import Count, Route, Routed
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, Work, WorkerState

Routes = dict[str, tuple[str, ...]]


def advance(instance: MachineState) -> None:
    """Switch off unwanted routes; switch on wanted routes as soon as their ends are idle.

    Only nodes affected by a change are visited: loading all nodes costs no more than one visit of all wires.
    """
    _rest(instance)
    due, instance.routes_to_review = instance.routes_to_review, {}
    for index in sorted(due):
        node = due[index]
        instance.fusing.pop(index, None)
        node.awaited = []
        if len(node.workers) == 1:
            _advance_worker(instance, node, node.workers[0])


def _rest(instance: MachineState) -> None:
    """Ask the nodes again whose routes waited until another node, or the whole runtime, is idle."""
    for waiter in quiescing.waiters_of_quiet_runtimes(instance) if instance.quiescing else ():
        _ask_again(instance, waiter)
    rested, instance.rested = instance.rested, {}
    for index, node in rested.items():
        asking = {index: node} if index in instance.fusing else {}
        if node.waiters and not node.workers[0].calls:
            asking |= node.waiters
            node.waiters = {}
        for waiter in asking.values():
            _ask_again(instance, waiter)


def _ask_again(instance: MachineState, node: NodeState) -> None:
    """Plan the routes of a waiting node again, if no other awaited wire is busy."""
    busy = _obstacle(node, "", node.awaited, lambda queue: _idle(instance, queue))
    if busy is None:
        instance.review_routes_of(node)
    else:
        _wait_for(instance, node, busy)


def _advance_worker(instance: MachineState, node: NodeState, worker: WorkerState) -> None:
    wanted = wanted_routes(instance, node)
    kept = {port: wires for port, wires in worker.routes.items() if wanted.get(port) == wires}
    if kept != worker.routes:
        _order(instance, worker, kept)
    fusing = kept != wanted
    if fusing and not worker.routing and _all_idle(instance, node, wanted):
        _order(instance, worker, wanted)
    was_fusing, node.fusing = node.fusing, fusing or (node.fusing and bool(worker.routing))
    if was_fusing and not node.fusing:
        instance.wake_node(node)


def _order(instance: MachineState, worker: WorkerState, routes: Routes) -> None:
    worker.routes = routes
    worker.routing += 1
    instance.rerouting.add(worker)
    for wires in routes.values():
        for wire in wires:
            mark(instance, instance.wires[wire], routed=True)
    instance.order(Route(worker.node.id, worker.index, dict(routes)))


def mark(instance: MachineState, queue: Queue, *, routed: bool) -> None:
    """Record that a local route was put on the wire, or taken off the wire."""
    if queue.routed != routed:
        queue.routed = routed
        instance.routes += 1
        for end in (queue.source, queue.target):
            instance.nodes[end].routed += 1 if routed else -1
        target = instance.nodes[queue.target]
        target.routed_in += 1 if routed else -1
        if instance.quiescing and not target.routed_in:
            instance.review_routes_of(target)  # nothing passes through it any more


def _all_idle(instance: MachineState, node: NodeState, wanted: Routes) -> bool:
    """Return whether all these wires are idle; if not, the node is asked again when the first busy wire becomes idle."""
    node.awaited = [instance.wires[wire] for wires in wanted.values() for wire in wires]
    busy = _obstacle(node, "", node.awaited, lambda queue: _idle(instance, queue))
    if busy is not None:
        _wait_for(instance, node, busy)
    return busy is None


def _obstacle(node: NodeState, place: str, wires: Sequence[Queue], fine: Callable[[Queue], bool]) -> Queue | None:
    """Return the first unfit wire, beginning the search at the previous obstacle: while k ends become fit one after the other,
    only k looks are needed.
    """
    first, count = node.obstacles.get(place, 0), len(wires)
    for step in range(count):
        index = (first + step) % count
        if not fine(wires[index]):
            node.obstacles[place] = index
            return wires[index]
    return None


def _wait_for(instance: MachineState, node: NodeState, queue: Queue) -> None:
    instance.fusing[node.index] = node
    if not queue.routed and _are_ends_idle(instance, queue) and (last := _passing(instance, queue)) is not None:
        quiescing.wait_for(instance, node, last)
    else:
        instance.nodes[queue.target].waiters[node.index] = node


def _idle(instance: MachineState, queue: Queue) -> bool:
    """Return whether the wire is empty, and no message can come to the wire or to its end."""
    return queue.routed or (_are_ends_idle(instance, queue) and _passing(instance, queue) is None)


def _passing(instance: MachineState, queue: Queue) -> Work | None:
    """Return a call at work which may pass messages through the source of the wire; None without any."""
    source = instance.nodes[queue.source]
    return quiescing.last_at_work(instance, source.workers[0].runtime) if source.routed_in else None


def _are_ends_idle(instance: MachineState, queue: Queue) -> bool:
    """Return whether the wire is empty, without messages held in front, and neither end is at work. A generator waiting for
    `More` counts as idle, since no outputs can come meanwhile.
    """
    source, target = instance.nodes[queue.source].workers[0], instance.nodes[queue.target].workers[0]
    if queue.n or source.node.outbox or source.phase != "ready" or target.phase != "ready" or target.calls:
        return False
    return not source.calls or source.calls[0].waiting


def routed(instance: MachineState, event: Routed) -> NodeState | None:
    """Take in a runtime's change of local routes; return the node at the source of the routes, or None if the node is gone."""
    node = instance.nodes.get(event.node)
    if node is None or event.worker >= len(node.workers) or not node.workers[event.worker].routing:
        return None
    worker = node.workers[event.worker]
    worker.routing -= 1
    if not worker.routing:
        settle(instance, worker)
    instance.review_routes_of(node)
    if instance.suspects or instance.filled:  # other nodes may wait for this node, or had no room before
        instance.wake_all()
    else:
        instance.wake_node(node)
    return node


def settle(instance: MachineState, worker: WorkerState) -> None:
    """Mark the wires of a worker by the routes ordered last."""
    names = {wire for wires in worker.routes.values() for wire in wires}
    for queues in worker.node.outs.values():
        for queue in queues:
            mark(instance, queue, routed=queue.name in names)


def forget(instance: MachineState, worker: WorkerState) -> None:
    """Forget the local routes of a worker whose runtime is gone."""
    if worker.routes or worker.routing:
        worker.routes, worker.routing = {}, 0
        settle(instance, worker)
    worker.node.fusing = False
    instance.review_routes_around(worker.node)


def is_routed(worker: WorkerState) -> bool:
    """Return whether some local route leads into or out of the worker's node, or is just being changed."""
    return worker.routing > 0 or worker.node.routed > 0


# --- what is wanted --------------------------------------------------------------------------------------------------------


def wanted_routes(instance: MachineState, node: NodeState) -> Routes:
    """Return the ports whose wires may all be carried inside the runtime. The error port is excluded: the machine makes its
    records.
    """
    if not _may_begin(instance, node):
        return {}
    return {
        port: tuple(queue.name for queue in queues)
        for port, queues in node.outs.items()
        if queues and port != "error" and _may_leave_by(instance, node, port, queues)
    }


def _may_begin(instance: MachineState, node: NodeState) -> bool:
    if instance.debugger.on or instance.debugger.hold_errors or instance.stopping or instance.suspects:
        return False
    return not node.removed and _simple(node) and (node.workers[0].fusable or node.workers[0].follows)


def _may_leave_by(instance: MachineState, node: NodeState, port: str, queues: list[Queue]) -> bool:
    if _is_untried(instance, queues):
        return False
    wrong = _obstacle(node, port, queues, lambda queue: _may_route(node, instance.nodes[queue.target], queue))
    if wrong is not None and wrong.routed:
        _wait_for(instance, node, wrong)
    return wrong is None


def _is_untried(instance: MachineState, queues: list[Queue]) -> bool:
    """Return whether the port feeds several nodes, some without a handled message yet: an untried node may have to move to work
    at the same time as the others. Active routes stay on.
    """
    if not instance.spreads or len(queues) < 2 or all(queue.routed for queue in queues):
        return False
    return any(not instance.nodes[queue.target].taken for queue in queues)


def _may_route(source: NodeState, target: NodeState, queue: Queue) -> bool:
    if queue.cyclic or (queue.routed and queue.n) or target.joins is not None:
        return False
    if target.removed or not _simple(target) or not target.workers[0].fusable:
        return False
    return "error" not in target.outs and source.workers[0].runtime == target.workers[0].runtime


def has_wanted_routes(instance: MachineState, node: NodeState) -> bool:
    """Return whether the node's local routes are as planned, or wait for other work. For tests: all wires are examined anew."""
    # Written out a second time on purpose: a check that shared code with the plan would share its mistakes.
    worker = node.workers[0]
    wanted = (
        {}
        if not _may_begin(instance, node)
        else {
            port: tuple(queue.name for queue in queues)
            for port, queues in node.outs.items()
            if queues
            and port != "error"
            and not _is_untried(instance, queues)
            and all(_may_route(node, instance.nodes[queue.target], queue) for queue in queues)
        }
    )
    kept = all(wanted.get(port) == wires for port, wires in worker.routes.items())
    busy = any(not _idle(instance, instance.wires[wire]) for wires in wanted.values() for wire in wires)
    waits = worker.routing > 0 or (busy and node.index in instance.fusing)
    return kept and (waits or (wanted == worker.routes and not node.fusing))


def _simple(node: NodeState) -> bool:
    """Return whether the node has one ready worker without timeout whose failures have no consequence but the end of the run."""
    if len(node.workers) != 1 or node.node.on_error not in {"fail", "skip"} or node.node.timeout:
        return False
    worker = node.workers[0]
    return worker.phase == "ready" and (worker.coming is None or not worker.coming.loaded)


# --- what comes of it ------------------------------------------------------------------------------------------------------


def count(instance: MachineState, counts: tuple[Count, ...]) -> None:
    """Count the messages passed inside a runtime, for the views."""
    for passed in counts:
        queue = instance.wires.get(passed.wire)
        if queue is not None:
            queue.sent += passed.n
            queue.latest = passed.last.encode()
            instance.nodes[queue.source].given += passed.n
            target = instance.nodes[queue.target]
            instance.take(target, passed.n)
            target.called += passed.n


def cut_off(instance: MachineState, names: Iterable[str]) -> None:
    """Forget routes over these wires, already switched off by the runtime; where new routes are on order, `advance` orders
    again.
    """
    for queue in [instance.wires[name] for name in names if name in instance.wires]:
        worker = instance.nodes[queue.source].workers[0]
        if queue.routed and not worker.routing:
            worker.routes = {port: wires for port, wires in worker.routes.items() if queue.name not in wires}
            settle(instance, worker)
            instance.review_routes_around(worker.node)
