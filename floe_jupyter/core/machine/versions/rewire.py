"""Rewiring: a new version of the flow in a running instance. Surviving nodes and wires keep queues, state and breakpoints.

Leaving nodes are drained first: their calls come back and their local routes are removed; only then the new shape is in force.
"""

from __future__ import annotations

from collections import Counter

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.machine import suspects
from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.debugging.switching import refresh
from floe_jupyter.core.machine.events import Accepted, Notice, Rewire, Unload
from floe_jupyter.core.machine.local_routes import is_routed
from floe_jupyter.core.machine.runs import GRACE
from floe_jupyter.core.machine.state import records
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, WorkerState, alone
from floe_jupyter.core.machine.state.tracked import batch_of
from floe_jupyter.core.machine.unprocessed import drop
from floe_jupyter.core.machine.versions.answers import answered
from floe_jupyter.core.machine.versions.lifecycle import add_node, add_wire, check_flow, connect
from floe_jupyter.core.machine.versions.loading import load_first, outpost_of, policy_of
from floe_jupyter.core.machine.versions.updates import distinct, numbers_in_use, renew, supersede
from floe_jupyter.core.machine.wires.joining import complete_joins
from floe_jupyter.core.machine.work import recall
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import DefinitionError


def rewire(instance: MachineState, event: Rewire) -> None:
    """Take the request; the new flow is in force as soon as the leaving nodes are idle."""
    modules = {**instance.modules, **{module.name: module for module in event.modules}}
    check_flow(event.flow, modules)
    for node in event.flow.nodes:
        if node.id in instance.nodes:
            _check_change(instance.nodes[node.id].node, node)
    instance.modules = modules
    for leaving in _leaving(instance, event.flow):
        leaving.removed = True
        for worker in leaving.workers:
            _drain(instance, worker)
    instance.rewires.append(event)
    instance.review_routes()


def _check_change(old: Node, new: Node) -> None:
    for option in ("kind", "join", "key", "workers", "by"):
        if getattr(old, option) != getattr(new, option):
            before, after = getattr(old, option), getattr(new, option)
            raise DefinitionError(
                f"node {old.id!r}: {option} cannot change from {before!r} to {after!r} "
                "while the flow runs; stop it and start the new version, or give the node another name"
            )


def _drain(instance: MachineState, worker: WorkerState) -> None:
    """Recall the worker's messages; a generator may finish, but only within `GRACE`."""
    recall(instance, worker)
    for work in worker.calls:
        if work.waiting or work.emitted:
            instance.deadlines[work.id] = instance.now + GRACE
            instance.timed = True
    instance.wake_node(worker.node)


def _leaving(instance: MachineState, flow: Flow) -> list[NodeState]:
    stay = {node.id for node in flow.nodes}
    return [node for node in instance.nodes.values() if node.id not in stay]


def advance(instance: MachineState) -> None:
    """Apply the rewirings whose leaving nodes are idle."""
    while instance.rewires:
        event = instance.rewires[0]
        while instance.draining and not _is_busy(instance.draining[-1]):
            instance.draining.pop()
        if not instance.draining:  # each was idle at some point: check all again
            workers = [worker for node in _leaving(instance, event.flow) for worker in node.workers]
            instance.draining = [worker for worker in workers if _is_busy(worker)]
        if instance.draining:
            return
        del instance.rewires[0]
        _apply(instance, event)


def _is_busy(worker: WorkerState) -> bool:
    return bool(worker.calls) or worker.phase == "activating" or is_routed(worker)


def _apply(instance: MachineState, event: Rewire) -> None:
    flow = event.flow
    _remove(instance, {node.id: node for node in _leaving(instance, flow)})
    names = {wire.name for wire in flow.wires}
    for queue in [queue for queue in instance.wires.values() if queue.name not in names]:
        _empty(instance, queue)
        del instance.wires[queue.name]
    suspects.recount(instance)
    fresh = _nodes(instance, flow)
    known = instance.wires
    instance.wires = {}
    for wire in flow.wires:
        if wire.name in known:
            instance.wires[wire.name] = known[wire.name]
        else:
            add_wire(instance, wire)
    instance.flow = flow
    instance.awake.clear()
    connect(instance)
    for node in instance.nodes.values():
        if node.joins is not None and node.wires:
            complete_joins(instance, node.joins)
    instance.wake_all()
    instance.review_routes()
    _load(instance, event, fresh)


