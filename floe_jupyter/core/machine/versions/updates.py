"""Versions of modules: loading a version, and swapping versions in a running flow between two messages."""

from __future__ import annotations

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine import local_routes
from floe_jupyter.core.machine.commands import notice_of
from floe_jupyter.core.machine.events import Activate, Activated, Failure, Loaded, LoadFailed, Notice, Routed, Unload, Update
from floe_jupyter.core.machine.local_routes import is_routed
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import Coming, NodeState, UpdateRequest, WorkerState
from floe_jupyter.core.machine.versions.answers import answered, resolve
from floe_jupyter.core.machine.versions.loading import find_worker, load_beside, load_first, wait_for_coming
from floe_jupyter.core.machine.work import recall


def update(instance: MachineState, event: Update) -> None:
    """Load a version beside the version in use, in every node of the module."""
    module = event.module
    instance.modules[module.name] = module
    nodes = [node for node in instance.nodes.values() if node.workers and node.node.module == module.name]
    workers = [worker for node in nodes for worker in node.workers]
    for worker in workers:
        supersede(instance, worker)
    for node in nodes:
        node.module = distinct(module, numbers_in_use(node))
    pending = [(worker, worker.node.module.version) for worker in workers if worker.node.module is not None]
    instance.updates.append(UpdateRequest(event.token, pending))
    for worker in workers:
        renew(instance, worker, worker.node.module or module)
    answered(instance)


def numbers_in_use(node: NodeState) -> set[int]:
    """Return the version numbers of the workers' versions in use, or loaded to be in use: no other version may have them."""
    return {worker.version for worker in node.workers if worker.phase in {"loading", "ready", "activating"}}


def distinct(module: Module, taken: set[int]) -> Module:
    """Return the module under a number that is not *taken*: a rewiring gives numbers to versions that were only moved."""
    return msgspec.structs.replace(module, version=max(taken) + 1) if module.version in taken else module


def renew(instance: MachineState, worker: WorkerState, module: Module) -> None:
    """Load another version for a worker, without waiting for a load or activation in progress, which may never end."""
    if worker.phase == "refused":
        worker.module = module
        worker.reloads = 0
        load_first(instance, worker)
        return
    if worker.phase == "loading":
        vacate(instance, worker)
    elif worker.phase == "parked":
        wait_for_coming(instance, worker)
    elif worker.phase == "activating" and worker.taking is not None:
        resolve(instance, worker, worker.taking.module.version, "superseded")
        _take_back(instance, worker)
    worker.coming = Coming(module)
    load_beside(instance, worker)


def vacate(instance: MachineState, worker: WorkerState) -> None:
    """Give up the load of a first version: the coming version is activated with the present state."""
    instance.order(Unload(worker.node.id, worker.index, worker.version))
    resolve(instance, worker, worker.version, "superseded")
    wait_for_coming(instance, worker)


def _take_back(instance: MachineState, worker: WorkerState) -> None:
    """Give up an activation: the version before goes on with the state before."""
    assert worker.taking is not None
    instance.order(Unload(worker.node.id, worker.index, worker.taking.module.version))
    worker.taking = None
    go_back(instance, worker)


def go_back(instance: MachineState, worker: WorkerState) -> None:
    """Use the version before again, with the state before."""
    if worker.runtime:
        worker.phase, worker.reset = "ready", True
    else:
        wait_for_coming(instance, worker)
    instance.review_routes_around(worker.node)


def supersede(instance: MachineState, worker: WorkerState) -> None:
    """Replace a coming version by a newer version."""
    if worker.coming is not None:
        instance.order(Unload(worker.node.id, worker.index, worker.coming.module.version))
        resolve(instance, worker, worker.coming.module.version, "superseded")
        worker.coming = None
        instance.review_routes_around(worker.node)


def loaded(instance: MachineState, event: Loaded) -> None:
    """Take a loaded version into use, or swap it in beside the version in use."""
    worker = find_worker(instance, event.node, event.worker)
    if worker is None:
        return
    coming = worker.coming
    if coming is not None and coming.module.version == event.version:
        coming.loaded, coming.runtime = True, event.runtime
        coming.fusable, coming.follows = event.fusable, event.follows
        instance.review_routes_around(worker.node)
        swap(instance, worker)
    elif worker.phase == "loading" and worker.version == event.version:
        worker.runtime, worker.fusable, worker.follows = event.runtime, event.fusable, event.follows
        _in_use(instance, worker)
        swap(instance, worker)


