"""Versions of modules: loading a version, and swapping versions in a running flow between two messages."""

from __future__ import annotations

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.commands import notice_of
from floe_jupyter.core.machine.delivery import local_routes
from floe_jupyter.core.machine.delivery.local_routes import is_routed
from floe_jupyter.core.machine.events import (
    ATTEMPTS,
    Activate,
    Activated,
    Failure,
    Load,
    Loaded,
    LoadFailed,
    Notice,
    Reply,
    Routed,
    State,
    Unload,
    Unloaded,
    Update,
)
from floe_jupyter.core.machine.runs import fail_run, recall
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Coming, Lane, NodeState, UpdateWish


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


def update(instance: MachineState, event: Update) -> None:
    """Load a version beside the version in use, in every node of the module."""
    module = event.module
    instance.modules[module.name] = module
    nodes = [node for node in instance.nodes.values() if node.lanes and node.node.module == module.name]
    for node in nodes:
        node.module = module
    lanes = [lane for node in nodes for lane in node.lanes]
    for lane in lanes:
        supersede(instance, lane)
    instance.updates.append(UpdateWish(event.token, [(lane, module.version) for lane in lanes]))
    for lane in lanes:
        renew(instance, lane, module)
    answered(instance)


def renew(instance: MachineState, lane: Lane, module: Module) -> None:
    """Load another version for a lane, without waiting for a load or activation in progress, which may never end."""
    if lane.phase == "refused":
        lane.module = module
        lane.reloads = 0
        load_first(instance, lane)
        return
    if lane.phase == "loading":
        _vacate(instance, lane)
    elif lane.phase == "parked":
        _wait_for_coming(instance, lane)
    elif lane.phase == "activating" and lane.taking is not None:
        _resolve(instance, lane, lane.taking.module.version, "superseded")
        _take_back(instance, lane)
    lane.coming = Coming(module)
    load_beside(instance, lane)


def _vacate(instance: MachineState, lane: Lane) -> None:
    """Give up the load of a first version: the coming version is activated with the present state."""
    instance.order(Unload(lane.node.id, lane.index, lane.version))
    _resolve(instance, lane, lane.version, "superseded")
    _wait_for_coming(instance, lane)


def _wait_for_coming(instance: MachineState, lane: Lane) -> None:
    lane.phase = "vacant"
    instance.loading.add(lane)
    instance.replan_around(lane.node)


def _take_back(instance: MachineState, lane: Lane) -> None:
    """Give up an activation: the version before goes on with the state before."""
    assert lane.taking is not None
    instance.order(Unload(lane.node.id, lane.index, lane.taking.module.version))
    lane.taking = None
    _go_back(instance, lane)


def _go_back(instance: MachineState, lane: Lane) -> None:
    if lane.runtime:
        lane.phase, lane.reset = "ready", True
    else:
        _wait_for_coming(instance, lane)
    instance.replan_around(lane.node)


def load_beside(instance: MachineState, lane: Lane) -> None:
    """Load the coming version without using the version yet."""
    assert lane.coming is not None
    _load(instance, lane, lane.coming.module, None)


def lost_beside(instance: MachineState, lane: Lane, runtime: str, cause: str) -> None:
    """Load a version again after its runtime died, or keep the old version after `ATTEMPTS` deaths during activation."""
    if lane.taking is not None and lane.taking.runtime == runtime:
        taking, lane.taking = lane.taking, None
        _go_back(instance, lane)
        lane.coming = Coming(taking.module, taking.deaths + 1)
        if lane.coming.deaths < ATTEMPTS:
            load_beside(instance, lane)
        else:
            name, n = lane.node.id, lane.coming.deaths
            text = f"the runtime ended {n} times while {name!r} was activated ({cause}): mend its `migrate`"
            _keep_old(instance, lane, taking.module.version, Failure(lane.node.id, text, "crashed", attempts=ATTEMPTS))
    elif lane.coming is not None and lane.coming.runtime == runtime:
        lane.coming = Coming(lane.coming.module)
        load_beside(instance, lane)


