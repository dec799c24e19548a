"""ZeroMQ messages of several parts, without what makes pyzmq's own calls slow: an exception for "nothing there", and
enumerations that are made anew for every part. Measured: 7 us instead of 31 us for a message of two parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

_NOBLOCK = int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE) | _NOBLOCK
_EVENTS = zmq.EVENTS
_IN = int(zmq.POLLIN)


def connect(socket: zmq.Socket[Any], endpoint: str, within: float = 1.0) -> None:
    """Connect, and come back when the other end is there (or after *within* seconds): what is subscribed to afterwards is
    under way at once, and whoever then asks for the present state misses nothing that follows it.
    """
    monitor = socket.get_monitor_socket(int(zmq.EVENT_HANDSHAKE_SUCCEEDED))
    try:
        socket.connect(endpoint)
        monitor.poll(int(within * 1_000))
    finally:
        socket.disable_monitor()
        monitor.close(linger=0)


def waiting(socket: zmq.Socket[Any]) -> bool:
    """Is there a message to take?"""
    return bool(int(socket.get(_EVENTS)) & _IN)


def take(socket: zmq.Socket[Any]) -> list[bytes]:
    """The parts of the next message. Raises zmq.Again when there is none."""
    frame = socket.recv(_NOBLOCK, copy=False)
    parts = [frame.bytes]
    while frame.more:
        frame = socket.recv(_NOBLOCK, copy=False)
        parts.append(frame.bytes)
    return parts


def put(socket: zmq.Socket[Any], parts: Sequence[bytes]) -> None:
    """Send one message. Raises zmq.ZMQError when it cannot be taken now."""
    for part in parts[:-1]:
        socket.send(part, _MORE)
    socket.send(parts[-1], _NOBLOCK)