def _nodes(instance: MachineState, flow: Flow) -> list[NodeState]:
    """Put the nodes into the order of the new flow. Return the new nodes."""
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


def _load(instance: MachineState, event: Rewire, fresh: list[NodeState]) -> None:
    """Load the new nodes, and new versions for surviving nodes; the reply is sent after all workers have answered."""
    stale, new = _replace_stale(instance, fresh), [worker for node in fresh for worker in node.workers]
    pending = [(worker, worker.node.module.version) for worker in [*stale, *new] if worker.node.module is not None]
    instance.updates.append(records.UpdateRequest(event.token, pending))
    if instance.started:
        for worker in new:
            load_first(instance, worker)
        for worker in stale:
            renew(instance, worker, worker.node.module or instance.modules[worker.node.node.module])
    answered(instance)


def _replace_stale(instance: MachineState, fresh: list[NodeState]) -> list[WorkerState]:
    """Give surviving nodes the modules of the new flow; return the workers that need a load, in the order of the flow."""
    added = set(fresh)
    stay = [node for node in instance.nodes.values() if node not in added]
    stale = [worker for node in stay for worker in node.workers if _is_stale(instance, worker)]
    for node in dict.fromkeys(worker.node for worker in stale):
        node.module = _wanted(instance, node.workers[0])
    for worker in stale:
        supersede(instance, worker)
    return stale


def _is_stale(instance: MachineState, worker: WorkerState) -> bool:
    """Return True if the worker needs a load: another module or version than the newest one of the worker, a runtime in another
    runner, or a runtime which passes over failures by itself or does not commit each message, as the node's policy demands now.
    """
    policy, each = policy_of(worker.node)
    if worker.policy and policy != worker.policy and (each or worker.policy == "skip"):
        return True
    wanted = instance.modules[worker.node.node.module]
    return _newest(worker) != wanted or _newest_runner(worker) not in {None, outpost_of(instance, worker, wanted)}


def _newest(worker: WorkerState) -> Module | None:
    """Return the version ordered last for a worker."""
    return next((beside.module for beside in (worker.coming, worker.taking) if beside is not None), worker.module)


def _newest_runner(worker: WorkerState) -> str | None:
    """Return the outpost of the version ordered last for a worker; None before the first load."""
    return next((beside.runner for beside in (worker.coming, worker.taking) if beside is not None), worker.runner)


def _wanted(instance: MachineState, worker: WorkerState) -> Module:
    """Return the module which the worker is to run now; another module of the same version gets the next version number."""
    newest = _newest(worker)
    assert newest is not None
    return distinct(instance.modules[worker.node.node.module], {newest.version, *numbers_in_use(worker.node)})


def _remove(instance: MachineState, leaving: dict[str, NodeState]) -> None:
    for node in leaving.values():
        _remove_node(instance, node)
    debugger = instance.debugger
    debugger.breaks = {name: b for name, b in debugger.breaks.items() if b.given.node not in leaving}
    if leaving:
        debugger.miscounted = True
        suspects.recount(instance)
        refresh(instance)


def _remove_node(instance: MachineState, node: NodeState) -> None:
    for queue in node.inputs:
        _empty(instance, queue)
    for port, item in node.outbox:
        _dropped(instance, node.id, f"{node.id}.{port}", [item.batch])
    for worker in node.workers:
        instance.order(Unload(node.id, worker.index))
        supersede(instance, worker)
        worker.phase = "stopped"
    del instance.nodes[node.id]


def _empty(instance: MachineState, queue: Queue) -> None:
    """Drop the messages of a queue, and report their number."""
    if queue.n:
        _dropped(instance, queue.target, queue.name, [batch_of([item]) for item in queue.items])
        queue.items.clear()
        queue.n = queue.bytes = 0
        instance.debugger.miscounted = True
    instance.commands.extend(Accepted(token) for token in queue.tokens)
    queue.tokens = []
    instance.dead = {name: letter for name, letter in instance.dead.items() if letter[1] is not queue}


def _dropped(instance: MachineState, node: str, place: str, batches: list[Batch]) -> None:
    """Take messages out of flight, and tell each run the number of its messages among them."""
    counts: Counter[int] = Counter()
    for batch in batches:
        counts.update(batch.runs or {batch.run: batch.n})
        account(instance, batch, -1)
    for run, n in counts.items():
        drop(instance, node, run, "removed", n, place)
        instance.order(Notice("dropped", node, run, {"place": place, "messages": n}))
