"""One runner of a joined process, and its connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import count

from floe_jupyter.dispatcher.runners.connections import ConnectionOwner
from floe_jupyter.dispatcher.runners.launchers.join.entrance import Peer
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.wire.joining import frame_of

_NUMBERS = count((1 << 22) + 1)
"""Numbers of runners for users, above all ids of processes of this machine."""
HELLO_WITHIN = 30.0
"""Seconds from the order to the hello."""


class JoinedConnection:
    """Connection of one runner: whoever has the key and knows the number of the launch."""

    def __init__(self, number: int, send: Callable[[Peer, Sequence[bytes]], None], receive: Callable[[], None]) -> None:
        self.known = False
        self.receive = receive
        self.peer: Peer | None = None
        """The newest connection of the runner."""
        self._frame, self._send = frame_of(number), send
        self._owner: ConnectionOwner | None = None

    def open(self, owner: ConnectionOwner) -> None:
        """Begin to receive."""
        self._owner = owner

    def settle(self) -> None:
        """Do nothing: keys and numbers tell who is heard."""

    def send(self, envelopes: list[bytes]) -> None:
        """Send envelopes as one message. Raises zmq.ZMQError."""
        if self.peer is not None:
            self._send(self.peer, (self._frame, *envelopes))

    def heard(self, peer: Peer, envelopes: list[bytes]) -> None:
        """Take a message of the runner."""
        if self._owner is None or not self._owner.hear(envelopes):
            return
        before, self.peer, self.known = self.peer, peer, True
        if before is not None and before.identity != peer.identity:
            self._owner.reconnected()

    def silence(self) -> float:
        """Return the seconds for which an answer of the runner is due."""
        return self._owner.silence() if self._owner is not None else 0.0

    def lost(self) -> None:
        """Take note that the newest connection has ended."""
        if self._owner is not None:
            self._owner.lost()

    def close(self) -> None:
        """Stop receiving."""
        self._owner = None


class JoinedRunner:
    """A runner that a joined process shall run until `close`; *forget* is called then."""

    news = -1
    same_memory = False
    same_files = False
    leased = False  # the joined process has the lease
    hello_within = HELLO_WITHIN

    def __init__(self, order: LaunchOrder, where: str, connection: JoinedConnection, forget: Callable[[], None]) -> None:
        self.url, self.number, self.where, self.connection = order.url, order.epoch, where, connection
        self.pid = next(_NUMBERS)
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.version_cure = f"install the same floe-jupyter on {where}, and start `floe runner` there again"
        self._how = self._tail = ""
        self._forget = forget

    def ended(self) -> str:
        """Return how the runner ended; empty while it runs."""
        return self._how

    def finish(self, how: str, tail: str = "") -> None:
        """Take note of the end of the runner."""
        if not self._how and self.descriptor >= 0:
            self._how, self._tail = how, tail
            os.eventfd_write(self.descriptor, 1)

    def progress(self) -> list[str]:
        """Return no line: the other machine is ready."""
        return []

    def stop(self) -> None:
        """Have the runner ended, without waiting for a word of it."""
        self.finish("it was told to end")

    kill = stop

    def tail(self) -> str:
        """Return the last lines printed by the runner."""
        return self._tail

    def close(self) -> None:
        """Have the runner ended; what it still sends is refused."""
        self._forget()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
