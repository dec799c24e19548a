"""Events of the dispatcher on the way from the wire's thread into the event loop.

Events are encoded once for all pages and bounded, and the loop is woken once for all events arrived meanwhile.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from floe_jupyter.server import frames

WAITING = 4_000
"""Maximum number of events waiting for the loop; beyond, the oldest are dropped."""
MOST_BYTES = 32 * 1024 * 1024
"""Maximum bytes of the events waiting for the loop: a blocked server with many large views must not fill the memory."""
Events = list[tuple[str, bytes]]


class EventQueue:
    """Queue between threads. `heard` is called in the wire's thread, *spread* (events, number of events left out) in the loop."""

    def __init__(self, tell_loop: Callable[[Callable[[], None]], None], spread: Callable[[Events, int], None]) -> None:
        self._tell_loop, self._spread = tell_loop, spread
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._lost = self._bytes = 0
        self._lock = threading.Lock()

    def heard(self, topic: str, sequence: int, value: Any) -> None:
        """Queue an event."""
        frame = frames.event(topic, sequence, value)
        with self._lock:
            first = not self._waiting
            self._waiting.append((topic, frame))
            self._bytes += len(frame)
            self._drop_oldest()
        if first:
            self._tell_loop(self._flush)

    def _drop_oldest(self) -> None:
        """Drop the oldest events beyond the limits; the newest stays whatever its size."""
        while len(self._waiting) > 1 and (len(self._waiting) > WAITING or self._bytes > MOST_BYTES):
            _, frame = self._waiting.popleft()
            self._bytes -= len(frame)
            self._lost += 1

    def _flush(self) -> None:
        with self._lock:
            events, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = self._bytes = 0
        self._spread(events, lost)
