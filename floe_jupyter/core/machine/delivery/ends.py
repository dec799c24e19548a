"""Messages at a built-in `end`: consumed, and their runs over."""

from __future__ import annotations

from floe_jupyter.core.machine.accounting import account
from floe_jupyter.core.machine.debugging.holding import put_back
from floe_jupyter.core.machine.events import Record
from floe_jupyter.core.machine.runs import finish
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import Items, TrackedMessage, batch_of


def consume_at_end(instance: MachineState, node: NodeState, items: Items) -> None:
    """Consume messages at an `end` node, and finish their runs."""
    batch = batch_of(items)
    instance.take(node, batch.n)
    account(instance, batch, -1)
    for run in dict.fromkeys(batch.runs or (batch.run,)):
        finish(instance, run, "done", node.id)


def swallow_recorded(instance: MachineState, node: NodeState, queue: Queue, items: Items) -> None:
    """Consume one message at an `end` node, and record the step."""
    item, debugger = items[0], instance.debugger
    assert isinstance(item, TrackedMessage)
    group = debugger.step_group()
    journal = instance.journal = [lambda: put_back(queue, item), lambda: _uncount_taken(node)]
    consume_at_end(instance, node, items)
    instance.journal = None
    number = debugger.recorder.next_number()
    record = Record(number, node.id, 0, item.batch.run, item.id, queue.port, 0, item.batch, (), {}, {}, None, group)
    debugger.recorder.add(record, journal)


def _uncount_taken(node: NodeState) -> None:
    node.taken -= 1
