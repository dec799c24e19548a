"""ZeroMQ messages of several parts, without the slow steps of pyzmq's own calls: an exception for an empty queue, and
enumerations made anew for every part. Measured: 7 us instead of 31 us for a message of two parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import zmq

from floe_jupyter.wire.transport.loop import Loop

BURST = 64
"""Maximum number of messages a callback takes from a socket before the other sockets have their turn."""
_NOBLOCK = int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE) | _NOBLOCK
_EVENTS = zmq.EVENTS
_IN = int(zmq.POLLIN)


def connect(socket: zmq.Socket[Any], endpoint: str, within: float = 1.0) -> None:
    """Connect, and return once the other end is connected (or after *within* seconds): later subscriptions are sent at once,
    and a client that then asks for the present state misses no event that follows.
    """
    monitor = socket.get_monitor_socket(int(zmq.EVENT_HANDSHAKE_SUCCEEDED))
    try:
        socket.connect(endpoint)
        monitor.poll(int(within * 1_000))
    finally:
        socket.disable_monitor()
        monitor.close(linger=0)


def watch(loop: Loop, socket: zmq.Socket[Any], callback: Callable[[], None]) -> int:
    """Have *loop* call back while messages can be taken; return the descriptor, for `Loop.recheck` and `Loop.forget`."""
    fd = descriptor(socket)
    loop.watch_socket(fd, partial(waiting, socket), callback)
    return fd


def descriptor(socket: zmq.Socket[Any]) -> int:
    """Return the descriptor which reports changes of a socket."""
    return int(socket.getsockopt(zmq.FD))


def waiting(socket: zmq.Socket[Any]) -> bool:
    """Return whether a message can be taken."""
    return bool(int(socket.get(_EVENTS)) & _IN)


def take(socket: zmq.Socket[Any]) -> list[bytes]:
    """Return the parts of the next message. Raises zmq.Again if no message waits."""
    frame = socket.recv(_NOBLOCK, copy=False)
    parts = [frame.bytes]
    while frame.more:
        frame = socket.recv(_NOBLOCK, copy=False)
        parts.append(frame.bytes)
    return parts


def put(socket: zmq.Socket[Any], parts: Sequence[bytes]) -> None:
    """Send one message. Raises zmq.ZMQError if the socket cannot take the message now."""
    for part in parts[:-1]:
        socket.send(part, _MORE)
    socket.send(parts[-1], _NOBLOCK)
