"""Holding: messages stopped in front of a node or behind it, their number, and letting them go."""

from __future__ import annotations

from floe_jupyter.core.machine.debugging.breakpoints import holding
from floe_jupyter.core.machine.events import Failure, Notice, State
from floe_jupyter.core.machine.state.debugging import ActiveBreakpoint
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.records import NodeState
from floe_jupyter.core.machine.state.tracked import TrackedMessage


def admits(instance: MachineState, node: NodeState, queue: Queue, head: TrackedMessage, state: State) -> bool:
    """Return True if the breakpoints in front of a node let its next message in."""
    if head.passed:
        return True
    found = holding(instance, head.batch, (node.id, "in", queue.port), state)
    if found is None:
        head.passed = True
        return True
    hold_at(instance, node, head, found)
    return False


def hold_at(
    instance: MachineState, node: NodeState, item: TrackedMessage, found: tuple[ActiveBreakpoint, Failure | None]
) -> None:
    """Hold a message at a breakpoint, and announce the hold."""
    breakpoint_, item.failure = found
    item.held, item.breakpoint = "breakpoint", breakpoint_.given.id
    instance.debugger.held += 1
    data = {"id": item.id, "reason": "breakpoint", "breakpoint": item.breakpoint, "side": breakpoint_.given.side}
    if item.failure is not None:
        data["error"] = item.failure.message
    instance.order(Notice("held", node.id, item.batch.run, data))


def announce(instance: MachineState, node: NodeState, queue: Queue, item: TrackedMessage) -> None:
    """Count a message of a step at the breakpoints, and log their texts: a step goes over breakpoints."""
    if not item.passed:
        holding(instance, item.batch, (node.id, "in", queue.port), node.workers[0].state if node.workers else {})


def recount_held(instance: MachineState) -> None:
    """Count the held messages again."""
    debugger = instance.debugger
    debugger.miscounted = False
    debugger.held = sum(
        1 for queue in instance.queues() for item in queue.items if isinstance(item, TrackedMessage) and item.held
    )
    debugger.held += sum(1 for node in instance.nodes.values() for _, item in node.outbox if item.held)


def put_back(queue: Queue, item: TrackedMessage) -> None:
    """Put a message back to the head of its wire, unless already there."""
    if not any(other is item for other in queue.items):
        queue.put_back([item])


def let_go(item: TrackedMessage, *, keep_attempts: bool = False) -> None:
    """Let go of a held message; a failure is forgotten, so the message is tried again."""
    if item.held == "error" and not keep_attempts:
        item.attempts = item.crashes = 0
    item.held, item.breakpoint, item.failure, item.passed, item.due = "", "", None, True, 0.0
