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
Events = list[tuple[str, bytes]]


class News:
    """Queue between threads. `heard` is called in the wire's thread, *spread* (events, number of events left out) in the loop."""

    def __init__(self, tell_loop: Callable[[Callable[[], None]], None], spread: Callable[[Events, int], None]) -> None:
        self._tell_loop, self._spread = tell_loop, spread
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._lost = 0
        self._lock = threading.Lock()

    def heard(self, topic: str, sequence: int, value: Any) -> None:
        """Queue an event."""
        frame = frames.event(topic, sequence, value)
        with self._lock:
            self._waiting.append((topic, frame))
            first = len(self._waiting) == 1
            if len(self._waiting) > WAITING:
                self._waiting.popleft()
                self._lost += 1
        if first:
            self._tell_loop(self._flush)

    def _flush(self) -> None:
        with self._lock:
            events, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
        self._spread(events, lost)
