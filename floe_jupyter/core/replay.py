"""A step forward over a message that was stepped back over: the recording answers, and no user code runs."""

from __future__ import annotations

from floe_jupyter.core import faults, returns
from floe_jupyter.core.events import Record
from floe_jupyter.core.instance import Instance, Work


def replay(instance: Instance, work: Work, record: Record) -> None:
    """Do what the module did then."""
    lane = work.lane
    lane.calls.remove(work)
    del instance.calls[work.id]
    instance.debugger.record_into(work)
    for port, batch in record.outputs:
        if record.failure is None or port != "error":
            lane.node.given += batch.n
            instance.note(lambda n=batch.n: returns.ungive(lane.node, n))  # type: ignore[misc]
            instance.debugger.emitted(lane.node, port, batch)
    if record.failure is None:
        lane.state, lane.reset = record.after, True
        returns.consume(instance, work, 1)
        instance.debugger.through(work, None)
    else:
        rest = faults.stopped(instance, work, returns.remainder(work), record.failure)
        instance.debugger.through(work, record.failure)
        if rest:
            returns.give_back(instance, lane, work.id, work.queue, rest)
    returns.all_in(instance, lane)
    instance.journal = None
    instance.wake_node(lane.node)
