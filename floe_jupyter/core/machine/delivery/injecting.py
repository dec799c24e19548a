"""Messages from outside: injected in front of a node, in runs that the first injection opens."""

from __future__ import annotations

from floe_jupyter.core.machine.accounting import account, alive
from floe_jupyter.core.machine.events import CHUNK, Accepted, Failure, Inject
from floe_jupyter.core.machine.inboxes import inbox
from floe_jupyter.core.machine.runs import fail_run, open_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.tracked import pieces_of
from floe_jupyter.core.machine.wires.queueing import enqueue
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import UnknownName, unknown


def inject(instance: MachineState, event: Inject) -> None:
    """Put injected messages into a node's inbox and open their runs. Raises `UnknownName` for an unknown node or port."""
    queue = _entry(instance, event)
    for run in _runs(event):
        if open_run(instance, run) and event.close:
            instance.runs[run].closed = True
    batch = alive(instance, event.batch)
    if batch is not None:
        _count_fed(instance, batch)
    for part in pieces_of(batch, CHUNK) if batch is not None else ():
        account(instance, part, 1)
        enqueue(instance, queue, part)
    if event.token is None:
        return
    if batch is not None and queue.full:
        queue.tokens.append(event.token)
    else:
        instance.order(Accepted(event.token))


def _count_fed(instance: MachineState, batch: Batch) -> None:
    if batch.runs is None:
        instance.runs[batch.run].fed += batch.n
    else:
        for run in batch.runs:
            instance.runs[run].fed += 1


def _runs(event: Inject) -> dict[int, None]:
    return dict.fromkeys(event.batch.runs or (event.batch.run,))


def _entry(instance: MachineState, event: Inject) -> Queue:
    """Return the queue for injected messages. Raises `UnknownName`, after failing the runs without any other messages to come."""
    try:
        if event.node not in instance.nodes:
            raise unknown("node", event.node, instance.nodes)
        return inbox(instance, instance.nodes[event.node], event.port)
    except UnknownName as error:
        for run in _runs(event) if event.close else ():
            if open_run(instance, run):
                fail_run(instance, run, Failure(event.node, str(error), kind="refused", run=run), at_once=True)
        raise
