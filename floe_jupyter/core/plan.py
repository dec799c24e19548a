"""Local routes: which wires a runtime may carry inside itself, because nothing but a count would be done with them here.

A route is switched on only when its wire is empty and both its ends are idle, so that no message overtakes another; a
runtime switches it off between two chunks, after which the outputs come back to the machine (`Routed` says when).
"""

from __future__ import annotations

from floe_jupyter.core import faults
from floe_jupyter.core.events import Count, Failure, Left, Route, Routed
from floe_jupyter.core.instance import Instance, Lane, NodeState
from floe_jupyter.core.messages import split
from floe_jupyter.core.queues import Item, Queue, named_as
from floe_jupyter.core.runs import account, alive, recall

Routes = dict[str, tuple[str, ...]]


def advance(instance: Instance) -> None:
    """Switch off what is not wanted any more; switch on what is, as soon as its ends are idle."""
    instance.unplanned = False
    instance.fusing = False
    for node in instance.nodes.values():
        if len(node.lanes) == 1:
            _advance_lane(instance, node, node.lanes[0])


def _advance_lane(instance: Instance, node: NodeState, lane: Lane) -> None:
    wanted = wanted_routes(instance, node)
    kept = {port: wires for port, wires in lane.routes.items() if wanted.get(port) == wires}
    if kept != lane.routes:
        _order(instance, lane, kept)
    fusing = kept != wanted
    if fusing and not lane.routing and all(_idle(instance, wire) for wires in wanted.values() for wire in wires):
        _order(instance, lane, wanted)
    if node.fusing and not fusing and not lane.routing:
        instance.wake_node(node)
    node.fusing = fusing or (node.fusing and bool(lane.routing))
    instance.fusing = instance.fusing or node.fusing


def _order(instance: Instance, lane: Lane, routes: Routes) -> None:
    lane.routes = routes
    lane.routing += 1
    for wires in routes.values():
        for wire in wires:
            instance.wires[wire].routed = True
    instance.order(Route(lane.node.id, lane.index, dict(routes)))
    find_exits(instance)


def _idle(instance: Instance, wire: str) -> bool:
    """Nothing is on the wire, or at work at either end. A generator that waits for `More` gives nothing meanwhile."""
    queue = instance.wires[wire]
    source, target = instance.nodes[queue.source].lanes[0], instance.nodes[queue.target].lanes[0]
    if queue.routed:
        return True
    if queue.n or source.phase != "ready" or target.phase != "ready" or target.calls:
        return False
    return not source.calls or source.calls[0].waiting


def routed(instance: Instance, event: Routed) -> None:
    node = instance.nodes.get(event.node)
    if node is None or event.lane >= len(node.lanes) or not node.lanes[event.lane].routing:
        return
    lane = node.lanes[event.lane]
    lane.routing -= 1
    if not lane.routing:
        settle(instance, lane)
    instance.unplanned = True
    instance.wake_all()


def settle(instance: Instance, lane: Lane) -> None:
    """The routes of this lane are what was ordered last."""
    names = {wire for wires in lane.routes.values() for wire in wires}
    for queues in lane.node.outs.values():
        for queue in queues:
            queue.routed = queue.name in names
    find_exits(instance)


def forget(instance: Instance, lane: Lane) -> None:
    """Its runtime is gone, and its routes with it."""
    if lane.routes or lane.routing:
        lane.routes, lane.routing = {}, 0
        settle(instance, lane)
    lane.node.fusing = False
    instance.unplanned = True


def is_routed(lane: Lane) -> bool:
    """Some local route leads into or out of it, or is just being changed."""
    if lane.routing:
        return True
    node = lane.node
    return any(queue.routed for queue in node.wires) or any(queue.routed for queues in node.outs.values() for queue in queues)


# --- what is wanted --------------------------------------------------------------------------------------------------------