def give_up(instance: MachineState) -> None:
    """Give up loads and activations which may never end, after a run was cancelled and no other run is open.

    A first version is loaded again for the next run.
    """
    instance.giving_up = False
    for lane in instance.lanes() if not instance.runs and not instance.stopping else ():
        taking = lane.taking
        if lane.phase in {"loading", "vacant"}:
            _park(instance, lane)
        elif taking is not None:
            text = f"the activation of {lane.node.id!r} (its `migrate`) had not ended when its run was cancelled, and was ended"
            instance.leaving.add((lane.node.id, lane.index, taking.module.version))
            instance.order(Unload(lane.node.id, lane.index, taking.module.version))
            _keep_old(instance, lane, taking.module.version, Failure(lane.node.id, text, "load"))


def _park(instance: MachineState, lane: Lane) -> None:
    """Take back the load in progress of a lane without a version in use."""
    if lane.phase == "loading":
        instance.leaving.add((lane.node.id, lane.index, lane.version))
        _vacate(instance, lane)
    if lane.coming is not None:
        module = lane.coming.module
        instance.leaving.add((lane.node.id, lane.index, module.version))
        supersede(instance, lane)
        lane.coming = Coming(module)
    lane.phase = "parked"
    instance.parked = True


def unpark(instance: MachineState) -> None:
    """Load the versions given up, for a newly opened run."""
    instance.parked = False
    for lane in instance.lanes():
        if lane.phase == "parked" and lane.coming is not None:
            _wait_for_coming(instance, lane)
            load_beside(instance, lane)
        elif lane.phase == "parked":
            load_first(instance, lane)


def unloaded(instance: MachineState, event: Unloaded) -> None:
    """Note the end of a load or activation given up: cancelled runs which waited for this end may be reported as over."""
    instance.leaving.discard((event.node, event.lane, event.version))


def supersede(instance: MachineState, lane: Lane) -> None:
    """Replace a coming version by a newer version."""
    if lane.coming is not None:
        instance.order(Unload(lane.node.id, lane.index, lane.coming.module.version))
        _resolve(instance, lane, lane.coming.module.version, "superseded")
        lane.coming = None
        instance.replan_around(lane.node)


def loaded(instance: MachineState, event: Loaded) -> None:
    """Take a loaded version into use, or swap it in beside the version in use."""
    lane = find_lane(instance, event.node, event.lane)
    if lane is None:
        return
    coming = lane.coming
    if coming is not None and coming.module.version == event.version:
        coming.loaded, coming.runtime = True, event.runtime
        coming.fusable, coming.follows = event.fusable, event.follows
        instance.replan_around(lane.node)
        swap(instance, lane)
    elif lane.phase == "loading" and lane.version == event.version:
        lane.runtime, lane.fusable, lane.follows = event.runtime, event.fusable, event.follows
        _in_use(instance, lane)
        swap(instance, lane)


def _in_use(instance: MachineState, lane: Lane) -> None:
    lane.phase = "ready"
    lane.node.error, lane.node.refused = "", False
    data = {"version": lane.version, "lane": lane.index, "runtime": lane.runtime}
    instance.order(Notice("loaded", lane.node.id, data=data))
    _resolve(instance, lane, lane.version, "updated")
    instance.wake_node(lane.node)
    instance.replan_around(lane.node)


def swap(instance: MachineState, lane: Lane) -> None:
    """Activate the loaded version in place of the old version, if the lane has no open call of the old version."""
    coming = lane.coming
    if coming is None or not coming.loaded or lane.phase not in {"ready", "refused", "vacant"} or is_routed(lane):
        return
    if lane.calls:
        recall(instance, lane)
        return
    lane.phase, lane.taking, lane.coming = "activating", coming, None
    instance.loading.add(lane)
    instance.order(Activate(lane.node.id, lane.index, coming.module.version, dict(lane.state)))


