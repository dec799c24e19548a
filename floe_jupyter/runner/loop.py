"""Event loop of a runner: file descriptors, timers, and callbacks due before the next wait.

asyncio is not used: its streams cost several times the hop itself. Callbacks must never block and never raise for a peer's fault.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count

READ = select.EPOLLIN
WRITE = select.EPOLLOUT


class Timer:
    """Callback to be called once, unless cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Cancel the callback."""
        self.callback = None


class Loop:
    """Event loop over descriptors and timers; `now` is the monotonic clock in seconds as of the last wait."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.stopped = False
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._turns: list[Callable[[], float | None]] = []
        self._soon: list[Callable[[], None]] = []
        self._last: list[Callable[[], None]] = []

    def watch(self, fd: int, callback: Callable[[int], None], events: int = READ) -> None:
        """Call *callback* with the events of a descriptor (end and error are reported in any case)."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Change the events of a watched descriptor; with 0 only the end is reported."""
        self._epoll.modify(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching a descriptor. Must be called before a watched descriptor is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Return a timer to call back at *when* on the loop's clock."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Return a timer to call back after *seconds*."""
        return self.at(self.now + seconds, callback)

    def every_turn(self, callback: Callable[[], float | None]) -> None:
        """Register a callback for each turn, called before the wait, in the order of registration.

        The callback returns the latest time at which to be called again (a past time: do not wait at all), or None.
        """
        self._turns.append(callback)

    def soon(self, callback: Callable[[], None]) -> None:
        """Call *callback* once before the next wait, for work collected while events are handled."""
        self._soon.append(callback)

    def last(self, callback: Callable[[], None]) -> None:
        """Call *callback* once after all callbacks of `soon`, for work that keeps no other process waiting."""
        self._last.append(callback)

    def run(self) -> None:
        """Run until `stop`."""
        while not self.stopped:
            self.turn()

    def stop(self) -> None:
        """Stop the loop."""
        self.stopped = True

    def turn(self, longest: float = 3600.0) -> None:
        """Wait once for at most *longest* seconds, and call all due callbacks."""
        ready = self._epoll.poll(self._wait(longest), 64)
        self.now = time.monotonic()
        callbacks = self._callbacks
        for fd, events in ready:
            callback = callbacks.get(fd)  # an earlier callback of this turn may have closed it
            if callback is not None:
                callback(events)
        if self._timers:
            self._fire()

    def _wait(self, longest: float) -> float:
        limit = min(self.now + longest, self._before_wait())
        if self.stopped:
            return 0.0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._timers and self._timers[0][0] < limit:
            limit = self._timers[0][0]
        return 0.0 if limit <= self.now else max(0.0, limit - time.monotonic())

    def _before_wait(self) -> float:
        while True:
            while self._soon or self._last:
                if self._soon:
                    due, self._soon = self._soon, []
                else:
                    due, self._last = self._last, []
                for callback in due:
                    callback()
            limit = float("inf")
            for turn in self._turns:
                at = turn()
                if at is not None and at < limit:
                    limit = at
            if not (self._soon or self._last):
                return limit

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= self.now:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                timer.callback()

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()
