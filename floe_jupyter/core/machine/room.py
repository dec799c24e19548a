"""Room behind a node: a node is called only if every queue which its outputs may reach has room."""

from __future__ import annotations

from collections.abc import Iterable

from floe_jupyter.core.machine.events import Accepted
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState


def room(instance: MachineState, node: NodeState) -> bool:
    """Return True if every wire which the node's outputs may reach has room."""
    if node.outbox:
        return False
    return not instance.filled or not any(queue.full for queue in exits(instance, node))


def exits(instance: MachineState, node: NodeState) -> list[Queue]:
    """Return the queues which the node's outputs may reach over any local routes. Cycles never block."""
    if node.exits_of != instance.routes:
        node.exits_of, node.exits = instance.routes, find_exits(instance, node)
    return node.exits


def find_exits(instance: MachineState, node: NodeState) -> list[Queue]:
    """Search the exits of a node, along every path but only once through each node."""
    found: dict[Queue, None] = {}
    reached, pending = {node.id}, [node]
    while pending:
        for queue in [queue for queues in pending.pop().outs.values() for queue in queues]:
            if not queue.routed:
                found.update({} if queue.cyclic else {queue.gate: None})
            elif queue.target not in reached:
                reached.add(queue.target)
                pending.append(instance.nodes[queue.target])
    return list(found)


def announce_room(instance: MachineState, queue: Queue) -> None:
    """Accept injections and wake nodes waiting for room in a queue, after messages have left."""
    if queue.tokens and not queue.full:
        tokens, queue.tokens = queue.tokens, []
        instance.commands.extend(Accepted(token) for token in tokens)
    target = instance.nodes[queue.target]
    for node in _feeders(instance, target.wires if target.joins is not None else [queue]):
        instance.wake_node(node)


def _feeders(instance: MachineState, wires: list[Queue]) -> Iterable[NodeState]:
    """Return the nodes whose calls depend on room on these wires: the sources, and the nodes feeding the sources over local
    routes.
    """
    found: dict[str, NodeState] = {}
    pending = [wire for wire in wires if wire.source]
    while pending:
        name = pending.pop().source
        if name not in found:
            source = found[name] = instance.nodes[name]
            pending.extend(feeder for feeder in source.wires if feeder.routed)
    return found.values()
