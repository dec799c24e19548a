"""Loader of modules: finds environment and process, and loads again elsewhere if the process ends meanwhile."""

from __future__ import annotations

from floe_jupyter.core.machine.events import Failure, Load
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.cache import Environments
from floe_jupyter.runner.runtimes.loads import fatal_failure, given_up, late_failure
from floe_jupyter.runner.runtimes.pool import AnyInterpreter, Pool
from floe_jupyter.runner.runtimes.remote_interpreter import RemoteInterpreter
from floe_jupyter.runner.runtimes.runtime import Runtime
from floe_jupyter.runner.runtimes.slots import Death, Slot, SlotOwner
from floe_jupyter.wire.runtime.frames import LoadFrame
from floe_jupyter.wire.transport.loop import Loop

SAID_WITHIN = 3.0
"""Seconds after which an abandoned load is reported as over even if the load has not had a turn yet."""


class Loader:
    """Loader of slots, from the order to load until the answer."""

    def __init__(self, loop: Loop, pool: Pool, environments: Environments, limit: float) -> None:
        self._loop, self._pool, self._environments, self._limit = loop, pool, environments, limit
        self._last = 0

    def new(self, instance: SlotOwner, load: Load) -> Slot:
        """Return a new slot and load the module; `MachineDriver.loaded` or `MachineDriver.refused` follows."""
        self._last += 1
        slot = Slot(self._last, instance, load, max(self._limit, instance.timeout))
        self._loop.soon(lambda: self._settle(slot))
        return slot

    def _settle(self, slot: Slot) -> None:
        if slot.forgotten or self._pool.closed:
            return
        load, context = slot.load, slot.instance.context
        if load.runner:  # the outpost finds or makes the environment
            self._place(slot, RemoteInterpreter(load.runner, load.module, context))
        else:
            self._environments.find(load.module, lambda found: self._place(slot, found), context)

    def _place(self, slot: Slot, found: AnyInterpreter | EnvironmentFailed) -> None:
        if slot.forgotten:
            return
        if isinstance(found, EnvironmentFailed):
            slot.instance.refused(slot, Failure(slot.node, str(found), "load"))
        else:
            apart = slot.alone or bool(slot.deaths)
            self._pool.place(
                slot.instance,
                found,
                slot.worker,
                lambda runtime: self._load(slot, runtime),
                apart=apart,
                elsewhere=slot.load.elsewhere,
            )

    def _load(self, slot: Slot, runtime: Runtime | EnvironmentFailed) -> None:
        if slot.forgotten:
            return
        if isinstance(runtime, EnvironmentFailed):
            slot.instance.refused(slot, Failure(slot.node, str(runtime), "load"))
            return
        load = slot.load
        slot.runtime = runtime
        runtime.slots[slot.number] = slot
        runtime.loads.add(slot)
        runtime.send(
            LoadFrame(
                slot=slot.number,
                node=load.node,
                module=load.module,
                prefix=slot.instance.prefix,
                state=load.state,
                on_error=load.on_error,
                commit_each=load.commit_each,
                lane=load.worker,
            )
        )

    def forget(self, slot: Slot) -> None:
        """Abandon a slot: no answer is wanted any more. An `Unloaded` event follows when the slot is not at work any more."""
        runtime = slot.runtime
        at_work = runtime is not None and slot.loading
        if runtime is not None:
            runtime.loads.unwanted += at_work and not slot.forgotten
            runtime.forget(slot)
        slot.forgotten, slot.let_go = True, self._loop.now
        if runtime is not None and at_work:
            runtime.loads.look()
            self._loop.after(SAID_WITHIN, slot.instance.unloaded_of(slot))
        else:
            self._loop.soon(slot.instance.unloaded_of(slot))

    def lost(self, runtime: Runtime, cause: str) -> None:
        """Load unanswered slots of a lost runtime again, and report the loss to the instances, which reload the slots in use."""
        suspect = None if runtime.loads.ended else runtime.loads.first()
        late, waiting = runtime.loads.late, runtime.loads.close()
        if late is not None and not late.forgotten:
            late.instance.refused(late, late_failure(late))  # before the instance is told of the loss and loads the module again
        for instance in list({s.instance.name: s.instance for s in runtime.slots.values()}.values()):
            instance.lost(runtime, cause)
        for slot in waiting:
            if slot.forgotten:
                slot.instance.unloaded_of(slot)()
            elif runtime.refusal:
                slot.instance.refused(slot, Failure(slot.node, runtime.refusal, "load"))
            elif not slot.loaded:  # an activation is ordered again by the machine
                slot.runtime = None
                self._again(slot, cause if slot is suspect else "", outside=runtime.killed_by_others)

    def _again(self, slot: Slot, cause: str, *, outside: bool) -> None:
        """Load a slot again, or refuse it after too many deaths.

        Modules are loaded one after the other: only the first can have ended the process, and only the slot of the first is given
        a *cause*.
        """
        if cause:
            slot.deaths.append(Death(self._loop.now, cause, outside))
        if not slot.deaths or not given_up(slot.deaths, slot.limit):
            self._settle(slot)
            return
        slot.instance.refused(slot, fatal_failure(slot))
