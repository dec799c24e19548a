"""Outputs of a node: onto the wires of their port, or out of the flow."""

from __future__ import annotations

from floe_jupyter.core.machine.accounting import account, alive
from floe_jupyter.core.machine.debugging.recording import note_result
from floe_jupyter.core.machine.events import Result
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue, newest
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.wires.joining import take
from floe_jupyter.core.machine.wires.queueing import enqueue
from floe_jupyter.core.messages import Batch


def emit(instance: MachineState, node: NodeState, port: str, batch: Batch) -> None:
    """Send a node's output to the wires of the port, or out of the flow. Counts messages in flight."""
    targets = node.outs.get(port)
    if not targets:
        result(instance, node, port, batch)
        return
    plain = send(instance, targets, batch)
    if plain:
        account(instance, batch, plain)


def send(instance: MachineState, targets: list[Queue], batch: Batch) -> int:
    """Put a batch on all *targets*; return the number of wires that just queue the batch (accounted for by the caller).

    An overflowing wire ends its run, and the wires after it get no messages of the run any more.
    """
    plain, known = 0, len(instance.runs)
    for queue in targets:
        if len(instance.runs) != known:
            rest = alive(instance, batch)
            if rest is None:
                break
            batch, known = rest, len(instance.runs)
        joins = instance.nodes[queue.target].joins
        if joins is None:
            plain += 1
            enqueue(instance, queue, batch)
        else:
            queue.sent += batch.n
            queue.latest = newest(batch)
            take(instance, joins, queue, batch)
    return plain


def result(instance: MachineState, node: NodeState, port: str, batch: Batch) -> None:
    """Send a batch out of the flow as a result."""
    instance.results += batch.n
    instance.order(Result(node.id, port, batch))
    if instance.journal is not None:
        note_result(instance, batch)