def wanted_routes(instance: Instance, node: NodeState) -> Routes:
    """Ports all of whose wires may be carried inside the runtime."""
    if instance.debugger.on or instance.debugger.hold_errors or instance.stopping or instance.suspects:
        return {}
    if node.removed or not _simple(node) or not (node.lanes[0].fusable or node.lanes[0].follows):
        return {}
    return {port: tuple(queue.name for queue in queues) for port, queues in node.outs.items()
            if queues and all(_may_route(node, instance.nodes[queue.target], queue) for queue in queues)}


def _may_route(source: NodeState, target: NodeState, queue: Queue) -> bool:
    if queue.cyclic or (queue.routed and queue.n) or target.joins is not None:
        return False
    if target.removed or not _simple(target) or not target.lanes[0].fusable:
        return False
    return "error" not in target.outs and source.lanes[0].runtime == target.lanes[0].runtime


def _simple(node: NodeState) -> bool:
    """One plain worker whose failures ask for nothing but the run's end."""
    if len(node.lanes) != 1 or node.node.on_error not in {"fail", "skip"} or node.node.timeout:
        return False
    lane = node.lanes[0]
    return lane.phase == "ready" and lane.coming is None


def find_exits(instance: Instance) -> None:
    """Where each node's outputs may end up: there must be room before it is called. Cycles never block."""
    for node in instance.nodes.values():
        node.exits = list(dict.fromkeys(_exits(instance, node)))


def _exits(instance: Instance, node: NodeState) -> list[Queue]:
    found = []
    for queues in node.outs.values():
        for queue in queues:
            if queue.routed:
                found.extend(_exits(instance, instance.nodes[queue.target]))
            elif not queue.cyclic:
                found.append(queue.gate)
    return found


# --- what comes of it ------------------------------------------------------------------------------------------------------


def count(instance: Instance, counts: tuple[Count, ...]) -> None:
    """What passed inside a runtime, for the views."""
    for passed in counts:
        queue = instance.wires.get(passed.wire)
        if queue is not None:
            queue.sent += passed.n
            instance.nodes[queue.source].given += passed.n
            target = instance.nodes[queue.target]
            target.taken += passed.n
            target.called += passed.n


def take_back(instance: Instance, lane: Lane, lefts: tuple[Left, ...], failure: Failure | None) -> None:
    """Messages that a runtime did not get through over a local route: back to the head of their wires. A *failure* is that
    of the first one in front of the node it names.

    The runtime has taken the routes off over which something is left, so that nothing overtakes it.
    """
    _cut(instance, {left.wire for left in lefts})
    for left in reversed(lefts):
        queue = instance.wires.get(left.wire)
        batch = alive(instance, left.batch)
        if queue is None or batch is None:
            continue
        account(instance, batch, 1)
        batch = named_as(batch, f"{queue.name} left", queue.sent)
        queue.sent += batch.n
        first, *others = split(batch) if failure is not None and queue.target == failure.node else [batch]
        if others:
            queue.put_back(list(others))
        target = instance.nodes[queue.target]
        if failure is not None and queue.target == failure.node and left is _first_left(instance, lefts, failure):
            kept = faults.failed(instance, target, target.lanes[0], Item(first), failure)
            queue.put_back([kept] if kept is not None else [])
        else:
            queue.put_back([first])
        if instance.debugger.on:
            queue.name_all()
        instance.wake_node(target)
    recall(instance, lane)
    instance.unplanned = True


def _cut(instance: Instance, names: set[str]) -> None:
    """Routes over these wires are off; where others were ordered meanwhile, `advance` orders again."""
    for queue in [queue for name, queue in instance.wires.items() if name in names]:
        lane = instance.nodes[queue.source].lanes[0]
        if queue.routed and not lane.routing:
            lane.routes = {port: wires for port, wires in lane.routes.items() if queue.name not in wires}
            settle(instance, lane)


def _first_left(instance: Instance, lefts: tuple[Left, ...], failure: Failure) -> Left:
    return next(left for left in lefts if left.wire in instance.wires and instance.wires[left.wire].target == failure.node)
