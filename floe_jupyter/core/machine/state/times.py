"""Clocks of an instance, which stand still while the instance is paused or holds messages; told the time by their readers."""

from __future__ import annotations

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
    """All times of one instance: *running* time stands still while paused, *active* time also while messages are held."""

    def __init__(self) -> None:
        self.running_time = Stopwatch()
        self.active_time = Stopwatch()
        self.later: dict[tuple[float, int], NodeState] = {}
        """Back-offs: nodes to ask again, by due time (in running time) and index."""
        self.watched: dict[int, Work] = {}
        """Calls of nodes with a timeout."""
        self.told: float | None = None
        """Time of the `Wake` ordered last, until its `Tick`."""

    def still(self, now: float, *, paused: bool, held: bool) -> None:
        """Stop the running clock while *paused*, and the active clock while *paused* or *held*."""
        self.running_time.set(now, still=paused)
        self.active_time.set(now, still=paused or held)

    def running(self, now: float) -> float:
        """Return the running time at *now*."""
        return self.running_time.read(now)

    def active(self, now: float) -> float:
        """Return the active time at *now*."""
        return self.active_time.read(now)

    def reached(self, due: float, now: float) -> bool:
        """Return whether *due*, in running time, has come."""
        return due <= self.running(now) + ROUNDING
