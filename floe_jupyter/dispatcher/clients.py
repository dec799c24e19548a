"""Who is there: every client holds a connection to a Unix socket, and its end says at once that the client is gone.

The first line on that connection is the client's token in hexadecimal and its name. The token also begins the identities
of its ZeroMQ sockets. The end of the client's process counts too: a forked child may keep the connection open. A second line,
``bye``, tells an end that was meant from one that was not.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from floe_jupyter.dispatcher.loop import Loop, Timer
from floe_jupyter.wire.channel import BYE

TOKEN = 16
"""The length of a client's token, in bytes."""
_LINE = 512
KEPT_ANSWERS = 1_024
KEPT_BYTES = 8 * 1024 * 1024
"""Answers are kept for a client that asks again, up to both."""


class Client:
    """One client: what it is called, what it asked, and what it was answered."""

    def __init__(self, token: bytes, name: str) -> None:
        self.token = token
        self.name = name
        self.session = ""
        self.greeted = False
        """It knew the key."""
        self.guards = False
        """A front end: while it is there, others that are killed are waited for."""
        self.bye = False
        """It ended as it meant to."""
        self.killed = False
        """It ended without a word, and is waited for as long as somebody looks."""
        self.grace = 0.0
        self.pending: dict[int, Any] = {}
        """Requests under way, by id."""
        self.forgotten = 0
        """Up to this id, answers may have been dropped."""
        self._answers: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def answer_to(self, number: int) -> bytes | None:
        return self._answers.get(number)

    def keep(self, number: int, answer: bytes) -> None:
        """Keep an answer for a repeated request; the oldest go."""
        self._answers[number] = answer
        self._bytes += len(answer)
        while len(self._answers) > KEPT_ANSWERS or (self._bytes > KEPT_BYTES and len(self._answers) > 1):
            oldest, dropped = self._answers.popitem(last=False)
            self.forgotten = max(self.forgotten, oldest)
            self._bytes -= len(dropped)


class Connection:
    """One accepted connection to the lifeline."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.line = b""
        self.client: Client | None = None
        self.process = _watch_process(connection)


class Clients:
    """All clients that are there. `gone` is called once for each that ends."""

    def __init__(self, loop: Loop, listener: socket.socket, gone: Callable[[Client], None]) -> None:
        self._loop, self._listener, self._gone = loop, listener, gone
        self._connections: dict[socket.socket, Connection] = {}
        self._clients: dict[bytes, Client] = {}
        listener.settimeout(0)
        loop.watch(listener.fileno(), self.accept)
        self.idle: Timer | None = None

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Any:
        return iter(self._clients.values())

    def find(self, identity: bytes) -> Client | None:
        """The client of a socket's identity. Its connection may have come just now."""
        return self._clients.get(identity[:TOKEN])

    def accept(self) -> None:
        """Take every connection that waits, and what is on them."""
        while True:
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError:  # no descriptor is left: the connection waits
                break
            self._take(accepted)

    def _take(self, accepted: socket.socket) -> None:
        accepted.settimeout(0)
        connection = Connection(accepted)
        self._connections[accepted] = connection
        self._loop.watch(accepted.fileno(), lambda: self._read(connection))
        if connection.process is not None:
            self._loop.watch(connection.process, lambda: self._died(connection))
        self._read(connection)

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(connection)
        elif connection.client is None:
            self._name(connection, data)
        elif data.endswith(BYE):
            connection.client.bye = True

    def _died(self, connection: Connection) -> None:
        """Its process is gone; what it wrote last still counts."""
        self._read(connection)
        self._end(connection)

    def _name(self, connection: Connection, data: bytes) -> None:
        connection.line += data
        if b"\n" not in connection.line and len(connection.line) < _LINE:
            return
        token, _, name = connection.line.partition(b"\n")[0].decode("utf-8", "replace").partition(" ")
        try:
            key = bytes.fromhex(token)
        except ValueError:
            key = b""
        if len(key) != TOKEN or key in self._clients:
            self._end(connection)
            return
        connection.client = self._clients[key] = Client(key, name[:100])

    def _end(self, connection: Connection) -> None:
        if self._connections.pop(connection.socket, None) is None:
            return
        self._loop.forget(connection.socket.fileno())
        connection.socket.close()
        if connection.process is not None:
            self._loop.forget(connection.process)
            os.close(connection.process)
        if connection.client is not None:
            del self._clients[connection.client.token]
            self._gone(connection.client)

    def close(self) -> None:
        """Tell everybody that we end, by the end of their connections."""
        for connection in list(self._connections.values()):
            connection.client = None
            self._end(connection)
        self._loop.forget(self._listener.fileno())
        self._listener.close()


def _watch_process(connection: socket.socket) -> int | None:
    """A descriptor that can be read once the process at the other end is gone; None where that cannot be known."""
    try:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return os.pidfd_open(struct.unpack("3i", credentials)[0])
    except OSError:
        return None
