"""Switching: debugging on and off by the present requests, and the pause."""

from __future__ import annotations

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.work import recall


def refresh(instance: MachineState) -> None:
    """Switch debugging on or off according to the present requests."""
    debugger = instance.debugger
    debugger.stale = False
    is_requested = debugger.requested or debugger.paused or any(b.given.enabled for b in debugger.breaks.values())
    on = is_requested or bool(debugger.recorder.undone)
    instance.clock.still(instance.now, paused=debugger.paused, held=debugger.held > 0)
    if on == debugger.on:
        return
    debugger.on = on
    instance.review_routes()
    instance.wake_all()
    if on:
        for queue in instance.queues():
            queue.name_all()
        _recall_all(instance)
    else:
        debugger.recorder.seal()
        debugger.dropped.clear()


def _recall_all(instance: MachineState) -> None:
    """Recall messages which runtimes have not begun, so breakpoints can hold the messages."""
    for worker in instance.workers():
        if len(worker.calls) > 1 or any(work.batch.n > 1 for work in worker.calls):
            recall(instance, worker)


def stop(instance: MachineState) -> None:
    """Pause: call no node any more."""
    if not instance.debugger.paused:
        instance.debugger.paused, instance.debugger.stepped = True, False
        refresh(instance)
        _recall_all(instance)
