"""The encrypted socket for runners of other machines. Only listed keys come in; a key is known by its CURVE handshake alone.

Authorisation (ZAP, RFC 27) is answered on the dispatcher's loop. The socket has a context of its own: handshakes of strangers
keep no local runner waiting.
"""

from __future__ import annotations

import os
import socket as sockets_of_system
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import zmq
from zmq.utils.monitor import recv_monitor_message

from floe_jupyter.dispatcher import log
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.transport import curve, parts, sockets
from floe_jupyter.wire.transport.loop import Loop

CONNECTIONS = 200
"""Maximum number of connections; further ones are closed at once, so that strangers cannot take all descriptors."""
_DOMAIN = b"floe"
_NOBLOCK = int(zmq.NOBLOCK)


class Peer(NamedTuple):
    """A connection, as known from a message that came over it."""

    identity: bytes
    """Given by our socket, new for each connection."""
    descriptor: int
    inode: int
    """Inode of the descriptor's socket, which is not used again as descriptors are."""


class Entrance:
    """The listening socket. *heard* gets the name of the key, the connection, and the frames of each message."""

    def __init__(
        self,
        loop: Loop,
        endpoint: str,
        pair: tuple[bytes, bytes],
        name_of: Callable[[str], str],
        heard: Callable[[str, Peer, list[bytes]], None],
        lost: Callable[[int], None],
    ) -> None:
        self.refused = 0
        """Number of messages of keys that are not listed any more."""
        self._loop, self._name_of, self._heard, self._lost = loop, name_of, heard, lost
        self._open: set[int] = set()
        self._context: zmq.Context[Any] = zmq.Context(io_threads=1)
        self._socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._monitor: zmq.Socket[bytes] | None = None
        self._watched: list[int] = []
        self._asked: zmq.Socket[bytes] = self._context.socket(zmq.REP)
        try:
            self._bind(endpoint, pair)
        except zmq.ZMQError as error:
            self.close()
            raise EnvironmentFailed(f"{endpoint} cannot be listened at: {error}; choose an address of this machine") from error

    def _bind(self, endpoint: str, pair: tuple[bytes, bytes]) -> None:
        self._asked.bind("inproc://zeromq.zap.01")
        curve.set_options(self._socket, parts.LIMIT)
        self._socket.curve_server = True
        self._socket.setsockopt(zmq.CURVE_PUBLICKEY, pair[0])
        self._socket.setsockopt(zmq.CURVE_SECRETKEY, pair[1])
        self._socket.zap_domain = _DOMAIN  # refuses everybody if nothing answered
        self._monitor = self._socket.get_monitor_socket(int(zmq.EVENT_ACCEPTED) | int(zmq.EVENT_DISCONNECTED))
        self._watched = [
            sockets.watch(self._loop, self._asked, self._authorise),
            sockets.watch(self._loop, self._monitor, self._news),
            sockets.watch(self._loop, self._socket, self.receive),
        ]
        self._socket.bind(endpoint)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._port = int(self.endpoint.rpartition(":")[2])

    def send(self, peer: Peer, frames: Sequence[bytes]) -> None:
        """Send a message; it is lost if the connection is away. Raises zmq.ZMQError."""
        try:
            sockets.put(self._socket, (peer.identity, *frames))
        finally:
            self._loop.recheck(self._watched[2])

    def receive(self) -> None:
        """Take the messages that have arrived."""
        for _ in range(sockets.BURST):
            if self._socket.closed or not sockets.waiting(self._socket):
                return
            frames = [self._socket.recv(_NOBLOCK, copy=False)]
            while frames[-1].more:
                frames.append(self._socket.recv(_NOBLOCK, copy=False))
            self._take(frames)

    def end(self, peer: Peer) -> None:
        """End a connection."""
        self._shut(peer.descriptor, peer.inode)

    def close(self) -> None:
        """Close the socket, and all connections."""
        for descriptor in self._watched:
            self._loop.forget(descriptor)
        self._watched = []
        if self._monitor is not None:
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
        self._asked.close(linger=0)
        self._socket.close(linger=curve.LAST_WORDS)
        self._context.destroy(linger=curve.LAST_WORDS)

    def _take(self, frames: list[zmq.Frame]) -> None:
        name = self._name_of(str(frames[-1].get("User-Id")))
        peer = _peer_of(frames)
        if len(frames) < 3:
            self.refused += 1
        elif not name:  # revoked since its handshake
            self.refused += 1
            self.end(peer)
        else:
            self._heard(name, peer, [frame.bytes for frame in frames[1:]])

    def _authorise(self) -> None:
        for _ in range(sockets.BURST):
            if self._asked.closed or not sockets.waiting(self._asked):
                return
            request = sockets.take(self._asked)
            curve_key = len(request) == 7 and request[5] == b"CURVE"
            key = request[6].hex() if curve_key else ""
            name = self._name_of(key) if key else ""
            verdict = (b"200", b"OK", key.encode()) if name else (b"400", b"the key is not listed", b"")
            sockets.put(self._asked, (b"1.0", request[1] if len(request) > 1 else b"", *verdict, b""))
            self._loop.recheck(self._watched[0])

    def _news(self) -> None:
        while self._monitor is not None and not self._monitor.closed and sockets.waiting(self._monitor):
            event = recv_monitor_message(self._monitor)
            descriptor = int(event["value"])
            if event["event"] == zmq.EVENT_DISCONNECTED:
                self._open.discard(descriptor)
                self._lost(descriptor)
            else:
                self._accepted(descriptor)

    def _accepted(self, descriptor: int) -> None:
        self._open.add(descriptor)
        if len(self._open) > CONNECTIONS:
            self._shut(descriptor, _inode(descriptor))
            if len(self._open) == CONNECTIONS + 1:
                log.warn(f"more than {CONNECTIONS} connections at {self.endpoint}: further ones are closed")

    def _shut(self, descriptor: int, inode: int) -> None:
        """Shut a connection down, which libzmq then closes; a descriptor of anything else is left alone."""
        try:
            with sockets_of_system.socket(fileno=os.dup(descriptor)) as ours:
                if os.fstat(ours.fileno()).st_ino == inode and ours.getsockname()[1] == self._port:
                    ours.shutdown(sockets_of_system.SHUT_RDWR)
        except (OSError, IndexError, TypeError):
            return  # it is closed already


def _peer_of(frames: list[zmq.Frame]) -> Peer:
    descriptor = int(frames[-1].get(zmq.SRCFD))
    return Peer(frames[0].bytes, descriptor, _inode(descriptor))


def _inode(descriptor: int) -> int:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return 0
