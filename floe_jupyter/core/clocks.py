"""Time, as far as the machine knows it: what `Tick` tells it, and what it asks for by `Wake`.

Two clocks stand still: *running* time while the instance is paused (back-offs), *active* time also while anything is held
(the time a run may take). Node timeouts are real time: they are of calls, and a call is never held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_jupyter.core.events import Failure, Kill, Wake
from floe_jupyter.core.runs import fail_run

if TYPE_CHECKING:
    from floe_jupyter.core.instance import Instance, NodeState, Work


ROUNDING = 1e-6
"""Seconds that adding and subtracting pauses may be off: what is due so soon is due now."""


class Stopwatch:
    """A clock that can stand still."""

    __slots__ = ("lost", "since")

    def __init__(self) -> None:
        self.lost = 0.0
        self.since: float | None = None

    def set(self, now: float, *, still: bool) -> None:
        if still and self.since is None:
            self.since = now
        elif not still and self.since is not None:
            self.lost += now - self.since
            self.since = None

    def read(self, now: float) -> float:
        return (now if self.since is None else self.since) - self.lost


class Clock:
    """All times of one instance."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._running = Stopwatch()
        self._active = Stopwatch()
        self._later: dict[tuple[float, int], NodeState] = {}
        """Back-offs: when which node is to be asked again, in running time."""
        self._watched: dict[int, Work] = {}
        """Calls of nodes with a timeout."""
        self._told: float | None = None

    def still(self, *, paused: bool, held: bool) -> None:
        self._running.set(self.instance.now, still=paused)
        self._active.set(self.instance.now, still=paused or held)

    @property
    def backing_off(self) -> bool:
        """Some message waits for its next attempt."""
        return bool(self._later)

    def running(self, now: float) -> float:
        return self._running.read(now)

    def active(self, now: float) -> float:
        return self._active.read(now)

    def reached(self, due: float) -> bool:
        """Is it that late, in running time?"""
        return due <= self.running(self.instance.now) + ROUNDING

    def later(self, node: NodeState, due: float) -> None:
        """Ask the node again at this running time."""
        if not self.reached(due):
            self._later[(due, node.index)] = node
            self.instance.timed = True
        else:
            self.instance.wake_node(node)

    def watch(self, work: Work) -> None:
        """The next message of this call may take as long as its node says, from when its runtime is free for it."""
        self._watched[work.id] = work
        work.since = None
        self.instance.timed = True

    def tick(self) -> None:
        """Do what is due."""
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
        """Calls that a run which is over should have given back: killed, unless another run's message is under way."""
        instance = self.instance
        for number in [number for number, at in instance.deadlines.items() if at <= instance.now + ROUNDING]:
            del instance.deadlines[number]
            work = instance.calls[number]
            if work.lane.node.removed or work.batch.run_of(work.done) not in instance.runs:
                self._kill(work, "a message of a run that was ended did not come back", blamed=False)

    def _begun(self) -> list[Work]:
        """Watched calls whose turn it is: no earlier call of their runtime is under way."""
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
        """Ask for a `Tick` at the next moment when something is due."""
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
