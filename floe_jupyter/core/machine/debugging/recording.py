"""Recording: each step with its outputs and effects, so that it can be undone."""

from __future__ import annotations

from floe_jupyter.core.machine.debugging.holding import let_go, put_back
from floe_jupyter.core.machine.events import Failure, Notice, Record
from floe_jupyter.core.machine.inboxes import return_queue
from floe_jupyter.core.machine.room import announce_room
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import Work
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.messages import Batch


def open_record(instance: MachineState, work: Work) -> None:
    """Open the record of a message about to be handled: from now on the message can be undone."""
    item, queue, worker, before = work.special, work.queue, work.worker, work.worker.state
    assert item is not None
    work.before = before
    work.group = instance.debugger.step_group()

    def undo() -> None:
        worker.state, worker.reset = before, True
        let_go(item)
        put_back(return_queue(instance, worker.node, queue), item)

    work.journal = [undo]


def record_into(instance: MachineState, work: Work) -> bool:
    """Record the outputs and effects of a call from now on. Return False if the call is not one of a single message."""
    if not instance.debugger.on:
        work.journal = None
    instance.journal = work.journal
    instance.debugger.current = work if work.journal is not None else None
    return work.journal is not None


def close_record(instance: MachineState, work: Work, failure: Failure | None) -> None:
    """Keep the record of a finished call."""
    if work.journal is None or not (work.done or failure):
        return
    worker, item, recorder = work.worker, work.special, instance.debugger.recorder
    assert item is not None
    batch = work.batch
    record = Record(
        recorder.next_number(),
        worker.node.id,
        worker.index,
        batch.run,
        item.id,
        work.queue.port,
        worker.version,
        batch,
        tuple(work.outputs),
        work.before,
        worker.state,
        item.failure or failure,
        work.group,
    )
    recorder.add(record, work.journal)
    work.journal = None


def note_put(instance: MachineState, queue: Queue, items: list[TrackedMessage]) -> None:
    """Note messages put on a wire: undoing takes the messages off again, at any position."""
    journal = instance.journal
    if journal is None:
        return
    for item in items:
        item.undo = journal
        journal.append(lambda item=item: _unput(instance, queue, item))  # type: ignore[misc]


def _unput(instance: MachineState, queue: Queue, item: TrackedMessage) -> None:
    if any(other is item for other in queue.items):
        queue.remove(item)
        announce_room(instance, queue)
    queue.sent -= 1


def note_result(instance: MachineState, batch: Batch) -> None:
    """Note a result: undoing withdraws the result."""
    ids = list(batch.ids or ())

    def undo() -> None:
        instance.results -= batch.n
        instance.order(Notice("withdrawn", run=batch.run, data={"ids": ids}))

    instance.note(undo)
