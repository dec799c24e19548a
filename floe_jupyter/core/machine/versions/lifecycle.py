"""Building an instance from a flow, starting and stopping the instance."""

from __future__ import annotations

from collections.abc import Mapping

from floe_jupyter.core.flow.graph import cycle_wires
from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.machine.events import Start, Stop, Unload
from floe_jupyter.core.machine.runs import end_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.join_table import JoinTable
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState, WorkerState, first_state
from floe_jupyter.core.machine.versions.loading import load_first
from floe_jupyter.core.machine.wires.joining import rewire_join
from floe_jupyter.errors import DefinitionError, unknown


def build(instance: MachineState) -> None:
    """Add nodes, wires and workers of the instance's flow."""
    for node in instance.flow.nodes:
        add_node(instance, node)
    for wire in instance.flow.wires:
        add_wire(instance, wire)
    connect(instance)


def add_node(instance: MachineState, node: Node) -> NodeState:
    """Add a node with its workers, and return the state of the node."""
    module = instance.modules.get(node.module) if node.kind == "module" else None
    state = instance.nodes[node.id] = NodeState(node, len(instance.nodes), module)
    if node.kind == "module":
        first = instance.first_states.get(node.id, first_state(module))
        state.workers = [WorkerState(state, i, dict(first)) for i in range(max(1, node.workers))]
        for worker in state.workers:
            instance.loading.add(worker)
    return state


def add_wire(instance: MachineState, wire: Wire) -> Queue:
    """Add a wire and return its queue. Raises `DefinitionError` for an unknown node."""
    for end in (wire.source, wire.target):
        if end not in instance.nodes:
            raise unknown("node", end, instance.nodes)
    queue = instance.wires[wire.name] = Queue(
        wire.name, wire.target, wire.target_port, instance.max_n, instance.max_bytes, wire, filled=instance.filled
    )
    return queue


def connect(instance: MachineState) -> None:
    """Derive the inputs, outputs and routes of each node from the wires."""
    for index, node in enumerate(instance.nodes.values()):
        node.index = index
        node.wires, node.outs, node.waiters, node.routed, node.routed_in = [], {}, {}, 0, 0
    for queue in instance.wires.values():
        assert queue.wire is not None
        source, target = instance.nodes[queue.source], instance.nodes[queue.target]
        target.wires.append(queue)
        source.outs.setdefault(queue.wire.source_port, []).append(queue)
        source.routed += queue.routed
        target.routed += queue.routed
        target.routed_in += queue.routed
    for node in instance.nodes.values():
        _feed(instance, node)
    instance.joining = [(node, node.joins) for node in instance.nodes.values() if node.joins is not None]
    cyclic = cycle_wires(instance.flow)
    for queue in instance.wires.values():
        queue.cyclic = queue.name in cyclic
        if queue.gate is not queue:
            queue.gate.cyclic = queue.gate.cyclic or queue.cyclic
    instance.routes += 1
    instance.fusing, instance.rested, instance.quiescing = {}, {}, {}
    instance.review_routes()


def _feed(instance: MachineState, node: NodeState) -> None:
    """Set the inputs of a node: the wires or the queues of its join, then the injections of before."""
    # One branch for each kind of join; a join that exists keeps what has arrived.
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
        rewire_join(instance, node.joins, node.wires)
        for port in ports if node.node.join == "any" else []:
            if port not in node.joins.queues:
                queue = node.joins.queues[port] = _fired(instance, node, port)
                node.inputs.append(queue)
    for queue in node.wires:
        queue.gate = node.joins.queues.get(queue.port) or next(iter(node.joins.queues.values()))


def _fired(instance: MachineState, node: NodeState, port: str) -> Queue:
    return Queue(f"{node.node.join}>{node.id}.{port}", node.id, port, instance.max_n, instance.max_bytes, filled=instance.filled)


def start(instance: MachineState, event: Start) -> None:
    """Load every worker."""
    del event
    check_flow(instance.flow, instance.modules)
    instance.started = True
    for worker in instance.workers():
        load_first(instance, worker)


def check_flow(flow: Flow, modules: Mapping[str, Module]) -> None:
    """Raise `DefinitionError` if a part of the flow cannot run in this instance."""
    for node in flow.nodes:
        if node.kind == "module" and node.module not in modules:
            raise unknown("module", node.module, modules)
        if node.kind != "module" and node.module != "end":
            raise DefinitionError(
                f"node {node.id!r}: the built-in {node.module!r} cannot run in a flow yet; the built-in that can is 'end'"
            )


def stop(instance: MachineState, event: Stop) -> None:
    """Cancel all runs, forget all versions."""
    del event
    instance.stopping = True
    for number in list(instance.runs):
        end_run(instance, number, "cancelled")
    for worker in instance.workers():
        instance.order(Unload(worker.node.id, worker.index))
        worker.phase, worker.coming, worker.taking = "stopped", None, None
