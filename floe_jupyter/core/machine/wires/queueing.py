"""Queueing of messages on a wire; a cyclic wire that overflows ends the runs of its newest messages."""

from __future__ import annotations

from floe_jupyter.core.flow.model import CYCLE_FACTOR
from floe_jupyter.core.machine.debugging.recording import note_put
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as
from floe_jupyter.core.messages import Batch, split


def enqueue(instance: MachineState, queue: Queue, batch: Batch) -> None:
    """Put a batch on a queue and wake its node. The messages are already accounted for."""
    if not instance.debugger.on:
        queue.put(batch)
    else:
        items = [TrackedMessage(part) for part in split(named_as(batch, queue.name, queue.sent))]
        queue.put_items(items)
        note_put(instance, queue, items)
    instance.wake_node(instance.nodes[queue.target])
    if queue.cyclic and (queue.n >= queue.max_n * CYCLE_FACTOR or queue.bytes >= queue.max_bytes * CYCLE_FACTOR):
        _overflow(instance, queue, batch)


def _overflow(instance: MachineState, queue: Queue, batch: Batch) -> None:
    """Fail the runs of a batch that overflowed a cyclic wire: cyclic wires never block, which makes a limit necessary."""
    text = (
        f"wire {queue.name} is part of a cycle and holds {queue.n} messages ({queue.bytes} bytes), {CYCLE_FACTOR} times its "
        "limit: the cycle makes more messages than it takes; wire an output out of it, or make fewer messages"
    )
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        fail_run(instance, run, Failure(queue.target, text, kind="overflow", run=run), at_once=True)
