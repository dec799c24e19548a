"""Inboxes of nodes: queues for injections, and for messages whose wire was removed while a call worked on them."""

from __future__ import annotations

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.errors import UnknownName, unknown


def inbox(instance: MachineState, node: NodeState, port: str) -> Queue:
    """Return the queue for injections into a port; injections bypass the node's join. Raises `UnknownName` for unknown ports."""
    name = f">{node.id}.{port}"
    queue = node.find(name)
    if queue is None:
        _check_port(node, port)
        queue = _add_inbox(instance, node, port)
    return queue


def _add_inbox(instance: MachineState, node: NodeState, port: str) -> Queue:
    queue = Queue(f">{node.id}.{port}", node.id, port, instance.max_n, instance.max_bytes, filled=instance.filled)
    node.inputs.append(queue)
    return queue


def return_queue(instance: MachineState, node: NodeState, queue: Queue) -> Queue:
    """Return the queue for messages given back by a call: their wire, or the inbox if the wire was removed meanwhile, since the
    messages still belong to the node.
    """
    if any(other is queue for other in node.inputs):
        return queue
    return node.find(f">{node.id}.{queue.port}") or _add_inbox(instance, node, queue.port)


def _check_port(node: NodeState, port: str) -> None:
    ports = [*(node.module.inputs if node.module else ("in",)), *(wire.port for wire in node.wires)]
    if port not in ports:
        raise UnknownName(str(unknown(f"input port of node {node.id!r},", port, ports)))
