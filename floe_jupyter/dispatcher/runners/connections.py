"""Connections to runners over ZeroMQ: the role, and the socket of one launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import zmq

from floe_jupyter.wire.runtime.frames import FRAME_LIMIT
from floe_jupyter.wire.transport import parts, sockets
from floe_jupyter.wire.transport.loop import Loop


class ConnectionOwner(NamedTuple):
    """Callbacks of the owner of a connection."""

    hear: Callable[[list[bytes]], bool]
    """Take the envelopes of one message; return True if the runner sent them."""
    refuse: Callable[[], None]
    """Count a message that is not of the runner."""
    reconnected: Callable[[], None]
    lost: Callable[[], None]
    """Take note that the connection is away; it may come back."""
    silence: Callable[[], float]
    """Return the seconds for which an answer of the runner is due."""


class RunnerConnection(Protocol):
    """Connection to one launch of a runner."""

    @property
    def known(self) -> bool:
        """True if the runner was heard, and messages can be sent."""

    def open(self, owner: ConnectionOwner) -> None:
        """Begin to receive."""

    def settle(self) -> None:
        """Refuse all other peers from now on: the runner has identified itself."""

    def send(self, envelopes: list[bytes]) -> None:
        """Send envelopes as one message. Raises zmq.ZMQError if that is not possible now."""

    def receive(self) -> None:
        """Take the messages that have arrived."""

    def close(self) -> None:
        """Close the connection."""


class OwnSocket:
    """ROUTER at the secret path of one launch: a runner is identified by the socket to which it connects."""

    def __init__(self, loop: Loop, context: zmq.Context[Any], endpoint: str, *, same_memory: bool) -> None:
        self._loop = loop
        self._socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT + (1 << 20) if same_memory else parts.LIMIT)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        """Unlimited: the link, which counts bytes, sets the bound."""
        if not same_memory:  # a runner that connects again may be faster than the end of its old connection
            self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        if endpoint.startswith("tcp:"):
            sockets.keep_across_machines(self._socket)
        self._socket.bind(endpoint)
        self._identity = b""
        self._settled = False

    @property
    def known(self) -> bool:
        """True if the runner was heard."""
        return bool(self._identity)

    def open(self, owner: ConnectionOwner) -> None:
        """Begin to receive."""
        self._owner = owner
        self._descriptor = sockets.watch(self._loop, self._socket, self.receive)

    def settle(self) -> None:
        """Refuse all other peers from now on."""
        self._settled = True

    def send(self, envelopes: list[bytes]) -> None:
        """Send envelopes as one message. Raises zmq.ZMQError."""
        try:
            sockets.put(self._socket, (self._identity, *envelopes))
        finally:
            self._loop.recheck(self._descriptor)

    def receive(self) -> None:
        """Take the messages that have arrived."""
        for _ in range(sockets.BURST):
            if not sockets.waiting(self._socket):
                return
            frames = sockets.take(self._socket)
            if len(frames) < 2 or (self._settled and frames[0] != self._identity):
                self._owner.refuse()  # once a runner has said hello, all other connections are refused
            elif self._owner.hear(frames[1:]):
                self._identity = frames[0]

    def close(self) -> None:
        """Close the socket."""
        self._loop.forget(self._descriptor)
        self._socket.close(linger=0)
