"""What the dispatcher publishes. Views are lossy: a slow subscriber misses some, and nobody else notices.

One counter numbers everything, from the time of the start on: so the sequences of every topic strictly increase, also
over a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from floe_jupyter.wire import sockets

WAITING = 1_000
"""So many events wait for one subscriber; what comes then is lost for it alone, at once or (see `offer`) after some patience."""
PATIENCE = 0.5
"""Seconds that events which nobody should miss wait for a subscriber that is full."""
LONGEST_TOPIC = 512


class Publisher:
    """Sends events to whoever subscribed. Encodes nothing while nobody listens."""

    def __init__(self, socket: zmq.Socket[bytes], newest: Callable[[str], list[tuple[str, Any]]],
                 sent: Callable[[], None]) -> None:
        self._socket, self._sent = socket, sent
        self._newest = newest
        self._wanted: set[bytes] = set()
        self._sequence = time.time_ns() // 1_000
        self._full_since: float | None = None

    def receive(self) -> None:
        """Take notice of who subscribed; tell it what is newest under its topic."""
        while True:
            if not sockets.waiting(self._socket):
                return
            frame = sockets.take(self._socket)[0]
            if frame[:1] == b"\1" and len(frame) <= LONGEST_TOPIC:
                self._wanted.add(frame[1:])
                for topic, value in self._newest(frame[1:].decode("utf-8", "replace")):
                    self.publish(topic, value)
            elif frame[:1] == b"\0":
                self._wanted.discard(frame[1:])

    @property
    def watched(self) -> bool:
        """Somebody listens to something."""
        return bool(self._wanted)

    def wanted(self, topic: str) -> bool:
        return any(topic.encode().startswith(prefix) for prefix in self._wanted)

    def offer(self, topic: str, value: Any, now: float) -> bool:
        """Publish an event that nobody should miss. False when a subscriber is full: offer it again. Who stays full for longer
        than `PATIENCE` loses it, so that the others do not wait.
        """
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        try:
            self.publish(topic, value)
            self._full_since = None
            return True
        except zmq.Again:
            self._full_since = self._full_since or now
        finally:
            self._socket.setsockopt(zmq.XPUB_NODROP, 0)
        if now - self._full_since <= PATIENCE:
            return False
        self.publish(topic, value)
        return True

    def publish(self, topic: str, value: Any) -> None:
        if not self._wanted or not self.wanted(topic):
            return
        self._sequence += 1
        sockets.put(self._socket, (topic.encode(), msgspec.msgpack.encode((topic, self._sequence, value))))
        self._sent()
