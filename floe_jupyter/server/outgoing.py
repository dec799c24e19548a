"""Frames waiting for a page, bounded: answers in order, the newest of each thinned topic, the newest thousand other events.

Events go in ticks, twenty a second: in each, a thinned topic (`floe_jupyter.wire.control.topics`) goes at most once, and at most
a hundred events in all. Events left out are counted, and the page is told after catching up. The module reads no clock.
"""

from __future__ import annotations

from collections import deque

from floe_jupyter.server import frames
from floe_jupyter.wire.control.topics import THINNED

TICK = 0.05
"""Seconds between two ticks."""
EVENTS_A_TICK = 100
"""Maximum number of events per tick."""
MOST_SNAPSHOTS = 1_000
MOST_EVENTS = 1_000
MOST_BYTES = 4 * 1024 * 1024
"""Maximum bytes of waiting events other than snapshots."""
TELL_AGAIN = 1.0
"""Seconds between two frames that report lost events."""
MOST_ANSWERS = 128
"""Number of waiting answers at which no further frame is taken from the page."""
MOST_ANSWER_BYTES = 128 * 1024 * 1024
"""Maximum bytes of waiting answers."""
SMALL = 64 * 1024
"""Bytes below which an answer may always wait: the number of answers is limited."""


class Outgoing:
    """Frames for a page. The next frame is `take`n when the previous frame was written."""

    def __init__(self) -> None:
        self.lost = 0
        """Number of events left out since the page was last told."""
        self._answers: deque[bytes] = deque()
        self._newest: dict[str, bytes] = {}
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._next_tick = self._told = 0.0
        self._left = 0
        self._went: set[str] = set()

    def __len__(self) -> int:
        return len(self._answers) + len(self._newest) + len(self._events)

    @property
    def size(self) -> int:
        """Number of waiting bytes."""
        return sum(map(len, self._answers)) + sum(map(len, self._newest.values())) + self._bytes

    @property
    def full(self) -> bool:
        """True if the page does not read the answers."""
        return len(self._answers) >= MOST_ANSWERS

    def holds(self, size: int) -> bool:
        """Return True if another answer of *size* bytes may wait."""
        return size < SMALL or sum(map(len, self._answers)) + size <= MOST_ANSWER_BYTES

    def answer(self, frame: bytes) -> None:
        """Queue an answer."""
        self._answers.append(frame)

    def event(self, topic: str, frame: bytes) -> None:
        """Queue an event; drop the oldest events beyond the limits."""
        if topic.startswith(THINNED):
            self._newest[topic] = frame
            if len(self._newest) > MOST_SNAPSHOTS:
                del self._newest[next(iter(self._newest))]
                self.lost += 1
            return
        self._events.append(frame)
        self._bytes += len(frame)
        while len(self._events) > MOST_EVENTS or self._bytes > MOST_BYTES:
            self._bytes -= len(self._events.popleft())
            self.lost += 1

    def take(self, now: float) -> bytes | None:
        """Return the next frame; None if no frame may go yet."""
        if self._answers:
            return self._answers.popleft()
        if now >= self._next_tick and (self._newest or self._events):
            self._next_tick, self._left = now + TICK, EVENTS_A_TICK
            self._went.clear()
        return self._event() or self._loss_notice(now)

    def after(self, now: float) -> float | None:
        """Return the seconds until `take` has the next frame if no other comes; None: never."""
        if self._answers:
            return 0.0
        if self._newest or self._events:
            return max(0.0, self._next_tick - now)
        return max(0.0, self._told + TELL_AGAIN - now) if self.lost else None

    def _event(self) -> bytes | None:
        if self._left <= 0:
            return None
        topic = next((topic for topic in self._newest if topic not in self._went), None)
        if topic is not None:
            self._left -= 1
            self._went.add(topic)
            return self._newest.pop(topic)
        if self._events:
            self._left -= 1
            frame = self._events.popleft()
            self._bytes -= len(frame)
            return frame
        return None

    def _loss_notice(self, now: float) -> bytes | None:
        if not self.lost or self._newest or self._events or now < self._told + TELL_AGAIN:
            return None
        n, self.lost, self._told = self.lost, 0, now
        return frames.lost(n)
