"""Watchdog of a runner: a hanging runner is noticed, reported and, if a request waits for its end, ended.

The loop of a runner acknowledges every message within a moment, whatever the modules do. A runner that acknowledges no message
for `SILENT_AFTER` seconds is *silent*: stopped by a signal, swapped out, or fully occupied.
"""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.wire.transport.loop import Loop, Timer

SILENT_AFTER = 1.8
"""Seconds without a due sign of life after which a runner counts as silent."""
BEAT = 1.0
"""Seconds between two probes of a runner that gets no other message, while work runs in the runner."""
END_AFTER = 3.0
"""Seconds that a silent runner gets to carry out a cancel, a stop or a time limit before being ended."""


class Watchdog:
    """Signs of life of a runner. `spoke` and `heard` are called for every message and must be cheap."""

    def __init__(self, loop: Loop, changed: Callable[[], None]) -> None:
        self.silent = False
        self._loop, self._changed = loop, changed
        self._due_since: float | None = None
        """Time at which the oldest unacknowledged message was sent, or of the last sign of life after it."""
        self._timer: Timer | None = None

    @property
    def silence(self) -> float:
        """Seconds for which a sign of life is due."""
        return 0.0 if self._due_since is None else max(self._loop.now - self._due_since, 0.0)

    def spoke(self) -> None:
        """Take note of a sent message that must be acknowledged."""
        if self._due_since is None:
            self._due_since = self._loop.now
            if self._timer is None:
                self._timer = self._loop.after(SILENT_AFTER, self._look)

    def heard(self, *, more_due: bool) -> None:
        """Take note of a sign of life; *more_due* if other messages are not acknowledged yet."""
        self._due_since = self._loop.now if more_due else None
        if self.silent:
            self.silent = False
            self._changed()
        if more_due and self._timer is None:
            self._timer = self._loop.after(SILENT_AFTER, self._look)

    def lost(self) -> None:
        """Take note that the connection is away: no sign of life can come."""
        if not self.silent:
            self._due_since = self._loop.now if self._due_since is None else self._due_since
            self.silent = True
            self._changed()

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._due_since is None or self.silent:
            return
        left = SILENT_AFTER - self.silence
        if left > 0:
            self._timer = self._loop.after(left, self._look)
        else:
            self.silent = True
            self._changed()
