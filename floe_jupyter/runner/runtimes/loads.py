"""Loads and activations not yet answered by a runtime, and the rules for ending them.

A runtime works on one job after the other: the first load is at work as soon as the calls sent before the load are over. The
rules:

- A load may take `LOAD_LIMIT` seconds (or the time limit of the flow's runs, if longer); then the process is ended and the load
  has failed. Environments are made before, and do not count.
- A load not needed any more (a newer version has come, the run was cancelled, the flow was stopped) has `LET_GO` seconds to end
  by itself; then the process is ended, and other slots in use in the process are loaded again elsewhere.
- A load keeping another flow from working for `IN_THE_WAY` seconds is started again in a process of its own.
- Deaths of the process during a load count against the load (`given_up`).
"""

from __future__ import annotations

import signal
from collections import deque
from typing import Any

from floe_jupyter.core.machine.events import ATTEMPTS, Failure
from floe_jupyter.runner.runtimes.slots import Death, Slot, SlotRuntime
from floe_jupyter.wire.transport.loop import Loop, Timer

LOAD_LIMIT = 60.0
"""Seconds that a load may take."""
LET_GO = 0.5
"""Seconds that a load has to end when not needed any more."""
LET_GO_ALONE = 0.1
"""Seconds in place of `LET_GO` when no other slot is in use in the process."""
IN_THE_WAY = 5.0
"""Seconds that a load may keep another flow waiting."""
SLOW = 1.0
"""Seconds of a load after which no other flow is placed in the process."""
OUTSIDE_ATTEMPTS = 20
"""Maximum number of attempts for a module whose process is killed from outside.

The module is not to blame for the kill, but memory may have run out because of the module.
"""
OUTSIDE = frozenset([signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
"""Signals that usually come from other processes."""


def given_up(deaths: list[Death], limit: float) -> bool:
    """Return True if a module has ended the process too often during loading, without being ready in between.

    Too often: `ATTEMPTS` times by itself; if killed from outside, `OUTSIDE_ATTEMPTS` times, or for longer than *limit* seconds.
    """
    long = deaths[-1].at - deaths[0].at > limit
    return sum(not death.outside for death in deaths) >= ATTEMPTS or len(deaths) >= (ATTEMPTS if long else OUTSIDE_ATTEMPTS)


def causes(deaths: list[Death]) -> str:
    """Return how the processes ended: each cause with a count, and the output of the last process."""
    counted: dict[str, int] = {}
    for death in deaths:
        first = death.cause.partition("\n")[0]
        counted[first] = counted.get(first, 0) + 1
    rest = deaths[-1].cause.partition("\n")[2]
    listed = "; ".join(f"{n} times {cause}" if n > 1 else cause for cause, n in counted.items())
    return f"{listed}\n{rest}" if rest else listed


class Loads:
    """Unanswered loads and activations of a runtime, in the order of sending."""

    def __init__(self, loop: Loop, runtime: SlotRuntime) -> None:
        self.waiting: deque[Slot] = deque()
        self.unwanted = 0
        """Number of waiting loads not needed any more."""
        self.late: Slot | None = None
        """Slot for which the process was ended, as the load took too long."""
        self.ended = False
        """True if the runner ended the process for a load: no other load is to blame."""
        self._loop, self._runtime = loop, runtime
        self._timer: Timer | None = None

    def add(self, slot: Slot) -> None:
        """Add a load or an activation before the order is sent."""
        slot.after, slot.begun = next(reversed(self._runtime.calls), 0), 0.0
        slot.loading = True
        self.waiting.append(slot)
        self.look()

    def answered(self, slot: Slot) -> None:
        """Remove a loaded, activated or refused slot."""
        if slot.loading:
            slot.loading = False
            self.waiting.remove(slot)
            self.unwanted -= slot.forgotten
            self.look()

    def first(self) -> Slot | None:
        """Return the slot at work, or at work as soon as the process is ready."""
        head = self.waiting[0] if self.waiting else None
        if head is None or next(iter(self._runtime.calls), head.after + 1) <= head.after:
            return None
        return head

    def at_work(self) -> Slot | None:
        """Return the slot at work."""
        return self.first() if self._runtime.status == "ready" else None

    @property
    def stuck(self) -> bool:
        """True if a slow load is at work or a load is not needed any more: no new load should be queued behind."""
        head = self.at_work()
        slow = head is not None and self._loop.now - head.begun > SLOW
        return slow or self.unwanted > 0

    def look(self) -> None:
        """Restart the timer after a change: the first load may have begun, or may not be needed any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        head = self.at_work()
        if head is None or self.ended:
            return
        head.begun = head.begun or self._loop.now
        self._timer = self._loop.at(self._due(head), self._over)

    def describe(self) -> dict[str, Any]:
        """Return the node being loaded and the seconds spent until now, for display; empty if no load is at work."""
        head = self.at_work()
        return {} if head is None else {"loading": head.node, "seconds": round(self._loop.now - head.begun, 1)}

    def _due(self, head: Slot) -> float:
        if head.forgotten:
            return max(head.begun, head.let_go) + self._grace()
        return min(head.begun + head.limit, max(head.begun + IN_THE_WAY, self._loop.now + 1.0))

    def _grace(self) -> float:
        return LET_GO if self._runtime.used else LET_GO_ALONE

    def _over(self) -> None:
        head, now = self.at_work(), self._loop.now
        if head is None:
            return
        if self._runtime.reader.paused:  # the answer may be waiting in the pipe
            self._timer = self._loop.after(1.0, self._over)
        elif head.forgotten and now >= max(head.begun, head.let_go) + self._grace():
            self._end(f"was still loading {head.node!r}, which is not needed any more")
        elif not head.forgotten and now >= head.begun + head.limit:
            self.late = head
            self._end(f"took longer than {head.limit:g} s to load {head.node!r}")
        elif not head.forgotten and now >= head.begun + IN_THE_WAY and self._keeps_others(head):
            head.alone = True
            self._end(f"was still loading {head.node!r}, which kept another flow waiting")
        else:
            self.look()

    def _keeps_others(self, head: Slot) -> bool:
        called = any(instance is not head.instance for instance, _ in self._runtime.calls.values())
        return called or any(slot.instance is not head.instance and not slot.forgotten for slot in self.waiting)

    def _end(self, cause: str) -> None:
        self.ended = True
        self._runtime.kill(cause)

    def close(self) -> list[Slot]:
        """Return the unanswered slots of a lost process."""
        if self._timer is not None:
            self._timer.cancel()
        waiting, self.waiting, self.unwanted = list(self.waiting), deque(), 0
        for slot in waiting:
            slot.loading = False
        return waiting


def late_failure(slot: Slot) -> Failure:
    """Return the failure of a load or an activation that exceeded the time limit."""
    what = "its `migrate`" if slot.loaded else "what stands at the top of the module, outside its function"
    text = (
        f"loading {slot.node!r}{_where(slot)} took longer than {slot.limit:g} s and was ended: see {what} for something that "
        "never ends, or do it in the function; a flow with a longer --timeout has as much time to load"
    )
    return _failure(slot, text, "timeout", 1)


def fatal_failure(slot: Slot) -> Failure:
    """Return the failure of a module that ended the process on every attempt."""
    n = len(slot.deaths)
    text = f"the runtime ended {n} times while loading {slot.node!r}{_where(slot)}: {causes(slot.deaths)}"
    return _failure(slot, text, "crashed", n)


def _where(slot: Slot) -> str:
    """Return the cell or file of the module, and the module's name if different from the node's."""
    module = slot.load.module
    place = f"Cell In[{module.place.cell}]" if module.place.cell else module.place.file
    named = [f"module {module.name!r}"] if module.name != slot.node else []
    told = ", ".join([*named, *([place] if place else [])])
    return f" ({told})" if told else ""


def _failure(slot: Slot, text: str, kind: str, attempts: int) -> Failure:
    place = slot.load.module.place
    return Failure(slot.node, text, kind, cell=place.cell, line=place.line + 1 if place.cell else 0, attempts=attempts)
