"""The one loop of the dispatcher: sockets, descriptors and timers, in one thread.

No asyncio: it costs more than the hop itself. Callbacks never block and never raise for a peer's fault.
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
from floe_jupyter.wire import sockets

BURST = 64
"""So many messages a callback takes from one socket before the others have their turn."""
_IN, _OUT = int(select.EPOLLIN), int(select.EPOLLOUT)


class Timer:
    """Calls back once, unless it was cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Waits for sockets, descriptors and times; `now` is the monotonic clock, in seconds, as of the last wait."""

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.stopped = False
        self.faults = 0
        """Callbacks that raised; their traces are in the log."""
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._sockets: dict[int, zmq.Socket[Any]] = {}
        self._stirred: dict[int, zmq.Socket[Any]] = {}
        """ZeroMQ sockets that may hold a message: their descriptors tell only of changes, and sending may swallow one."""
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
        """Before a watched source is closed."""
        fd = self._descriptor(source)
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)
            for known in (self._writers, self._sockets, self._stirred):
                known.pop(fd, None)

    def writing(self, fd: int, writable: Callable[[], None] | None, *, reading: bool = True) -> None:
        """Call back when a watched descriptor can be written (and not, or also, when it can be read); None: read it only."""
        if fd not in self._callbacks:
            return
        if writable is None:
            self._writers.pop(fd, None)
            self._epoll.modify(fd, _IN)
        else:
            self._writers[fd] = writable
            self._epoll.modify(fd, _IN | _OUT if reading else _OUT)

    def stir(self, socket: zmq.Socket[Any]) -> None:
        """Something was sent by this watched socket."""
        self._stirred[self._descriptor(socket)] = socket

    @staticmethod
    def _descriptor(source: Any) -> int:
        return source if type(source) is int else int(source.getsockopt(zmq.FD))

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def every_turn(self, callback: Callable[[], float | None]) -> None:
        """Call this before each wait; it says when it wants to be called again at the latest, or None."""
        self._turns.append(callback)

    def run(self) -> None:
        """Until `stop`."""
        while not self.stopped:
            self.turn()

    def stop(self) -> None:
        self.stopped = True

    def turn(self, longest: float = 60.0) -> None:
        """One wait of at most *longest* seconds, and everything that was due after it."""
        ready = self._epoll.poll(self._wait(longest), 64)
        self.now = time.monotonic()
        for fd, events in ready:
            if fd in self._sockets:
                self._stirred[fd] = self._sockets[fd]
            elif self._writers:
                self._serve(fd, events)
            elif (callback := self._callbacks.get(fd)) is not None:  # an earlier one of this turn may have closed it
                self._call(callback)
        for fd in list(self._stirred) if self._stirred else ():
            if fd in self._stirred:
                self._call(self._callbacks[fd])
        while self._timers and self._timers[0][0] <= self.now:
            fire = heapq.heappop(self._timers)[2].callback
            if fire is not None:
                self._call(fire)

    def _serve(self, fd: int, events: int) -> None:
        """With descriptors that wait to be written; an end or an error is for whoever writes, as long as somebody does."""
        writer = self._writers.get(fd)
        if writer is not None and events & ~_IN:
            self._call(writer)
        if (events & _IN or writer is None) and (callback := self._callbacks.get(fd)) is not None:
            self._call(callback)

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001 - one fault of ours must not end everybody's runs; it is in the log
            self._fault()

    def _fault(self) -> None:
        self.faults += 1
        log.fault("a callback failed; please report this")

    def _wait(self, longest: float) -> float:
        """Seconds to wait. Cancelled timers that are due first are forgotten: nobody need wake up for them."""
        limit = self.now + longest
        try:
            for turn in self._turns:
                at = turn()
                if at is not None and at < limit:
                    limit = at
        except Exception:  # noqa: BLE001 - as in `_call`
            self._fault()
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
