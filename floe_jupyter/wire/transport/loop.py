"""Event loop of dispatcher and runner: descriptors, timers, and callbacks due before the next wait, in one thread.

asyncio is not used: its streams cost several times a whole message hop. Callbacks must never block and never raise for a peer's
fault. The module does not import ZeroMQ, which a runner on the dispatcher's machine never needs.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count

READ, WRITE = int(select.EPOLLIN), int(select.EPOLLOUT)
FAULTY_AGAIN = 1.0
"""Maximum seconds until a turn that raised is tried again."""


class Timer:
    """Callback to be called once, unless cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Cancel the callback."""
        self.callback = None


class Loop:
    """Event loop over descriptors and timers; `now` is the monotonic clock in seconds as of the last wait.

    *fault* is called for every callback that raises, with the exception being handled, and the loop goes on; without *fault* the
    exception ends the loop.
    """

    def __init__(self, fault: Callable[[], None] | None = None) -> None:
        self.now = time.monotonic()
        self.stopped = False
        self.faults = 0
        """Number of callbacks that raised, if they are reported."""
        self._fault = fault
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._readers: dict[int, Callable[[int], None]] = {}
        """Callbacks of descriptors that are also watched for `writing`."""
        self._sockets: dict[int, tuple[Callable[[], bool], Callable[[], None]]] = {}
        self._to_check: dict[int, None] = {}
        """Sockets that may have a message: their descriptors report only changes, and sending may consume a report."""
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._turns: list[Callable[[], float | None]] = []
        self._soon: list[Callable[[], None]] = []
        self._last: list[Callable[[], None]] = []

    # --- descriptors -------------------------------------------------------------------------------------------------------

    def watch(self, fd: int, callback: Callable[[int], None], events: int = READ) -> None:
        """Call *callback* with the events of a descriptor (end and error are reported in any case)."""
        self._callbacks[fd] = callback
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Change the events of a watched descriptor; with 0 only the end is reported."""
        self._epoll.modify(fd, events)

    def writing(self, fd: int, writable: Callable[[], None] | None, *, reading: bool = True) -> None:
        """Call back when a watched descriptor is writable (and, with *reading*, when readable); None: watch for reading only."""
        reader = self._readers.pop(fd, None) or self._callbacks.get(fd)
        if reader is None:
            return
        if writable is None:
            self._callbacks[fd] = reader
            self._epoll.modify(fd, READ)
        else:
            self._readers[fd] = reader
            self._callbacks[fd] = self._either(fd, writable, reader)
            self._epoll.modify(fd, READ | WRITE if reading else WRITE)

    def _either(self, fd: int, writable: Callable[[], None], reader: Callable[[int], None]) -> Callable[[int], None]:
        """Return the callback of a descriptor watched for writing: an end or error goes to the writer."""

        def ready(events: int) -> None:
            if events & ~READ:
                writable()
            if events & READ and fd in self._callbacks:
                reader(events)

        return ready

    def watch_socket(self, fd: int, waiting: Callable[[], bool], callback: Callable[[], None]) -> None:
        """Call *callback* while *waiting* returns True, for a source whose descriptor reports only changes (ZeroMQ)."""
        to_check = self._to_check

        def report(_: int) -> None:
            to_check[fd] = None

        self._sockets[fd] = waiting, callback
        to_check[fd] = None
        self.watch(fd, report)

    def recheck(self, fd: int) -> None:
        """Look for messages on a watched socket after a send, which may have consumed the report of its descriptor."""
        if fd in self._sockets:
            self._to_check[fd] = None

    def forget(self, fd: int) -> None:
        """Stop watching a descriptor. Must be called before a watched descriptor is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            self._readers.pop(fd, None)
            if self._sockets.pop(fd, None) is not None:
                self._to_check.pop(fd, None)

    # --- times -------------------------------------------------------------------------------------------------------------

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Return a timer to call back at *when* on the loop's clock."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Return a timer to call back after *seconds*, however long the current turn has lasted."""
        return self.at(time.monotonic() + seconds, callback)

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

    # --- turns -------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run turns until `stop`."""
        while not self.stopped:
            self.turn()

    def stop(self) -> None:
        """End `run` after the current turn."""
        self.stopped = True

    def turn(self, longest: float = 60.0) -> None:
        """Wait once for at most *longest* seconds, and call all due callbacks: descriptors, then sockets, then timers."""
        ready = self._epoll.poll(self._wait(longest), 64)
        self.now = time.monotonic()
        callbacks = self._callbacks
        for fd, events in ready:
            callback = callbacks.get(fd)  # an earlier callback of this turn may have closed it
            if callback is not None:
                try:
                    callback(events)
                except Exception as error:  # noqa: BLE001 - reported, or raised again; a call more per event would cost
                    self._failed(error)
        if self._to_check:
            self._serve_sockets()
        if self._timers:
            self._fire()

    def _wait(self, longest: float) -> float:
        """Return the seconds to wait. Cancelled timers at the head of the queue are dropped: no wake-up is needed for them."""
        # One function with many branches: it runs once per message at least, and each call would be paid by all messages.
        while True:
            if self._soon or self._last:
                self._call_due()
            limit = self.now + longest
            for turn in self._turns:
                try:
                    at = turn()
                except Exception as error:  # noqa: BLE001 - as in `turn`; the remaining turns must still be called
                    self._failed(error)
                    at = self.now + FAULTY_AGAIN
                if at is not None and at < limit:
                    limit = at
            if not (self._soon or self._last):
                break
        if self.stopped or (self._to_check and self._is_any_waiting()):
            return 0.0
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if timers and timers[0][0] < limit:
            limit = timers[0][0]
        return 0.0 if limit <= self.now else max(0.0, limit - time.monotonic())

    def _call_due(self) -> None:
        """Call what is due before the wait: all of `soon`, also what comes meanwhile, before any of `last`."""
        while self._soon or self._last:
            if self._soon:
                due, self._soon = self._soon, []
            else:
                due, self._last = self._last, []
            for callback in due:
                try:
                    callback()
                except Exception as error:  # noqa: BLE001 - as in `turn`
                    self._failed(error)

    def _is_any_waiting(self) -> bool:
        """Return True if a socket to be checked has a message: sockets may have more than their descriptors have told."""
        for fd in list(self._to_check):
            if self._sockets[fd][0]():
                return True
            del self._to_check[fd]
        return False

    def _serve_sockets(self) -> None:
        for fd in list(self._to_check):
            if fd in self._to_check:
                try:
                    self._sockets[fd][1]()
                except Exception as error:  # noqa: BLE001 - as in `turn`
                    self._failed(error)

    def _fire(self) -> None:
        while self._timers and self._timers[0][0] <= self.now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                try:
                    callback()
                except Exception as error:  # noqa: BLE001 - as in `turn`
                    self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Report a callback's exception, while it is being handled; raise it if the loop reports none."""
        if self._fault is None:
            raise error
        self.faults += 1
        self._fault()

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()
