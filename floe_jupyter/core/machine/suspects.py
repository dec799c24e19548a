"""Suspects: messages which may have ended their runtime (see `quarantine`), and their number."""

from __future__ import annotations

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Work
from floe_jupyter.core.machine.state.tracked import TrackedMessage


def at_work_on_one(work: Work) -> bool:
    """Return True if the call is one of a suspect."""
    return work.special is not None and work.special.suspect


def count(instance: MachineState) -> int:
    """Return the number of suspects: in front of nodes, in calls, and on the way back from calls."""
    found = sum(_is_suspect(item) for node in instance.nodes.values() for queue in node.inputs for item in queue.items)
    found += sum(_is_suspect(item) for work in instance.calls.values() for item in work.items)
    returned = (items for worker in instance.workers() for _, _, items in worker.back)
    return found + sum(_is_suspect(item) for items in returned for item in items)


def recount(instance: MachineState) -> None:
    """Count again: suspects may have gone with their run or their node."""
    if instance.suspects:
        instance.suspects = count(instance)
        if not instance.suspects:
            instance.review_routes()


def clear_suspect(instance: MachineState, item: TrackedMessage) -> None:
    """Clear the message of suspicion."""
    item.suspect = False
    instance.suspects -= 1
    instance.wake_all()
    if not instance.suspects:
        instance.review_routes()


def _is_suspect(item: object) -> bool:
    return type(item) is TrackedMessage and item.suspect
