"""Loads and activations given up: after a cancelled run, after a crash, and runs that wait for a node which does not load."""

from __future__ import annotations

from floe_jupyter.core.machine.events import ATTEMPTS, Failure, Unload, Unloaded
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Coming, WorkerState
from floe_jupyter.core.machine.versions.loading import load_beside, load_first, wait_for_coming
from floe_jupyter.core.machine.versions.updates import go_back, keep_old, supersede, vacate


def lost_beside(instance: MachineState, worker: WorkerState, runtime: str, cause: str) -> None:
    """Load a version again after its runtime died, or keep the old version after `ATTEMPTS` deaths during activation."""
    if worker.taking is not None and worker.taking.runtime == runtime:
        taking, worker.taking = worker.taking, None
        go_back(instance, worker)
        worker.coming = Coming(taking.module, taking.deaths + 1)
        if worker.coming.deaths < ATTEMPTS:
            load_beside(instance, worker)
        else:
            name, n = worker.node.id, worker.coming.deaths
            text = f"the runtime ended {n} times while {name!r} was activated ({cause}): mend its `migrate`"
            keep_old(instance, worker, taking.module.version, Failure(worker.node.id, text, "crashed", attempts=ATTEMPTS))
    elif worker.coming is not None and worker.coming.runtime == runtime:
        worker.coming = Coming(worker.coming.module)
        load_beside(instance, worker)


def give_up(instance: MachineState) -> None:
    """Give up loads and activations which may never end, after a run was cancelled and no other run is open.

    A first version is loaded again for the next run.
    """
    instance.giving_up = False
    for worker in instance.workers() if not instance.runs and not instance.stopping else ():
        taking = worker.taking
        if worker.phase in {"loading", "vacant"}:
            _park(instance, worker)
        elif taking is not None:
            text = f"the activation of {worker.node.id!r} (its `migrate`) had not ended when its run was cancelled, and was ended"
            instance.leaving.add((worker.node.id, worker.index, taking.module.version))
            instance.order(Unload(worker.node.id, worker.index, taking.module.version))
            keep_old(instance, worker, taking.module.version, Failure(worker.node.id, text, "load"))


def _park(instance: MachineState, worker: WorkerState) -> None:
    """Take back the load in progress of a worker without a version in use."""
    if worker.phase == "loading":
        instance.leaving.add((worker.node.id, worker.index, worker.version))
        vacate(instance, worker)
    if worker.coming is not None:
        module = worker.coming.module
        instance.leaving.add((worker.node.id, worker.index, module.version))
        supersede(instance, worker)
        worker.coming = Coming(module)
    worker.phase = "parked"
    instance.parked = True


def unpark(instance: MachineState) -> None:
    """Load the versions given up, for a newly opened run."""
    instance.parked = False
    for worker in instance.workers():
        if worker.phase == "parked" and worker.coming is not None:
            wait_for_coming(instance, worker)
            load_beside(instance, worker)
        elif worker.phase == "parked":
            load_first(instance, worker)


def unloaded(instance: MachineState, event: Unloaded) -> None:
    """Note the end of a load or activation given up: cancelled runs which waited for this end may be reported as over."""
    instance.leaving.discard((event.node, event.worker, event.version))


def fail_waiting(instance: MachineState) -> None:
    """Fail the runs while a node does not load and no other version is coming, unless a user is present to mend the module.

    A run opened after the refusal fails as well: called after every event while a worker is refused.
    """
    if instance.debugger.on or instance.debugger.hold_errors or not instance.fail_fast:
        return
    failure = next((worker.refusal for worker in instance.refused if worker.coming is None and not worker.node.removed), None)
    if failure is None:
        return
    for number, run in list(instance.runs.items()):
        if instance.inflight[number] or not run.closed:  # a run with all messages done ends as usual
            fail_run(instance, number, failure, at_once=True)
