"""Reports that only held messages are left, and that work goes on."""

from __future__ import annotations

from floe_jupyter.core.machine.debugging.holding import recount_held
from floe_jupyter.core.machine.events import Notice
from floe_jupyter.core.machine.state.instance import MachineState


def report_idle(instance: MachineState) -> None:
    """Report once when only held messages (or messages of a node which does not load) are left, and once when work goes on.

    The first report is repeated when the set of nodes which do not load changes.
    """
    debugger = instance.debugger
    if debugger.miscounted:
        recount_held(instance)
    instance.clock.still(instance.now, paused=debugger.paused, held=debugger.held > 0)
    idle = _waits(instance) and not _at_work(instance) and (debugger.paused or not instance.clock.later)
    refusals = instance.refusals() if idle and instance.refused else {}
    if idle != debugger.idle or refusals != debugger.refusals:
        debugger.idle, debugger.refusals = idle, refusals
        data = {"held": debugger.held, **({"refused": refusals} if refusals else {})}
        instance.order(Notice("idle" if idle else "resumed", data=data if idle else {}))


def _waits(instance: MachineState) -> bool:
    """Return whether some message or run waits for a person: held, paused, or in front of a node which does not load."""
    debugger = instance.debugger
    in_flight = any(instance.inflight.values())
    pending = in_flight or any(run.closed for run in instance.runs.values())
    return debugger.held > 0 or (debugger.paused and pending) or (bool(instance.refused) and in_flight)


def _at_work(instance: MachineState) -> bool:
    """Return whether a module is loaded, called or rerouted; a generator that waits for room is not at work."""
    return bool(instance.loading or instance.rerouting) or any(not work.waiting for work in instance.calls.values())
