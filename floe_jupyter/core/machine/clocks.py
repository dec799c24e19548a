"""Time as known to the machine: told by `Tick`, requested by `Wake`.

Two clocks stand still: *running* time while the instance is paused (back-offs), *active* time also while messages are held (the
time limit of a run). Node timeouts are real time: a timeout applies to calls, and a call is never held.
"""

from __future__ import annotations

from floe_jupyter.core.machine.events import Failure, Kill, Tick, Wake
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, Work
from floe_jupyter.core.machine.state.times import ROUNDING
from floe_jupyter.core.machine.work import release


def ask_later(instance: MachineState, node: NodeState, due: float) -> None:
    """Ask the node again at the running time *due*."""
    if not instance.clock.reached(due, instance.now):
        instance.clock.later[(due, node.index)] = node
        instance.timed = True
    else:
        instance.wake_node(node)


def watch(instance: MachineState, work: Work) -> None:
    """Limit the time of the call's next message to the node's timeout, counted from when the runtime is free for the call."""
    instance.clock.watched[work.id] = work
    work.since = None
    instance.timed = True


def tick(instance: MachineState, event: Tick) -> None:
    """Do the work that is due."""
    del event
    clock = instance.clock
    clock.told = None
    for due, index in [key for key in clock.later if clock.reached(key[0], instance.now)]:
        instance.wake_node(clock.later.pop((due, index)))
    for work in _begun(instance):
        if work.since is not None and instance.now + ROUNDING >= work.since + work.worker.node.node.timeout:
            seconds = work.worker.node.node.timeout
            name = work.worker.node.id
            _kill(instance, work, f"the message took longer than the {seconds:g} s that node {name!r} may take (timeout)")
    _overstayed(instance)
    _run_timeouts(instance)


def _overstayed(instance: MachineState) -> None:
    """Kill overdue calls of finished runs, unless another run's message is under way."""
    for number in [number for number, at in instance.deadlines.items() if at <= instance.now + ROUNDING]:
        del instance.deadlines[number]
        work = instance.calls[number]
        if work.worker.node.removed or work.run not in instance.runs:
            _kill(instance, work, "a message of a run that was ended did not come back", blamed=False)
        else:
            release(instance, number)


def _begun(instance: MachineState) -> list[Work]:
    """Return the watched calls without an earlier call of their runtime under way."""
    calls, clock = instance.calls, instance.clock
    clock.watched = {number: work for number, work in clock.watched.items() if number in calls}
    begun = []
    for number, work in clock.watched.items():
        runtime = work.worker.runtime
        if work.since is None and not any(n < number and w.worker.runtime == runtime for n, w in calls.items()):
            work.since = instance.now
        if work.since is not None:
            begun.append(work)
    return begun


def _kill(instance: MachineState, work: Work, cause: str, *, blamed: bool = True) -> None:
    runtime = work.worker.runtime
    instance.clock.watched.pop(work.id, None)
    if runtime not in instance.causes:
        instance.causes[runtime] = (work.id if blamed else 0, cause)
        instance.order(Kill(runtime, cause))


def _run_timeouts(instance: MachineState) -> None:
    if not instance.timeout:
        return
    now = instance.clock.active(instance.now) + ROUNDING
    late = [n for n, run in instance.runs.items() if now >= run.opened + instance.timeout and not run.ending_as]
    for number in late:
        text = f"the run took longer than the {instance.timeout:g} s it may take; what was in flight is dropped"
        fail_run(instance, number, Failure("", text, kind="timeout", run=number), at_once=True)


def plan(instance: MachineState) -> None:
    """Ask for a `Tick` at the next due time."""
    clock = instance.clock
    due: list[float] = [work.since + work.worker.node.node.timeout for work in _begun(instance) if work.since is not None]
    due.extend(instance.deadlines.values())
    if clock.later and clock.running_time.since is None:
        due.append(min(clock.later)[0] + clock.running_time.lost)
    if instance.timeout and clock.active_time.since is None:
        due.extend(run.opened + instance.timeout + clock.active_time.lost for run in instance.runs.values() if not run.ending_as)
    instance.timed = bool(due or clock.later or clock.watched or instance.timeout)
    if due and min(due) != clock.told:
        clock.told = min(due)
        instance.order(Wake(clock.told))
