"""Answers to updates: an update is answered when every worker of its module has its version in use, or not."""

from __future__ import annotations

import msgspec

from floe_jupyter.core.machine.events import Failure, Reply
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import WorkerState


def resolve(instance: MachineState, worker: WorkerState, version: int, outcome: str, failure: Failure | None = None) -> None:
    """Tell the requests waiting for this version of the worker the outcome."""
    for request in instance.updates:
        if (worker, version) in request.pending:
            del request.pending[worker, version]
            if outcome == "updated":
                request.updated[worker.node.id] = None
            elif failure is not None:
                request.refused.append(failure)
    answered(instance)


def answered(instance: MachineState) -> None:
    """Reply to the updates which every worker has answered."""
    for request in [request for request in instance.updates if not request.pending]:
        instance.updates.remove(request)
        refused = [msgspec.to_builtins(failure) for failure in request.refused]
        instance.order(Reply(request.token, {"updated": list(request.updated), "refused": refused}))
