"""A new version of the flow in a running instance: nodes and wires come and go, what stays keeps queues, state and breakpoints.

What leaves is drained first: its calls come back and local routes are taken off; only then the new shape is in force.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from floe_jupyter.core import quarantine, updates
from floe_jupyter.core.events import Accepted, Notice, Rewire, Unload
from floe_jupyter.core.instance import Instance, Lane, NodeState, alone
from floe_jupyter.core.lifecycle import add_node, add_wire, check_flow, connect
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module, Node
from floe_jupyter.core.plan import is_routed
from floe_jupyter.core.queues import Queue, batch_of
from floe_jupyter.core.runs import GRACE, account, recall
from floe_jupyter.errors import DefinitionError


def rewire(instance: Instance, event: Rewire) -> None:
    """Take the wish; it is in force as soon as what leaves is idle."""
    modules = {**instance.modules, **{module.name: module for module in event.modules}}
    check_flow(event.flow, modules)
    for node in event.flow.nodes:
        if node.id in instance.nodes:
            _check_change(instance.nodes[node.id].node, node)
    instance.modules = modules
    for leaving in _leaving(instance, event.flow):
        leaving.removed = True
        for lane in leaving.lanes:
            _drain(instance, lane)
    instance.rewires.append(event)
    instance.replan()


def _check_change(old: Node, new: Node) -> None:
    for option in ("kind", "join", "key", "workers", "by"):
        if getattr(old, option) != getattr(new, option):
            before, after = getattr(old, option), getattr(new, option)
            raise DefinitionError(f"node {old.id!r}: {option} cannot change from {before!r} to {after!r} "
                                  "while the flow runs; stop it and start the new version, or give the node another name")


def _drain(instance: Instance, lane: Lane) -> None:
    """Get back what is under way; a generator may finish, but not go on for ever."""
    recall(instance, lane)
    for work in lane.calls:
        if work.waiting or work.emitted:
            instance.deadlines[work.id] = instance.now + GRACE
            instance.timed = True
    instance.wake_node(lane.node)


def _leaving(instance: Instance, flow: Flow) -> list[NodeState]:
    stay = {node.id for node in flow.nodes}
    return [node for node in instance.nodes.values() if node.id not in stay]


def advance(instance: Instance) -> None:
    """Put the wishes in force whose leaving nodes are idle."""
    while instance.rewires:
        event = instance.rewires[0]
        lanes = [lane for node in _leaving(instance, event.flow) for lane in node.lanes]
        if any(lane.calls or lane.phase == "activating" or is_routed(lane) for lane in lanes):
            return
        del instance.rewires[0]
        _apply(instance, event)


def _apply(instance: Instance, event: Rewire) -> None:
    flow = event.flow
    for node in _leaving(instance, flow):
        _remove_node(instance, node)
    names = {wire.name for wire in flow.wires}
    for queue in [queue for queue in instance.wires.values() if queue.name not in names]:
        _empty(instance, queue)
        del instance.wires[queue.name]
    fresh = _nodes(instance, flow)
    known = instance.wires
    instance.wires = {}
    for wire in flow.wires:
        if wire.name in known:
            instance.wires[wire.name] = known[wire.name]
        else:
            add_wire(instance, wire)
    instance.flow = flow
    instance.dirty.clear()
    connect(instance)
    for node in instance.nodes.values():
        if node.joins is not None and node.wires:
            node.joins.complete(instance)
    instance.wake_all()
    instance.replan()
    _load(instance, event, fresh)


def _nodes(instance: Instance, flow: Flow) -> list[NodeState]:
    """The nodes in the order of the new flow; which of them are new."""
    known, fresh = instance.nodes, []
    instance.nodes = {}
    for node in flow.nodes:
        if node.id in known:
            state = instance.nodes[node.id] = known[node.id]
            state.node = node
            state.credit = 1 if alone(node) else state.credit
        else:
            fresh.append(add_node(instance, node))
    return fresh


def _load(instance: Instance, event: Rewire, fresh: list[NodeState]) -> None:
    """Load the new nodes, and new versions of those that stay; the answer comes when all have."""
    stale = [lane for node in instance.nodes.values() if node not in fresh for lane in node.lanes if _is_stale(instance, lane)]
    new = [lane for node in fresh for lane in node.lanes]
    for node in dict.fromkeys(lane.node for lane in stale):
        node.module = _wanted(instance, node.lanes[0])
    for lane in stale:
        updates.supersede(instance, lane)
    pending = [(lane, lane.node.module.version) for lane in [*stale, *new] if lane.node.module is not None]
    instance.updates.append(updates.UpdateWish(event.token, pending))
    if instance.started:
        for lane in new:
            updates.load_first(instance, lane)
        for lane in stale:
            updates.renew(instance, lane, lane.node.module or instance.modules[lane.node.node.module])
    updates.answered(instance)


def _is_stale(instance: Instance, lane: Lane) -> bool:
    """Another module, or another version of it, than the one in use or on its way."""
    return _newest(lane) != instance.modules[lane.node.node.module]


def _newest(lane: Lane) -> Module | None:
    """The last version that was ordered for a lane."""
    return next((beside.module for beside in (lane.coming, lane.taking) if beside is not None), lane.module)


def _wanted(instance: Instance, lane: Lane) -> Module:
    """What the lane is to run now; another module gets a version number of its own."""
    wanted, newest = instance.modules[lane.node.node.module], _newest(lane)
    same = newest is not None and newest.version == wanted.version
    return msgspec.structs.replace(wanted, version=wanted.version + 1) if same else wanted


def _remove_node(instance: Instance, node: NodeState) -> None:
    for queue in node.inputs:
        _empty(instance, queue)
    for port, item in node.outbox:
        _dropped(instance, node.id, f"{node.id}.{port}", [item.batch])
    for lane in node.lanes:
        instance.order(Unload(node.id, lane.index))
        updates.supersede(instance, lane)
    debugger = instance.debugger
    debugger.breaks = {name: b for name, b in debugger.breaks.items() if b.given.node != node.id}
    del instance.nodes[node.id]
    debugger.miscounted = True
    quarantine.recount(instance)
    debugger.refresh()


def _empty(instance: Instance, queue: Queue) -> None:
    """Drop what waits there, and say how much it was."""
    if queue.n:
        _dropped(instance, queue.target, queue.name, [batch_of([item]) for item in queue.items])
        queue.items.clear()
        queue.n = queue.bytes = 0
        instance.debugger.miscounted = True
    instance.commands.extend(Accepted(token) for token in queue.tokens)
    queue.tokens = []
    instance.dead = {name: letter for name, letter in instance.dead.items() if letter[1] is not queue}


def _dropped(instance: Instance, node: str, place: str, batches: list[Batch]) -> None:
    """These messages are no longer in flight; each run hears how many of its own that are."""
    counts: Counter[int] = Counter()
    for batch in batches:
        counts.update(batch.runs or {batch.run: batch.n})
        account(instance, batch, -1)
    for run, n in counts.items():
        instance.order(Notice("dropped", node, run, {"place": place, "messages": n}))
