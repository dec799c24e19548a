"""Versions of modules: loading a version, and swapping versions in a running flow between two messages."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine import local_routes
from floe_jupyter.core.machine.commands import notice_of
from floe_jupyter.core.machine.events import Activate, Activated, Failure, Loaded, LoadFailed, Notice, Routed, Unload, Update
from floe_jupyter.core.machine.local_routes import is_routed
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Coming, Lane, UpdateWish
from floe_jupyter.core.machine.versions.answers import answered, resolve
from floe_jupyter.core.machine.versions.loading import find_lane, load_beside, load_first, wait_for_coming
from floe_jupyter.core.machine.work import recall


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
        vacate(instance, lane)
    elif lane.phase == "parked":
        wait_for_coming(instance, lane)
    elif lane.phase == "activating" and lane.taking is not None:
        resolve(instance, lane, lane.taking.module.version, "superseded")
        _take_back(instance, lane)
    lane.coming = Coming(module)
    load_beside(instance, lane)


def vacate(instance: MachineState, lane: Lane) -> None:
    """Give up the load of a first version: the coming version is activated with the present state."""
    instance.order(Unload(lane.node.id, lane.index, lane.version))
    resolve(instance, lane, lane.version, "superseded")
    wait_for_coming(instance, lane)


def _take_back(instance: MachineState, lane: Lane) -> None:
    """Give up an activation: the version before goes on with the state before."""
    assert lane.taking is not None
    instance.order(Unload(lane.node.id, lane.index, lane.taking.module.version))
    lane.taking = None
    go_back(instance, lane)


def go_back(instance: MachineState, lane: Lane) -> None:
    """Use the version before again, with the state before."""
    if lane.runtime:
        lane.phase, lane.reset = "ready", True
    else:
        wait_for_coming(instance, lane)
    instance.replan_around(lane.node)


def supersede(instance: MachineState, lane: Lane) -> None:
    """Replace a coming version by a newer version."""
    if lane.coming is not None:
        instance.order(Unload(lane.node.id, lane.index, lane.coming.module.version))
        resolve(instance, lane, lane.coming.module.version, "superseded")
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
    resolve(instance, lane, lane.version, "updated")
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
        keep_old(instance, lane, event.version, event.failure)
    elif lane.phase == "loading" and lane.version == event.version and lane.elsewhere:
        load_first(instance, lane)  # the module may need a single resource which its first process holds
    elif lane.phase == "loading" and lane.version == event.version:
        refuse(instance, lane, event.failure)


def keep_old(instance: MachineState, lane: Lane, version: int, failure: Failure) -> None:
    """Refuse the new version; the old version goes on with the state before."""
    lane.node.error, lane.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    if lane.taking is not None and lane.taking.module.version == version:
        lane.taking = None
        go_back(instance, lane)
    else:
        lane.coming = None
    if lane.phase == "vacant" and lane.coming is None:
        load_first(instance, lane)
    resolve(instance, lane, version, "refused", failure)
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
    resolve(instance, lane, lane.version, "refused", failure)
    swap(instance, lane)


def routed(instance: MachineState, event: Routed) -> None:
    """Note a change of local routes, and try the swaps which waited for the change."""
    node = local_routes.routed(instance, event)
    if node is not None:
        targets = dict.fromkeys(queue.target for queues in node.outs.values() for queue in queues)
        for near in (node, *map(instance.nodes.__getitem__, targets)):
            for lane in near.lanes:
                if lane.coming is not None:
                    swap(instance, lane)
