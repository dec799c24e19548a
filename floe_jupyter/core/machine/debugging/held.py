"""Held messages: putting back, letting go, and finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_jupyter.core.machine.state.queues import Queue, TrackedMessage

if TYPE_CHECKING:
    from floe_jupyter.core.machine.state.instance import MachineState
    from floe_jupyter.core.machine.state.records import NodeState

if TYPE_CHECKING:
    from floe_jupyter.core.machine.state.instance import MachineState


def put_back(queue: Queue, item: TrackedMessage) -> None:
    """Put a message back to the head of its wire, unless already there."""
    if not any(other is item for other in queue.items):
        queue.put_back([item])


def let_go(item: TrackedMessage, *, keep_attempts: bool = False) -> None:
    """Let go of a held message; a failure is forgotten, so the message is tried again."""
    if item.held == "error" and not keep_attempts:
        item.attempts = item.crashes = 0
    item.held, item.breakpoint, item.failure, item.passed, item.due = "", "", None, True, 0.0


def all_queues(instance: MachineState) -> list[Queue]:
    """Return all queues with waiting messages, in the order of the flow."""
    return [queue for node in instance.nodes.values() for queue in node.inputs]


def untake(node: NodeState) -> None:
    """Take back the count of one handled message."""
    node.taken -= 1


def first_free(node: NodeState) -> tuple[str, TrackedMessage] | None:
    """Return the first output behind a node without a held output before it on its port, or None."""
    held = {port for port, item in node.outbox if item.held}
    return next(((port, item) for port, item in node.outbox if port not in held), None)
