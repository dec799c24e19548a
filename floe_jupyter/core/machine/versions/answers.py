"""Answers to updates: an update is answered when every lane of its module has its version in use, or not."""

from __future__ import annotations

import msgspec

from floe_jupyter.core.machine.events import Failure, Reply
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Lane


def resolve(instance: MachineState, lane: Lane, version: int, outcome: str, failure: Failure | None = None) -> None:
    """Tell the requests waiting for this version of the lane the outcome."""
    for wish in instance.updates:
        if (lane, version) in wish.pending:
            del wish.pending[lane, version]
            if outcome == "updated":
                wish.updated[lane.node.id] = None
            elif failure is not None:
                wish.refused.append(failure)
    answered(instance)


def answered(instance: MachineState) -> None:
    """Reply to the updates which every lane has answered."""
    for wish in [wish for wish in instance.updates if not wish.pending]:
        instance.updates.remove(wish)
        refused = [msgspec.to_builtins(failure) for failure in wish.refused]
        instance.order(Reply(wish.token, {"updated": list(wish.updated), "refused": refused}))
