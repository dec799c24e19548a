"""The event loop of the dispatcher: sockets, descriptors and timers, in one thread.

asyncio is not used, because it costs more than a whole message hop. Callbacks never block, and never raise for a peer's fault.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.wire.transport import sockets

BURST = 64
"""Maximum number of messages a callback takes from a socket before the other sockets have their turn."""
FAULTY_AGAIN = 1.0
"""Maximum seconds until a turn that raised is tried again."""
_IN, _OUT = int(select.EPOLLIN), int(select.EPOLLOUT)


class Timer:
    """A callback at a set time, called once unless cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Cancel the callback."""
        self.callback = None


class Loop:
    """Event loop over sockets, descriptors and timers. `now` is the monotonic clock, in seconds, as of the last wait."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.stopped = False
        self.faults = 0
        """Number of callbacks that raised; the traces are in the log."""
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._sockets: dict[int, zmq.Socket[Any]] = {}
        self._stirred: dict[int, zmq.Socket[Any]] = {}
        """ZeroMQ sockets that may hold a message: their descriptors report only changes, and sending may consume a report."""
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._turns: list[Callable[[], float | None]] = []

    def watch(self, source: Any, callback: Callable[[], None]) -> None:
        """Call back whenever *source*, a ZeroMQ socket or a descriptor, can be read."""
        fd = self._descriptor(source)
        if source is not fd:
            self._sockets[fd] = self._stirred[fd] = source
        self._callbacks[fd] = callback
        self._epoll.register(fd, _IN)

    def forget(self, source: Any) -> None:
        """Stop watching *source*; to be called before the source is closed."""
        fd = self._descriptor(source)
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            for known in (self._writers, self._sockets, self._stirred):
                known.pop(fd, None)

    def writing(self, fd: int, writable: Callable[[], None] | None, *, reading: bool = True) -> None:
        """Call back when a watched descriptor is writable (and, with *reading*, when readable); None: watch for reading only."""
        if fd not in self._callbacks:
            return
        if writable is None:
            self._writers.pop(fd, None)
            self._epoll.modify(fd, _IN)
        else:
            self._writers[fd] = writable
            self._epoll.modify(fd, _IN | _OUT if reading else _OUT)

    def stir(self, socket: zmq.Socket[Any]) -> None:
        """Look for messages on a watched socket after a send, which may have consumed the report of its descriptor."""
        self._stirred[self._descriptor(socket)] = socket

    @staticmethod
    def _descriptor(source: Any) -> int:
        return source if type(source) is int else int(source.getsockopt(zmq.FD))

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, in *seconds*; return the timer."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def every_turn(self, callback: Callable[[], float | None]) -> None:
        """Call *callback* before each wait; its result is the latest time of the next call, or None."""
        self._turns.append(callback)

    def run(self) -> None:
        """Run turns until `stop`."""
        while not self.stopped:
            self.turn()

    def stop(self) -> None:
        """End `run` after the current turn."""
        self.stopped = True

    def turn(self, longest: float = 60.0) -> None:
        """Wait for at most *longest* seconds, then make all calls that are due."""
        ready = self._epoll.poll(self._wait(longest), 64)
        self.now = time.monotonic()
        for fd, events in ready:
            if fd in self._sockets:
                self._stirred[fd] = self._sockets[fd]
            elif self._writers:
                self._serve(fd, events)
            elif (callback := self._callbacks.get(fd)) is not None:  # an earlier callback of the turn may have closed it
                self._call(callback)
        for fd in list(self._stirred) if self._stirred else ():
            if fd in self._stirred:
                self._call(self._callbacks[fd])
        while self._timers and self._timers[0][0] <= self.now:
            fire = heapq.heappop(self._timers)[2].callback
            if fire is not None:
                self._call(fire)

    def _serve(self, fd: int, events: int) -> None:
        """Call a descriptor's callbacks while any descriptor waits for writing; an end or error goes to the writer, if any."""
        writer = self._writers.get(fd)
        if writer is not None and events & ~_IN:
            self._call(writer)
        if (events & _IN or writer is None) and (callback := self._callbacks.get(fd)) is not None:
            self._call(callback)

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001 - one fault in the dispatcher must not end the runs of all clients; it is logged
            self._fault()

    def _fault(self) -> None:
        self.faults += 1
        log.fault("a callback failed; please report this")

    def _wait(self, longest: float) -> float:
        """Return the seconds to wait. Cancelled timers at the head of the queue are dropped: no wake-up is needed for them."""
        # ZeroMQ sockets and descriptors are asked in one system call; sockets may have more than the call has told.
        limit = self.now + longest
        for turn in self._turns:
            try:
                at = turn()
            except Exception:  # noqa: BLE001 - as in `_call`; the remaining turns must still be called
                self._fault()
                at = self.now + FAULTY_AGAIN
            if at is not None and at < limit:
                limit = at
        for fd, socket in list(self._stirred.items()) if self._stirred else ():
            if sockets.waiting(socket):
                return 0.0
            del self._stirred[fd]
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if timers and timers[0][0] < limit:
            limit = timers[0][0]
        return 0.0 if self.stopped or limit <= self.now else max(0.0, limit - time.monotonic())
