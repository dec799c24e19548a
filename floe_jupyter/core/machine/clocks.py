"""Time as known to the machine: told by `Tick`, requested by `Wake`.

Two clocks stand still: *running* time while the instance is paused (back-offs), *active* time also while messages are held (the
time limit of a run). Node timeouts are real time: a timeout applies to calls, and a call is never held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_jupyter.core.machine.events import Failure, Kill, Wake
from floe_jupyter.core.machine.runs import fail_run, release

if TYPE_CHECKING:
    from floe_jupyter.core.machine.state.instance import MachineState
    from floe_jupyter.core.machine.state.records import NodeState, Work


ROUNDING = 1e-6
"""Seconds of tolerance for adding and subtracting pauses: events due within this time are due now."""


class Stopwatch:
    """Clock that can stand still."""

    __slots__ = ("lost", "since")

    def __init__(self) -> None:
        self.lost = 0.0
        self.since: float | None = None

    def set(self, now: float, *, still: bool) -> None:
        """Stop the clock at *now* or let it run again."""
        if still and self.since is None:
            self.since = now
        elif not still and self.since is not None:
            self.lost += now - self.since
            self.since = None

    def read(self, now: float) -> float:
        """Return the seconds shown at *now*."""
        return (now if self.since is None else self.since) - self.lost


class Clock:
    """All times of one instance."""

    def __init__(self, instance: MachineState) -> None:
        self.instance = instance
        self._running = Stopwatch()
        self._active = Stopwatch()
        self._later: dict[tuple[float, int], NodeState] = {}
        """Back-offs: nodes to ask again, by due time (in running time) and index."""
        self._watched: dict[int, Work] = {}
        """Calls of nodes with a timeout."""
        self._told: float | None = None

    def still(self, *, paused: bool, held: bool) -> None:
        """Stop the running clock while *paused*, and the active clock while *paused* or *held*."""
        self._running.set(self.instance.now, still=paused)
        self._active.set(self.instance.now, still=paused or held)

    @property
    def backing_off(self) -> bool:
        """True if some message waits for its next attempt."""
        return bool(self._later)

    def running(self, now: float) -> float:
        """Return the running time at *now*."""
        return self._running.read(now)

    def active(self, now: float) -> float:
        """Return the active time at *now*."""
        return self._active.read(now)

    def reached(self, due: float) -> bool:
        """Return whether *due*, in running time, has come."""
        return due <= self.running(self.instance.now) + ROUNDING

    def later(self, node: NodeState, due: float) -> None:
        """Ask the node again at the running time *due*."""
        if not self.reached(due):
            self._later[(due, node.index)] = node
            self.instance.timed = True
        else:
            self.instance.wake_node(node)

    def watch(self, work: Work) -> None:
        """Limit the time of the call's next message to the node's timeout, counted from when the runtime is free for the call."""
        self._watched[work.id] = work
        work.since = None
        self.instance.timed = True

    def tick(self) -> None:
        """Do the work that is due."""
        instance = self.instance
        self._told = None
        for due, index in [key for key in self._later if self.reached(key[0])]:
            instance.wake_node(self._later.pop((due, index)))
        for work in self._begun():
            if work.since is not None and instance.now + ROUNDING >= work.since + work.lane.node.node.timeout:
                seconds = work.lane.node.node.timeout
                name = work.lane.node.id
                self._kill(work, f"the message took longer than the {seconds:g} s that node {name!r} may take (timeout)")
        self._overstayed()
        self._run_timeouts()

    def _overstayed(self) -> None:
        """Kill overdue calls of finished runs, unless another run's message is under way."""
        instance = self.instance
        for number in [number for number, at in instance.deadlines.items() if at <= instance.now + ROUNDING]:
            del instance.deadlines[number]
            work = instance.calls[number]
            if work.lane.node.removed or work.run not in instance.runs:
                self._kill(work, "a message of a run that was ended did not come back", blamed=False)
            else:
                release(instance, number)

    def _begun(self) -> list[Work]:
        """Return the watched calls without an earlier call of their runtime under way."""
        calls = self.instance.calls
        self._watched = {number: work for number, work in self._watched.items() if number in calls}
        begun = []
        for number, work in self._watched.items():
            runtime = work.lane.runtime
            if work.since is None and not any(n < number and w.lane.runtime == runtime for n, w in calls.items()):
                work.since = self.instance.now
            if work.since is not None:
                begun.append(work)
        return begun

    def _kill(self, work: Work, cause: str, *, blamed: bool = True) -> None:
        runtime = work.lane.runtime
        self._watched.pop(work.id, None)
        if runtime not in self.instance.causes:
            self.instance.causes[runtime] = (work.id if blamed else 0, cause)
            self.instance.order(Kill(runtime, cause))

    def _run_timeouts(self) -> None:
        instance = self.instance
        if not instance.timeout:
            return
        now = self.active(instance.now) + ROUNDING
        late = [n for n, run in instance.runs.items() if now >= run.opened + instance.timeout and not run.doomed]
        for number in late:
            text = f"the run took longer than the {instance.timeout:g} s it may take; what was in flight is dropped"
            fail_run(instance, number, Failure("", text, kind="timeout", run=number), at_once=True)

    def plan(self) -> None:
        """Ask for a `Tick` at the next due time."""
        instance = self.instance
        due: list[float] = [work.since + work.lane.node.node.timeout for work in self._begun() if work.since is not None]
        due.extend(instance.deadlines.values())
        if self._later and self._running.since is None:
            due.append(min(self._later)[0] + self._running.lost)
        if instance.timeout and self._active.since is None:
            due.extend(run.opened + instance.timeout + self._active.lost for run in instance.runs.values() if not run.doomed)
        instance.timed = bool(due or self._later or self._watched or instance.timeout)
        if due and min(due) != self._told:
            self._told = min(due)
            instance.order(Wake(self._told))
