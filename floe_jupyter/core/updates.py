"""Versions of modules: loading them, and swapping them in a running flow between two messages."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core import plan
from floe_jupyter.core.events import (
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
    Update,
)
from floe_jupyter.core.instance import Coming, Instance, Lane
from floe_jupyter.core.model import Module
from floe_jupyter.core.plan import is_routed
from floe_jupyter.core.runs import fail_run, recall


class UpdateWish:
    """An `Update` whose lanes have not all answered."""

    def __init__(self, token: Any, pending: list[tuple[Lane, int]]) -> None:
        self.token = token
        self.pending = pending
        """Which version of which lane has not answered."""
        self.updated: list[str] = []
        self.refused: list[Failure] = []


def load_first(instance: Instance, lane: Lane) -> None:
    """Load a version that is in use as soon as it is there."""
    assert lane.module is not None
    lane.phase, lane.refusal = "loading", None
    lane.runtime = ""
    _load(instance, lane, lane.module, dict(lane.state))


def _load(instance: Instance, lane: Lane, module: Module, state: State | None) -> None:
    node = lane.node.node
    each = node.on_error in {"retry", "hold"} or instance.debugger.hold_errors
    instance.order(Load(node.id, lane.index, module, state, node.on_error, each))


def update(instance: Instance, event: Update) -> None:
    """Load a version beside the one in use, wherever the module is used."""
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


def renew(instance: Instance, lane: Lane, module: Module) -> None:
    """Load another version for a lane."""
    if lane.phase == "refused":
        lane.module = module
        lane.reloads = 0
        load_first(instance, lane)
    else:
        lane.coming = Coming(module)
        load_beside(instance, lane)


def load_beside(instance: Instance, lane: Lane) -> None:
    """Load the version that is to come, without using it yet."""
    assert lane.coming is not None
    _load(instance, lane, lane.coming.module, None)


def lost_beside(instance: Instance, lane: Lane, runtime: str) -> None:
    """The runtime died in which a version was loaded beside the one in use: load it again."""
    if lane.taking is not None and lane.taking.runtime == runtime:
        taking, lane.taking = lane.taking, None
        lane.phase = "ready" if lane.runtime else "refused"
        if lane.coming is None:
            lane.coming = Coming(taking.module)
            load_beside(instance, lane)
        else:
            _resolve(instance, lane, taking.module.version, "superseded")
    elif lane.coming is not None and lane.coming.runtime == runtime:
        lane.coming = Coming(lane.coming.module)
        load_beside(instance, lane)


def supersede(instance: Instance, lane: Lane) -> None:
    """A newer version takes the place of one that was on its way."""
    if lane.coming is not None:
        instance.order(Unload(lane.node.id, lane.index, lane.coming.module.version))
        _resolve(instance, lane, lane.coming.module.version, "superseded")
        lane.coming = None


def loaded(instance: Instance, event: Loaded) -> None:
    lane = find_lane(instance, event.node, event.lane)
    if lane is None:
        return
    coming = lane.coming
    if coming is not None and coming.module.version == event.version:
        coming.loaded, coming.runtime = True, event.runtime
        coming.fusable, coming.follows = event.fusable, event.follows
        instance.replan()
        swap(instance, lane)
    elif lane.phase == "loading" and lane.version == event.version:
        lane.runtime, lane.fusable, lane.follows = event.runtime, event.fusable, event.follows
        _in_use(instance, lane)
        swap(instance, lane)


def _in_use(instance: Instance, lane: Lane) -> None:
    lane.phase = "ready"
    lane.node.error, lane.node.refused = "", False
    data = {"version": lane.version, "lane": lane.index, "runtime": lane.runtime}
    instance.order(Notice("loaded", lane.node.id, data=data))
    _resolve(instance, lane, lane.version, "updated")
    instance.wake_node(lane.node)
    instance.replan()


def swap(instance: Instance, lane: Lane) -> None:
    """Put the loaded version in the place of the old one, if nothing of the old one is under way."""
    coming = lane.coming
    if coming is None or not coming.loaded or lane.phase not in {"ready", "refused"} or is_routed(lane):
        return
    if lane.calls:
        recall(instance, lane)
        return
    lane.phase, lane.taking, lane.coming = "activating", coming, None
    instance.order(Activate(lane.node.id, lane.index, coming.module.version, dict(lane.state)))


def activated(instance: Instance, event: Activated) -> None:
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


def load_failed(instance: Instance, event: LoadFailed) -> None:
    lane = find_lane(instance, event.node, event.lane)
    if lane is None:
        return
    if event.version in {beside.module.version for beside in (lane.coming, lane.taking) if beside is not None}:
        _keep_old(instance, lane, event.version, event.failure)
    elif lane.phase == "loading" and lane.version == event.version:
        refuse(instance, lane, event.failure)


def _keep_old(instance: Instance, lane: Lane, version: int, failure: Failure) -> None:
    """The new version is no good; the old one goes on with the state it had."""
    lane.node.error, lane.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    if lane.taking is not None and lane.taking.module.version == version:
        lane.taking = None
        if lane.runtime:
            lane.phase, lane.reset = "ready", True
        else:
            load_first(instance, lane)
    else:
        lane.coming = None
        if lane.phase == "refused" and lane.refusal is None:
            load_first(instance, lane)
    _resolve(instance, lane, version, "refused", failure)
    instance.wake_node(lane.node)
    instance.replan()
    swap(instance, lane)


def refuse(instance: Instance, lane: Lane, failure: Failure) -> None:
    """Nothing of this lane can run: its messages wait for a better version, or their runs fail (`fail_waiting`)."""
    lane.phase, lane.refusal = "refused", failure
    instance.refused = True
    lane.node.error, lane.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    _resolve(instance, lane, lane.version, "refused", failure)
    swap(instance, lane)


def fail_waiting(instance: Instance) -> None:
    """No run can go on while a node does not load and no other version is on its way, unless somebody is there to mend it.

    A run that opens later than the refusal fails as well: asked after every event, while some lane is refused.
    """
    refused = [lane for lane in instance.lanes() if lane.phase == "refused"]
    instance.refused = bool(refused)
    if instance.debugger.on or instance.debugger.hold_errors or not instance.fail_fast:
        return
    failure = next((lane.refusal for lane in refused if lane.coming is None and not lane.node.removed), None)
    if failure is None:
        return
    for number, run in list(instance.runs.items()):
        if instance.inflight[number] or not run.closed:  # one that is through with everything ends as it is
            fail_run(instance, number, failure, at_once=True)


def _resolve(instance: Instance, lane: Lane, version: int, outcome: str, failure: Failure | None = None) -> None:
    """Tell those who wait for this version of the lane what became of it."""
    for wish in instance.updates:
        if (lane, version) in wish.pending:
            wish.pending.remove((lane, version))
            if outcome == "updated" and lane.node.id not in wish.updated:
                wish.updated.append(lane.node.id)
            elif failure is not None:
                wish.refused.append(failure)
    answered(instance)


def answered(instance: Instance) -> None:
    """Reply to the updates that every lane has answered."""
    for wish in [wish for wish in instance.updates if not wish.pending]:
        instance.updates.remove(wish)
        refused = [_plain(failure) for failure in wish.refused]
        instance.order(Reply(wish.token, {"updated": wish.updated, "refused": refused}))


def routed(instance: Instance, event: Routed) -> None:
    """Local routes are changed; a swap may have waited for that."""
    plan.routed(instance, event)
    for lane in instance.lanes():
        if lane.coming is not None:
            swap(instance, lane)


def find_lane(instance: Instance, node: str, index: int) -> Lane | None:
    state = instance.nodes.get(node)
    return state.lanes[index] if state is not None and index < len(state.lanes) else None


def _plain(failure: Failure) -> Any:
    return msgspec.to_builtins(failure)


def notice_of(kind: str, failure: Failure, **more: Any) -> Notice:
    """A notice about a failure."""
    return Notice(kind, failure.node, failure.run, {"failure": _plain(failure), **more})

