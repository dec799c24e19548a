"""The two ways to a dispatcher: the stream of its quick door, or a ZeroMQ DEALER."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Protocol

from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.loop import READ, WRITE, Loop
from floe_jupyter.wire import streams
from floe_jupyter.wire.frames import FRAME_LIMIT

_PER_TURN = 64
"""So many envelopes are taken before the pipes get their turn again."""
Understand = Callable[[bytes], None]


class Way(Protocol):
    """Carries envelopes; every one that comes is given to *understand*."""

    def transmit(self, envelope: bytes) -> None: ...
    def turn(self) -> bool:
        """Called before the loop waits. True: it must not wait, there is more."""

    def close(self) -> None: ...


def way_to(loop: Loop, url: str, identity: str, understand: Understand) -> Way:
    connection = streams.reach(url)
    if connection is not None:
        return StreamWay(loop, connection, understand)
    return SocketWay(loop, url, identity, understand)


class StreamWay:
    """Reads when the loop says that there is something. An end is the dispatcher's; its lifeline tells what to do."""

    def __init__(self, loop: Loop, connection: socket.socket, understand: Understand) -> None:
        self._loop, self._understand = loop, understand
        self._stream = streams.Stream(connection, FRAME_LIMIT + (1 << 20), self._later)
        self.transmit = self._stream.send
        loop.watch(self._stream.fd, self._ready)

    def turn(self) -> bool:
        return False

    def close(self) -> None:
        """What is written arrives; for what the other end was too slow to take there is a moment."""
        self._loop.forget(self._stream.fd)
        self._stream.finish(0.1)

    def _later(self, flush: Callable[[], None] | None) -> None:
        self._loop.change(self._stream.fd, READ if flush is None else READ | WRITE)

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._stream.flush()
        if events & ~WRITE:
            self._receive()

    def _receive(self) -> None:
        try:
            for envelope in self._stream.receive():
                self._understand(envelope)
        except (EOFError, ProtocolError):
            self._loop.forget(self._stream.fd)
            self._stream.close()


class SocketWay:
    """Where the dispatcher is on another machine, or behind a wall."""

    def __init__(self, loop: Loop, url: str, identity: str, understand: Understand) -> None:
        import zmq  # a runner on the dispatcher's machine does without it

        self._no_block, self._more, self._again = int(zmq.NOBLOCK), int(zmq.RCVMORE), zmq.Again
        self._events, self._in = int(zmq.EVENTS), int(zmq.POLLIN)
        self._loop, self._understand = loop, understand
        self._context: Any = zmq.Context(io_threads=1)
        self._socket: Any = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTING_ID, identity.encode()[:255])
        self._socket.connect(url)
        self._stirred = True
        """Something may have come in."""
        self._fd = int(self._socket.getsockopt(zmq.FD))
        loop.watch(self._fd, self._signalled)

    def transmit(self, envelope: bytes) -> None:
        self._stirred = True
        try:
            self._socket.send(envelope, self._no_block, copy=len(envelope) < 65536)
        except self._again:
            return  # the dispatcher is away; the link sends it again

    def turn(self) -> bool:
        """The descriptor tells only of changes, and sending may swallow one: after either the socket itself is asked."""
        taken = 0
        while self._stirred:
            if not int(self._socket.getsockopt(self._events)) & self._in:
                self._stirred = False
            elif taken == _PER_TURN:
                return True
            else:
                self._receive()
                taken += 1
        return False

    def close(self) -> None:
        self._loop.forget(self._fd)
        self._socket.close(linger=100)
        self._context.term()

    def _signalled(self, _: int) -> None:
        self._stirred = True

    def _receive(self) -> None:
        """One message: every part of it is an envelope, and all of them are there."""
        socket = self._socket
        self._understand(socket.recv(self._no_block))
        while socket.getsockopt(self._more):
            self._understand(socket.recv(self._no_block))
