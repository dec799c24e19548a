"""Orders to load a version: as the first of a lane, or beside the version in use."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.events import Load, State
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Lane, NodeState


def load_first(instance: MachineState, lane: Lane, *, elsewhere: bool = False) -> None:
    """Load a version for use as soon as loaded; with *elsewhere* in another process than before."""
    assert lane.module is not None
    lane.phase, lane.refusal = "loading", None
    lane.runtime, lane.elsewhere = "", elsewhere
    instance.loading.add(lane)
    _load(instance, lane, lane.module, dict(lane.state))


def _load(instance: MachineState, lane: Lane, module: Module, state: State | None) -> None:
    lane.policy, each = policy_of(lane.node)
    each = each or instance.debugger.hold_errors
    instance.order(Load(lane.node.id, lane.index, module, state, lane.policy, each, lane.elsewhere and state is not None))


def policy_of(node: NodeState) -> tuple[str, bool]:
    """Return the failure policy of a node's runtime, and whether the runtime commits each message.

    A runtime with ``skip`` passes over failures by itself, unless the error records go to a wired error port: the machine makes
    error records.
    """
    on_error = node.node.on_error
    return "fail" if on_error == "skip" and node.outs.get("error") else on_error, on_error in {"retry", "hold"}


def wait_for_coming(instance: MachineState, lane: Lane) -> None:
    """Leave a lane without a version in use until the coming version is loaded."""
    lane.phase = "vacant"
    instance.loading.add(lane)
    instance.replan_around(lane.node)


def load_beside(instance: MachineState, lane: Lane) -> None:
    """Load the coming version without using the version yet."""
    assert lane.coming is not None
    _load(instance, lane, lane.coming.module, None)


def find_lane(instance: MachineState, node: str, index: int) -> Lane | None:
    """Return the lane of a node by its index, or None."""
    state = instance.nodes.get(node)
    return state.lanes[index] if state is not None and index < len(state.lanes) else None
