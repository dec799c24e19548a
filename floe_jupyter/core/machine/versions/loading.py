"""Orders to load a version: as the first of a worker, or beside the version in use."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.events import Load, State
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, WorkerState


def load_first(instance: MachineState, worker: WorkerState, *, elsewhere: bool = False) -> None:
    """Load a version for use as soon as loaded; with *elsewhere* in another process than before."""
    assert worker.module is not None
    worker.phase, worker.refusal = "loading", None
    worker.runtime, worker.elsewhere = "", elsewhere
    instance.loading.add(worker)
    _load(instance, worker, worker.module, dict(worker.state))


def _load(instance: MachineState, worker: WorkerState, module: Module, state: State | None) -> None:
    worker.policy, each = policy_of(worker.node)
    each = each or instance.debugger.hold_errors
    instance.order(Load(worker.node.id, worker.index, module, state, worker.policy, each, worker.elsewhere and state is not None))


def policy_of(node: NodeState) -> tuple[str, bool]:
    """Return the failure policy of a node's runtime, and whether the runtime commits each message.

    A runtime with ``skip`` passes over failures by itself, unless the error records go to a wired error port: the machine makes
    error records.
    """
    on_error = node.node.on_error
    return "fail" if on_error == "skip" and node.outs.get("error") else on_error, on_error in {"retry", "hold"}


def wait_for_coming(instance: MachineState, worker: WorkerState) -> None:
    """Leave a worker without a version in use until the coming version is loaded."""
    worker.phase = "vacant"
    instance.loading.add(worker)
    instance.review_routes_around(worker.node)


def load_beside(instance: MachineState, worker: WorkerState) -> None:
    """Load the coming version without using the version yet."""
    assert worker.coming is not None
    _load(instance, worker, worker.coming.module, None)


def find_worker(instance: MachineState, node: str, index: int) -> WorkerState | None:
    """Return the worker of a node by its index, or None."""
    state = instance.nodes.get(node)
    return state.workers[index] if state is not None and index < len(state.workers) else None