def _in_use(instance: MachineState, worker: WorkerState) -> None:
    worker.phase = "ready"
    worker.node.error, worker.node.refused = "", False
    data = {"version": worker.version, "lane": worker.index, "runtime": worker.runtime}
    instance.order(Notice("loaded", worker.node.id, data=data))
    resolve(instance, worker, worker.version, "updated")
    instance.wake_node(worker.node)
    instance.review_routes_around(worker.node)


def swap(instance: MachineState, worker: WorkerState) -> None:
    """Activate the loaded version in place of the old version, if the worker has no open call of the old version."""
    coming = worker.coming
    if coming is None or not coming.loaded or worker.phase not in {"ready", "refused", "vacant"} or is_routed(worker):
        return
    if worker.calls:
        recall(instance, worker)
        return
    worker.phase, worker.taking, worker.coming = "activating", coming, None
    instance.loading.add(worker)
    instance.order(Activate(worker.node.id, worker.index, coming.module.version, dict(worker.state)))


def activated(instance: MachineState, event: Activated) -> None:
    """Put the activated version into use and unload the old version."""
    worker = find_worker(instance, event.node, event.worker)
    if worker is None or worker.taking is None or worker.taking.module.version != event.version:
        return
    coming, old = worker.taking, worker.module
    worker.taking = None
    worker.module, worker.runtime, worker.state = coming.module, coming.runtime, event.state
    worker.runner = coming.runner
    worker.fusable, worker.follows = coming.fusable, coming.follows
    worker.reset = False
    if old is not None and old.version != event.version:
        instance.order(Unload(worker.node.id, worker.index, old.version))
    _in_use(instance, worker)
    swap(instance, worker)


def load_failed(instance: MachineState, event: LoadFailed) -> None:
    """Keep the old version after a failed load or activation, or refuse the worker if the first version failed."""
    worker = find_worker(instance, event.node, event.worker)
    if worker is None:
        return
    if event.version in {beside.module.version for beside in (worker.coming, worker.taking) if beside is not None}:
        keep_old(instance, worker, event.version, event.failure)
    elif worker.phase == "loading" and worker.version == event.version and worker.elsewhere:
        load_first(instance, worker)  # the module may need a single resource which its first process holds
    elif worker.phase == "loading" and worker.version == event.version:
        refuse(instance, worker, event.failure)


def keep_old(instance: MachineState, worker: WorkerState, version: int, failure: Failure) -> None:
    """Refuse the new version; the old version goes on with the state before."""
    worker.node.error, worker.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    if worker.taking is not None and worker.taking.module.version == version:
        worker.taking = None
        go_back(instance, worker)
    else:
        worker.coming = None
    if worker.phase == "vacant" and worker.coming is None:
        load_first(instance, worker)
    resolve(instance, worker, version, "refused", failure)
    instance.wake_node(worker.node)
    instance.review_routes_around(worker.node)
    swap(instance, worker)


def refuse(instance: MachineState, worker: WorkerState, failure: Failure) -> None:
    """Refuse a worker: its messages wait for a better version, or their runs fail (`fail_waiting`)."""
    worker.phase, worker.refusal = "refused", failure
    instance.refused.add(worker)
    instance.review_routes_around(worker.node)
    worker.node.error, worker.node.refused = failure.message, True
    instance.order(notice_of("refused", failure))
    resolve(instance, worker, worker.version, "refused", failure)
    swap(instance, worker)


def routed(instance: MachineState, event: Routed) -> None:
    """Note a change of local routes, and try the swaps which waited for the change."""
    node = local_routes.routed(instance, event)
    if node is not None:
        targets = dict.fromkeys(queue.target for queues in node.outs.values() for queue in queues)
        for near in (node, *map(instance.nodes.__getitem__, targets)):
            for worker in near.workers:
                if worker.coming is not None:
                    swap(instance, worker)
