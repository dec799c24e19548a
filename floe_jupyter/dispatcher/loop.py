"""The one loop of the dispatcher: sockets, descriptors and timers, in one thread.

No asyncio: it costs more than the hop itself. Callbacks never block and never raise for a peer's fault.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import zmq

from floe_jupyter.dispatcher import log

BURST = 64
"""So many messages a callback takes from one socket before the others have their turn."""


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
        self._poller = zmq.Poller()
        self._callbacks: dict[Any, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._turns: list[Callable[[], float | None]] = []

    def watch(self, source: Any, callback: Callable[[], None]) -> None:
        """Call back whenever *source*, a ZeroMQ socket or a descriptor, can be read."""
        self._callbacks[source] = callback
        self._poller.register(source, zmq.POLLIN)

    def forget(self, source: Any) -> None:
        """Before a watched source is closed."""
        if self._callbacks.pop(source, None) is not None:
            self._poller.unregister(source)

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
        ready = self._poller.poll(self._wait(longest))
        self.now = time.monotonic()
        for source, _ in ready:
            callback = self._callbacks.get(source)  # an earlier callback of this turn may have closed it
            if callback is not None:
                self._call(callback)
        while self._timers and self._timers[0][0] <= self.now:
            fire = heapq.heappop(self._timers)[2].callback
            if fire is not None:
                self._call(fire)

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:  # noqa: BLE001 - one fault of ours must not end everybody's runs; it is in the log
            self.faults += 1
            log.fault("a callback failed; please report this")

    def _wait(self, longest: float) -> int:
        """Milliseconds, rounded up: a wait that ends early would spin."""
        limit = time.monotonic() + longest
        for turn in self._turns:
            at = turn()
            if at is not None and at < limit:
                limit = at
        if self._timers and self._timers[0][0] < limit:
            limit = self._timers[0][0]
        return 0 if self.stopped else max(0, math.ceil((limit - time.monotonic()) * 1_000))
