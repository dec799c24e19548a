"""Building an instance from a flow, starting it and stopping it."""

from __future__ import annotations

from collections.abc import Mapping

from floe_jupyter.core import plan, updates
from floe_jupyter.core.events import Start, Stop, Unload
from floe_jupyter.core.graph import cycle_wires
from floe_jupyter.core.instance import Instance, Lane, NodeState, first_state
from floe_jupyter.core.joined import JoinTable
from floe_jupyter.core.model import Flow, Module, Node, Wire
from floe_jupyter.core.queues import Queue
from floe_jupyter.core.runs import end_run
from floe_jupyter.errors import DefinitionError, unknown


def build(instance: Instance) -> None:
    """Nodes, wires and lanes of the instance's flow."""
    for node in instance.flow.nodes:
        add_node(instance, node)
    for wire in instance.flow.wires:
        add_wire(instance, wire)
    connect(instance)


def add_node(instance: Instance, node: Node) -> NodeState:
    module = instance.modules.get(node.module) if node.kind == "module" else None
    state = instance.nodes[node.id] = NodeState(node, len(instance.nodes), module)
    if node.kind == "module":
        first = instance.first_states.get(node.id, first_state(module))
        state.lanes = [Lane(state, i, dict(first)) for i in range(max(1, node.workers))]
    return state


def add_wire(instance: Instance, wire: Wire) -> Queue:
    for end in (wire.source, wire.target):
        if end not in instance.nodes:
            raise unknown("node", end, instance.nodes)
    queue = instance.wires[wire.name] = Queue(wire.name, wire.target, wire.target_port, instance.max_n, instance.max_bytes, wire)
    return queue


def connect(instance: Instance) -> None:
    """Derive from the wires what each node is fed from and gives to."""
    for index, node in enumerate(instance.nodes.values()):
        node.index = index
        node.wires = [queue for queue in instance.wires.values() if queue.target == node.id]
        node.outs = {}
        for queue in instance.wires.values():
            if queue.source == node.id and queue.wire:
                node.outs.setdefault(queue.wire.source_port, []).append(queue)
        _feed(instance, node)
    cyclic = cycle_wires(instance.flow)
    for queue in instance.wires.values():
        queue.cyclic = queue.name in cyclic
        if queue.gate is not queue:
            queue.gate.cyclic = queue.gate.cyclic or queue.cyclic
    plan.find_exits(instance)


def _feed(instance: Instance, node: NodeState) -> None:
    """Its inputs: the wires, or the queues of its join; then what injections there were."""
    fed = [queue for queue in node.inputs if queue.wire is None]
    if node.node.join == "each":
        node.inputs = [*node.wires, *fed]
        return
    ports = list(dict.fromkeys(queue.port for queue in node.wires)) or ["in"]
    if node.joins is None:
        queues = {port: _fired(instance, node, port) for port in (ports[:1] if node.node.join == "all" else ports)}
        node.joins = JoinTable(node.node, node.wires, queues)
        node.inputs = [*queues.values(), *fed]
    else:
        node.joins.rewire(node.wires)
        for port in ports if node.node.join == "any" else []:
            if port not in node.joins.queues:
                queue = node.joins.queues[port] = _fired(instance, node, port)
                node.inputs.append(queue)
    for queue in node.wires:
        queue.gate = node.joins.queues.get(queue.port) or next(iter(node.joins.queues.values()))


def _fired(instance: Instance, node: NodeState, port: str) -> Queue:
    return Queue(f"{node.node.join}>{node.id}.{port}", node.id, port, instance.max_n, instance.max_bytes)


def start(instance: Instance, event: Start) -> None:
    """Load every lane."""
    del event
    check_flow(instance.flow, instance.modules)
    instance.started = True
    for lane in instance.lanes():
        updates.load_first(instance, lane)


def check_flow(flow: Flow, modules: Mapping[str, Module]) -> None:
    """Can all of it be run here? Raises `DefinitionError`."""
    for node in flow.nodes:
        if node.kind == "module" and node.module not in modules:
            raise unknown("module", node.module, modules)
        if node.kind != "module" and node.module != "end":
            raise DefinitionError(f"node {node.id!r}: the built-in {node.module!r} cannot run in a flow yet; the built-in that "
                                  "can is 'end'")


def stop(instance: Instance, event: Stop) -> None:
    """Cancel all runs, forget all versions."""
    del event
    instance.stopping = True
    for number in list(instance.runs):
        end_run(instance, number, "cancelled")
    for lane in instance.lanes():
        instance.order(Unload(lane.node.id, lane.index))
        lane.phase, lane.coming, lane.taking = "stopped", None, None
