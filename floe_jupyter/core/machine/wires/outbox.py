"""Outputs on their way out of a node: recorded, held behind the node at a breakpoint, and let out."""

from __future__ import annotations

from floe_jupyter.core.machine.accounting import account, alive
from floe_jupyter.core.machine.debugging.breakpoints import holding
from floe_jupyter.core.machine.debugging.holding import hold_at
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as
from floe_jupyter.core.machine.wires.outputs import emit
from floe_jupyter.core.messages import Batch, split


def put_out(instance: MachineState, node: NodeState, port: str, batch: Batch) -> None:
    """Send the outputs of a node on; with debugging record them one by one, and hold outputs at a breakpoint.

    A held output keeps back the later outputs of its port, also after debugging is switched off.
    """
    if not instance.debugger.on and not node.outbox:
        emit(instance, node, port, batch)
        return
    for part in split(named_as(batch, f"{node.id}.{port}", node.given - batch.n)):
        if alive(instance, part) is not None:  # an output before this one may have filled a wire so far that the run is over
            _put_out_one(instance, node, port, part)


def _put_out_one(instance: MachineState, node: NodeState, port: str, part: Batch) -> None:
    debugger = instance.debugger
    if debugger.current is not None:
        debugger.current.outputs.append((port, part))
    item = TrackedMessage(part)
    item.undo = instance.journal
    found = holding(instance, part, (node.id, "out", port), node.workers[0].state)
    if found is not None and not debugger.paused:
        hold_at(instance, node, item, found)
    if item.held or any(other == port for other, _ in node.outbox):
        _keep_behind(instance, node, port, item)
    else:
        emit(instance, node, port, part)


def _keep_behind(instance: MachineState, node: NodeState, port: str, item: TrackedMessage) -> None:
    entry = (port, item)
    node.outbox.append(entry)
    account(instance, item.batch, 1)
    instance.note(lambda: node.outbox.remove(entry) if entry in node.outbox else None)


def release(instance: MachineState, node: NodeState) -> None:
    """Put the outputs held behind a node on its wires."""
    while node.outbox:
        _let_out(instance, node, node.outbox[0])
    instance.wake_node(node)


def let_through(instance: MachineState, node: NodeState) -> None:
    """Put outputs on the wires which waited behind a held output, now gone."""
    while (entry := _first_free(node)) is not None:
        _let_out(instance, node, entry)
    instance.wake_node(node)


def _first_free(node: NodeState) -> tuple[str, TrackedMessage] | None:
    """Return the first output behind a node without a held output before it on its port, or None."""
    held = {port for port, item in node.outbox if item.held}
    return next(((port, item) for port, item in node.outbox if port not in held), None)


def _let_out(instance: MachineState, node: NodeState, entry: tuple[str, TrackedMessage]) -> None:
    node.outbox.remove(entry)
    port, item = entry
    item.held, instance.debugger.miscounted = "", True
    before, instance.journal = instance.journal, item.undo
    emit(instance, node, port, item.batch)
    account(instance, item.batch, -1)
    instance.journal = before
