"""Loads and activations given up: after a cancelled run, after a crash, and runs that wait for a node which does not load."""

from __future__ import annotations

from floe_jupyter.core.machine.events import ATTEMPTS, Failure, Unload, Unloaded
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Coming, Lane
from floe_jupyter.core.machine.versions.loading import load_beside, load_first, wait_for_coming
from floe_jupyter.core.machine.versions.updates import go_back, keep_old, supersede, vacate


def lost_beside(instance: MachineState, lane: Lane, runtime: str, cause: str) -> None:
    """Load a version again after its runtime died, or keep the old version after `ATTEMPTS` deaths during activation."""
    if lane.taking is not None and lane.taking.runtime == runtime:
        taking, lane.taking = lane.taking, None
        go_back(instance, lane)
        lane.coming = Coming(taking.module, taking.deaths + 1)
        if lane.coming.deaths < ATTEMPTS:
            load_beside(instance, lane)
        else:
            name, n = lane.node.id, lane.coming.deaths
            text = f"the runtime ended {n} times while {name!r} was activated ({cause}): mend its `migrate`"
            keep_old(instance, lane, taking.module.version, Failure(lane.node.id, text, "crashed", attempts=ATTEMPTS))
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
            keep_old(instance, lane, taking.module.version, Failure(lane.node.id, text, "load"))


def _park(instance: MachineState, lane: Lane) -> None:
    """Take back the load in progress of a lane without a version in use."""
    if lane.phase == "loading":
        instance.leaving.add((lane.node.id, lane.index, lane.version))
        vacate(instance, lane)
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
            wait_for_coming(instance, lane)
            load_beside(instance, lane)
        elif lane.phase == "parked":
            load_first(instance, lane)


def unloaded(instance: MachineState, event: Unloaded) -> None:
    """Note the end of a load or activation given up: cancelled runs which waited for this end may be reported as over."""
    instance.leaving.discard((event.node, event.lane, event.version))


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
