"""A step forward over a message already stepped back over: the recording answers, and no user code runs."""

from __future__ import annotations

from floe_jupyter.core.machine.debugging.recording import close_record, record_into
from floe_jupyter.core.machine.delivery import returns
from floe_jupyter.core.machine.events import Record
from floe_jupyter.core.machine.failures import policy
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Work
from floe_jupyter.core.machine.wires.outbox import put_out
from floe_jupyter.core.machine.work import remainder, uncount_given


def replays(instance: MachineState, work: Work) -> bool:
    """Answer a call from the recording, if the same message was handled in the same way before. Return True if answered."""
    worker, recorder = work.worker, instance.debugger.recorder
    if not recorder.undone:
        return False
    record = recorder.again(worker.node.id, worker.version, work.batch, worker.state)
    instance.debugger.stale = not recorder.undone
    if record is None:
        return False
    _replay(instance, work, record)
    return True


def _replay(instance: MachineState, work: Work, record: Record) -> None:
    """Repeat the recorded outputs and effects of the module."""
    worker = work.worker
    worker.calls.remove(work)
    del instance.calls[work.id]
    record_into(instance, work)
    for port, batch in record.outputs:
        if record.failure is None or port != "error":
            worker.node.given += batch.n
            instance.note(lambda n=batch.n: uncount_given(worker.node, n))  # type: ignore[misc]
            put_out(instance, worker.node, port, batch)
    if record.failure is None:
        worker.state, worker.reset = record.after, True
        returns.consume(instance, work, 1)
        close_record(instance, work, None)
    else:
        rest = policy.stopped(instance, work, remainder(work), record.failure)
        close_record(instance, work, record.failure)
        if rest:
            returns.give_back(instance, worker, work.id, work.queue, rest)
    returns.all_in(instance, worker)
    instance.journal = None
    instance.wake_node(worker.node)
