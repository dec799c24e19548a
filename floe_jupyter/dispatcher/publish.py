"""Events published by the dispatcher. Views are lossy: a slow subscriber misses some, without effect on the others.

All events are numbered by one counter that begins at the time of the start: the sequence of every topic strictly increases, also
over a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from floe_jupyter.wire.pieces import cut
from floe_jupyter.wire.transport import sockets

WAITING = 1_000
"""Maximum number of events, or pieces of larger events (about 65 MB), that wait for one subscriber; later events are lost for the
subscriber alone, at once or (see `offer`) after `PATIENCE`.
"""
PATIENCE = 0.5
"""Seconds that events not to be missed wait for a full subscriber."""
LONGEST_TOPIC = 512


class Publisher:
    """Sender of events to subscribers. Encodes an event only if its topic is subscribed."""

    def __init__(
        self, socket: zmq.Socket[bytes], newest: Callable[[str], list[tuple[str, Any]]], sent: Callable[[], None]
    ) -> None:
        self._socket, self._sent = socket, sent
        self._newest = newest
        self._wanted: set[bytes] = set()
        self._sequence = time.time_ns() // 1_000
        self._full_since: float | None = None

    def receive(self) -> None:
        """Take note of subscriptions; send a new subscriber the newest values under its topic."""
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
        """True if any topic is subscribed."""
        return bool(self._wanted)

    def wanted(self, topic: str) -> bool:
        """Return whether *topic* is subscribed."""
        return any(topic.encode().startswith(prefix) for prefix in self._wanted)

    def offer(self, topic: str, value: Any, now: float) -> bool:
        """Publish an event that no subscriber should miss; return False if a subscriber is full: then offer the event again.

        A subscriber still full after `PATIENCE` loses the event, because the other subscribers must not wait.
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
        """Publish an event; a full subscriber loses it."""
        if not self._wanted or not self.wanted(topic):
            return
        self._sequence += 1
        for parts in cut(topic.encode(), self._sequence, msgspec.msgpack.encode((topic, self._sequence, value))):
            sockets.put(self._socket, parts)
        self._sent()
