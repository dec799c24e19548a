"""Streams for calls of clients: the fast path beside the ZeroMQ socket of the control API.

The first message on a stream is its identity, as for a ZeroMQ socket: a client's token, followed by arbitrary bytes. The next
requests of a client are read only after the client has taken the answers.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

import msgspec

from floe_jupyter.dispatcher.runners.spare_descriptor import SpareDescriptor
from floe_jupyter.errors import EnvironmentFailed, ProtocolError
from floe_jupyter.wire.client.channel import ANY
from floe_jupyter.wire.transport.loop import Loop
from floe_jupyter.wire.transport.streams import Listener, Stream, accept, framed

LONGEST_IDENTITY = 255
STRANGERS = 1024 * 1024
"""Maximum bytes of a message from a client that has not said hello."""


class CallStream:
    """One accepted connection."""

    __slots__ = ("identity", "stream", "trusted")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.identity = b""
        self.trusted = False
        """True if the client has said hello."""


class CallStreams:
    """All streams of clients. *take* gets (identity, request); *refuse* is called for invalid data; *trusted* says whether the
    client of an identity has said hello: until then its messages must be small.
    """

    def __init__(
        self,
        loop: Loop,
        listener: Listener | None,
        limit: int,
        take: Callable[[bytes, bytes], None],
        refuse: Callable[[], None],
        trusted: Callable[[bytes], bool],
    ) -> None:
        self._trusted = trusted
        self._loop, self._listener, self._limit = loop, listener, limit
        self._take, self._refuse = take, refuse
        self._spare = SpareDescriptor()
        self._open: set[CallStream] = set()
        self._by_identity: dict[bytes, CallStream] = {}
        """Identified streams; of several streams with the same identity, the newest gets the answers."""
        if listener is not None:
            loop.watch(listener.fileno(), self._accept)

    def send(self, identity: bytes, answer: bytes) -> bool:
        """Send an answer; return False if no stream has the identity."""
        client = self._by_identity.get(identity)
        if client is None:
            return False
        client.stream.send(answer)
        return True

    def close(self) -> None:
        """Close all streams and the listener. Answers already sent still arrive."""
        for client in list(self._open):
            self._end(client)
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()

    def _accept(self, _: int) -> None:
        assert self._listener is not None
        try:
            accepted = accept(self._listener)
        except OSError:
            self._spare.refuse(self._listener, _tell_why)
            return
        if accepted is None:
            return
        fd = accepted.fileno()
        stream = Stream(accepted, min(self._limit, STRANGERS), lambda flush: self._loop.writing(fd, flush, reading=False))
        client = CallStream(stream)
        self._open.add(client)
        self._loop.watch(fd, lambda _: self._receive(client))

    def _receive(self, client: CallStream) -> None:
        try:
            for message in client.stream.receive():
                if client.identity:
                    self._take(client.identity, message)
                else:
                    self._name(client, message)
                if not client.trusted and self._trusted(client.identity):
                    client.trusted, client.stream.splitter.limit = True, self._limit
        except EOFError:
            self._end(client)
        except ProtocolError:
            self._refuse()
            self._end(client)

    def _name(self, client: CallStream, identity: bytes) -> None:
        if not 0 < len(identity) <= LONGEST_IDENTITY:
            raise ProtocolError("an identity has 1 to 255 bytes")
        client.identity = identity
        self._by_identity[identity] = client

    def _end(self, client: CallStream) -> None:
        if client not in self._open:
            return
        self._open.discard(client)
        if self._by_identity.get(client.identity) is client:
            del self._by_identity[client.identity]
        self._loop.forget(client.stream.fd)
        client.stream.close()


def _tell_why(connection: socket.socket, why: str) -> None:
    with contextlib.suppress(OSError):
        connection.send(framed(msgspec.msgpack.encode((ANY, None, (EnvironmentFailed.kind, why, None)))))