def activated(instance: MachineState, event: Activated) -> None:
    """Put the activated version into use and unload the old version."""
    lane = find_lane(instance, event.node, event.lane)
    if lane is None or lane.taking is None or lane.taking.module.version != event.version:
        return
    coming, old = lane.taking, lane.module
    lane.taking = None
    lane.module, lane.runtime, lane.state = coming.module, coming.runtime, event.state
    lane.fusable, lane.follows = coming.fusable, coming.follows
    lane.reset = False
    if old is not None and old.version != event.version:
        instance.order(Unload(lane.node.id, lane.index, old.version))
    _in_use(instance, lane)
    swap(instance, lane)


def load_failed(instance: MachineState, event: LoadFailed) -> None:
    """Keep the old version after a failed load or activation, or refuse the lane if the first version failed."""
    lane = find_lane(instance, event.node, event.lane)
    if lane is None:
        return
    if event.version in {beside.module.version for beside in (lane.coming, lane.taking) if beside is not None}:
        _keep_old(instance, lane, event.version, event.failure)
    elif lane.phase == "loading" and lane.version == event.version and lane.elsewhere:
        load_first(instance, lane)  # the module may need a single resource which its first process holds
    elif lane.phase == "loading" and lane.version == event.version:
        refuse(instance, lane, event.failure)


def _keep_old(instance: MachineState, lane: Lane, version: int, failure: Failure) -> None:
    """Refuse the new version; the old version goes on with the state before."""
    lane.node.error, lane.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    if lane.taking is not None and lane.taking.module.version == version:
        lane.taking = None
        _go_back(instance, lane)
    else:
        lane.coming = None
    if lane.phase == "vacant" and lane.coming is None:
        load_first(instance, lane)
    _resolve(instance, lane, version, "refused", failure)
    instance.wake_node(lane.node)
    instance.replan_around(lane.node)
    swap(instance, lane)


def refuse(instance: MachineState, lane: Lane, failure: Failure) -> None:
    """Refuse a lane: its messages wait for a better version, or their runs fail (`fail_waiting`)."""
    lane.phase, lane.refusal = "refused", failure
    instance.refused.add(lane)
    instance.replan_around(lane.node)
    lane.node.error, lane.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    _resolve(instance, lane, lane.version, "refused", failure)
    swap(instance, lane)


def fail_waiting(instance: MachineState) -> None:
    """Fail the runs while a node does not load and no other version is coming, unless a user is present to mend the module.

    A run opened after the refusal fails as well: called after every event while a lane is refused.
    """
    if instance.debugger.on or instance.debugger.hold_errors or not instance.fail_fast:
        return
    failure = next((lane.refusal for lane in instance.refused if lane.coming is None and not lane.node.removed), None)
    if failure is None:
        return
    for number, run in list(instance.runs.items()):
        if instance.inflight[number] or not run.closed:  # a run with all messages done ends as usual
            fail_run(instance, number, failure, at_once=True)


def _resolve(instance: MachineState, lane: Lane, version: int, outcome: str, failure: Failure | None = None) -> None:
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


def routed(instance: MachineState, event: Routed) -> None:
    """Note a change of local routes, and try the swaps which waited for the change."""
    node = local_routes.routed(instance, event)
    if node is not None:
        targets = dict.fromkeys(queue.target for queues in node.outs.values() for queue in queues)
        for near in (node, *map(instance.nodes.__getitem__, targets)):
            for lane in near.lanes:
                if lane.coming is not None:
                    swap(instance, lane)


def find_lane(instance: MachineState, node: str, index: int) -> Lane | None:
    """Return the lane of a node by its index, or None."""
    state = instance.nodes.get(node)
    return state.lanes[index] if state is not None and index < len(state.lanes) else None
