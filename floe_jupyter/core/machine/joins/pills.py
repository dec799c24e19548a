"""Pills: notes to the joins behind a failed node, so the joins do not wait for messages which will not come."""

from __future__ import annotations

from collections import deque

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState


def send_pills(instance: MachineState, node: NodeState, number: int) -> None:
    """Tell the joins behind a node of its failure in a run.

    Pills pass through other nodes, once through each, and therefore die out in cycles.
    """
    run = instance.runs.get(number)
    pending = deque([node] if run is not None else [])
    while pending and run is not None:
        current = pending.popleft()
        if current.id in run.pilled:
            continue
        run.pilled.add(current.id)
        pilled, name = run.pilled, current.id
        instance.note(lambda pilled=pilled, name=name: pilled.discard(name))  # type: ignore[misc]
        for port, queues in current.outs.items():
            if port != "error":
                pending.extend(_pilled(instance, queues, number))


def _pilled(instance: MachineState, queues: list[Queue], number: int) -> list[NodeState]:
    targets = []
    for queue in queues:
        target = instance.nodes[queue.target]
        if target.joins is None or target.joins.pill(instance, queue, number):
            targets.append(target)
    return targets
