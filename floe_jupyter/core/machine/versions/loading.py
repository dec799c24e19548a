"""Orders to load a version: as the first of a worker, or beside the version in use."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.flow.placement import runner_of
from floe_jupyter.core.machine.events import Load, State
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, WorkerState


def load_first(instance: MachineState, worker: WorkerState, *, elsewhere: bool = False) -> None:
    """Load a version for use as soon as loaded; with *elsewhere* in another process than before."""
    assert worker.module is not None
    worker.phase, worker.refusal = "loading", None
    worker.runtime, worker.elsewhere = "", elsewhere
    worker.runner = outpost_of(instance, worker, worker.module)
    instance.loading.add(worker)
    _load(instance, worker, worker.module, dict(worker.state), worker.runner)


def _load(instance: MachineState, worker: WorkerState, module: Module, state: State | None, runner: str) -> None:
    worker.policy, each = policy_of(worker.node)
    each = each or instance.debugger.hold_errors
    elsewhere = worker.elsewhere and state is not None
    instance.order(Load(worker.node.id, worker.index, module, state, worker.policy, each, elsewhere, runner))


def outpost_of(instance: MachineState, worker: WorkerState, module: Module) -> str:
    """Return the URL of the outpost where a version is to be loaded; empty for the home runner."""
    url = runner_of(worker.node.node, module, worker.index, instance.flow.runner)
    return "" if url == instance.home else url


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
    coming = worker.coming
    assert coming is not None
    coming.runner = outpost_of(instance, worker, coming.module)
    _load(instance, worker, coming.module, None, coming.runner)


def find_worker(instance: MachineState, node: str, index: int) -> WorkerState | None:
    """Return the worker of a node by its index, or None."""
    state = instance.nodes.get(node)
    return state.workers[index] if state is not None and index < len(state.workers) else None
