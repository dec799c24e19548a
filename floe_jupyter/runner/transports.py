"""Transports to a dispatcher: the stream of the local listener, a ZeroMQ DEALER, or a connection between machines."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT
from floe_jupyter.wire.transport import parts, streams
from floe_jupyter.wire.transport.loop import READ, WRITE, Loop

_PER_TURN = 64
"""Maximum number of envelopes received before the loop serves the pipes again."""
Understand = Callable[[bytes], None]


class Transport(Protocol):
    """Transport of envelopes; every received envelope is given to *understand*."""

    def transmit(self, envelope: bytes) -> None:
        """Send an envelope."""

    def turn(self) -> bool:
        """Return True if the loop must not wait, as more envelopes are to be received. Called before the loop waits."""

    def close(self) -> None:
        """Close the transport."""


class JoinAddress(NamedTuple):
    """Entrance of a runner to the dispatcher of another machine."""

    file: str
    """Path of the join file with the keys."""
    number: int
    """Number of the launch."""


def transport_to(
    loop: Loop,
    url: str,
    identity: str,
    understand: Understand,
    connected: Callable[[], None],
    *,
    same_memory: bool = True,
    joining: JoinAddress | None = None,
) -> Transport:
    """Return a transport to the dispatcher at *url*: the stream of the local listener if reachable, else a ZeroMQ socket, and
    with *joining* an encrypted one, which calls *connected* for each new connection.
    """
    if joining is not None:
        return JoinedTransport(loop, url, joining, understand, connected)
    connection = streams.reach(url)
    if connection is not None:
        return StreamTransport(loop, connection, understand)
    return SocketTransport(loop, url, identity, understand, same_memory=same_memory)


class StreamTransport:
    """Transport over a stream, read when readable. If the stream ends, the dispatcher's lifeline says whether to stop."""

    def __init__(self, loop: Loop, connection: socket.socket, understand: Understand) -> None:
        self._loop, self._understand = loop, understand
        self._stream = streams.Stream(connection, FRAME_LIMIT + (1 << 20), self._later)
        self.transmit = self._stream.send
        loop.watch(self._stream.fd, self._ready)

    def turn(self) -> bool:
        """Return False: the loop reports all received data."""
        return False

    def close(self) -> None:
        """Close the stream. Written envelopes arrive; a slow dispatcher has 0.1 seconds to take the rest."""
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


class SocketTransport:
    """Transport over ZeroMQ, for a dispatcher on another machine or out of reach of a local socket."""

    def __init__(self, loop: Loop, url: str, identity: str, understand: Understand, *, same_memory: bool = True) -> None:
        import zmq  # not imported by a runner on the dispatcher's machine

        self._no_block, self._more, self._again = int(zmq.NOBLOCK), int(zmq.RCVMORE), zmq.Again
        self._events, self._in = int(zmq.EVENTS), int(zmq.POLLIN)
        self._loop, self._understand = loop, understand
        self._context: Any = zmq.Context(io_threads=1)
        self._socket: Any = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTING_ID, identity.encode()[:255])
        if not same_memory:
            from floe_jupyter.wire.transport.sockets import keep_across_machines, keep_forwarded

            (keep_across_machines if url.startswith("tcp:") else keep_forwarded)(self._socket)
        self._socket.connect(url)
        self._may_have_data = True
        """True if envelopes may have been received."""
        self._fd = int(self._socket.getsockopt(zmq.FD))
        loop.watch(self._fd, self._signalled)

    def transmit(self, envelope: bytes) -> None:
        """Send an envelope; while the dispatcher is away, the link sends the envelope again later."""
        self._may_have_data = True
        try:
            self._socket.send(envelope, self._no_block, copy=len(envelope) < 65536)
        except self._again:
            return  # the dispatcher is away; the link sends the envelope again

    def turn(self) -> bool:
        """Receive envelopes by asking the socket itself.

        The descriptor reports only changes, and sending may swallow a change: after a report or a send the socket is asked.
        """
        taken = 0
        while self._may_have_data:
            if not int(self._socket.getsockopt(self._events)) & self._in:
                self._may_have_data = False
            elif taken == _PER_TURN:
                return True
            else:
                self._receive()
                taken += 1
        return False

    def close(self) -> None:
        """Close the socket and the context."""
        self._loop.forget(self._fd)
        self._socket.close(linger=100)
        self._context.term()

    def _signalled(self, _: int) -> None:
        self._may_have_data = True

    def _receive(self) -> None:
        """Receive a message: every part is an envelope, and all parts are available."""
        socket = self._socket
        self._understand(socket.recv(self._no_block))
        while socket.getsockopt(self._more):
            self._understand(socket.recv(self._no_block))


class JoinedTransport:
    """Transport over an encrypted connection to another machine."""

    def __init__(self, loop: Loop, url: str, joining: JoinAddress, understand: Understand, connected: Callable[[], None]) -> None:
        from floe_jupyter.wire.join_files import read_join_file
        from floe_jupyter.wire.transport import curve

        file = read_join_file(joining.file)
        keys = curve.CurveKeys(file.server, file.public, file.secret)
        self._understand, self._connected, self._news_of_connection = understand, connected, curve.CONNECTED
        self._connection = curve.CurveConnection(loop, url, keys, joining.number, parts.LIMIT, self._heard, self._news)
        self.close = self._connection.close

    def transmit(self, envelope: bytes) -> None:
        """Send an envelope; while the dispatcher is away, the link sends the envelope again later."""
        self._connection.send((envelope,))

    def turn(self) -> bool:
        """Return False: the loop reports all received data."""
        return False

    def _heard(self, frames: list[bytes]) -> None:
        for envelope in frames[1:]:
            self._understand(envelope)

    def _news(self, news: str) -> None:
        if news == self._news_of_connection:
            self._connected()
