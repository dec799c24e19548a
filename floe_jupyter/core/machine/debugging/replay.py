"""A step forward over a message already stepped back over: the recording answers, and no user code runs."""

from __future__ import annotations

from floe_jupyter.core.machine.delivery import returns
from floe_jupyter.core.machine.delivery.work import remainder, ungive
from floe_jupyter.core.machine.events import Record
from floe_jupyter.core.machine.failures import policy
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Work


def replay(instance: MachineState, work: Work, record: Record) -> None:
    """Repeat the recorded outputs and effects of the module."""
    lane = work.lane
    lane.calls.remove(work)
    del instance.calls[work.id]
    instance.debugger.record_into(work)
    for port, batch in record.outputs:
        if record.failure is None or port != "error":
            lane.node.given += batch.n
            instance.note(lambda n=batch.n: ungive(lane.node, n))  # type: ignore[misc]
            instance.debugger.emitted(lane.node, port, batch)
    if record.failure is None:
        lane.state, lane.reset = record.after, True
        returns.consume(instance, work, 1)
        instance.debugger.through(work, None)
    else:
        rest = policy.stopped(instance, work, remainder(work), record.failure)
        instance.debugger.through(work, record.failure)
        if rest:
            returns.give_back(instance, lane, work.id, work.queue, rest)
    returns.all_in(instance, lane)
    instance.journal = None
    instance.wake_node(lane.node)
