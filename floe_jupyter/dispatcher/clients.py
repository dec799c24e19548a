"""Attached clients: every client holds a connection to a Unix socket, whose end reports at once that the client is gone.

The first line on the connection is the client's token in hexadecimal and its name. The token also begins the identities of the
client's ZeroMQ sockets. The end of the client's process counts too: a forked child may keep the connection open. A second line,
``bye``, tells an intended end from an unintended end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from floe_jupyter.dispatcher.runners.spare_descriptor import SpareDescriptor, text
from floe_jupyter.wire.client.channel import BYE
from floe_jupyter.wire.descriptors import FULL, room
from floe_jupyter.wire.transport.loop import Loop, Timer

TOKEN = 16
"""Bytes of a client's token."""
_LINE = 512
IDENTIFIED_WITHIN = 5.0
"""Seconds that a connection gets to identify itself; a client does at once."""
UNIDENTIFIED = 64
"""Maximum number of connections that have not identified themselves; the oldest are closed."""
NEEDED = 8
"""Number of descriptors that must be free before another client is accepted.

A client takes four: for the lifeline, the process, requests and events. With fewer free, the client's last connection would reach
ZeroMQ, which ends the process when a connection cannot be accepted.
"""
KEPT_ANSWERS = 1_024
KEPT_BYTES = 8 * 1024 * 1024
"""Maximum number (`KEPT_ANSWERS`) and bytes (`KEPT_BYTES`) of answers kept for a client that repeats a request."""


class AttachedClient:
    """A client: name, requests under way, and kept answers."""

    def __init__(self, token: bytes, name: str) -> None:
        self.token = token
        self.name = name
        self.session = ""
        self.workspace = ""
        """Id of the workspace that owns the names used by the client."""
        self.greeted = False
        """True if the client has sent the right key."""
        self.guards = False
        """True for a front end: while a front end is attached, killed clients are waited for."""
        self.bye = False
        """True if the client ended intentionally."""
        self.killed = False
        """True if the client ended without ``bye`` and is waited for as long as a front end is attached."""
        self.grace = 0.0
        self.pending: dict[int, Any] = {}
        """Requests under way, by id."""
        self.forgotten = 0
        """Request id up to which answers may have been dropped."""
        self._answers: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def answer_to(self, number: int) -> bytes | None:
        """Return the kept answer to a request, or None."""
        return self._answers.get(number)

    def keep(self, number: int, answer: bytes) -> None:
        """Keep an answer for a repeated request; the oldest answers are dropped."""
        self._answers[number] = answer
        self._bytes += len(answer)
        while len(self._answers) > KEPT_ANSWERS or (self._bytes > KEPT_BYTES and len(self._answers) > 1):
            oldest, dropped = self._answers.popitem(last=False)
            self.forgotten = max(self.forgotten, oldest)
            self._bytes -= len(dropped)


class Lifeline:
    """One accepted connection to the lifeline."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.line = b""
        self.client: AttachedClient | None = None
        self.process: int | None = None
        """Descriptor of the process at the other end, once the connection is identified."""


class Clients:
    """All attached clients. `gone` is called once for each client that ends."""

    def __init__(self, loop: Loop, listener: socket.socket, gone: Callable[[AttachedClient], None]) -> None:
        self._loop, self._listener, self._gone = loop, listener, gone
        self._connections: dict[socket.socket, Lifeline] = {}
        self._clients: dict[bytes, AttachedClient] = {}
        self._unidentified: dict[Lifeline, None] = {}
        """Connections not yet identified, the oldest first."""
        self._spare = SpareDescriptor()
        listener.settimeout(0)
        loop.watch(listener.fileno(), lambda _: self.accept())
        self.idle: Timer | None = None

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Any:
        return iter(self._clients.values())

    def find(self, identity: bytes) -> AttachedClient | None:
        """Return the client of a socket's identity, or None. Its connection may be waiting still (see `accept`)."""
        return self._clients.get(identity[:TOKEN])

    def accept(self) -> None:
        """Accept every waiting connection, and read its data."""
        while True:
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError as error:  # no descriptor is left: close an unidentified connection, or else tell the new client why
                if self._unidentified:
                    self._end(next(iter(self._unidentified)))
                elif error.errno not in FULL or not self._spare.refuse(self._listener, _tell_why):
                    break
                continue
            if self._has_room():
                self._take(accepted)
            else:
                with accepted:
                    _tell_why(accepted, text())

    def _has_room(self) -> bool:
        """Return whether enough descriptors are free for another client, after closing unidentified connections if necessary."""
        while not room(NEEDED):
            if not self._unidentified:
                return False
            self._end(next(iter(self._unidentified)))
        return True

    def _take(self, accepted: socket.socket) -> None:
        accepted.settimeout(0)
        connection = Lifeline(accepted)
        self._connections[accepted] = connection
        self._unidentified[connection] = None
        self._loop.watch(accepted.fileno(), lambda _: self._read(connection))
        self._read(connection)
        if connection in self._unidentified:
            self._loop.after(IDENTIFIED_WITHIN, lambda: self._still_unidentified(connection))
            if len(self._unidentified) > UNIDENTIFIED:
                self._end(next(iter(self._unidentified)))

    def _still_unidentified(self, connection: Lifeline) -> None:
        if connection in self._unidentified:
            self._end(connection)

    def _read(self, connection: Lifeline) -> None:
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

    def _died(self, connection: Lifeline) -> None:
        """End the connection of a client whose process is gone, after reading its last data."""
        self._read(connection)
        self._end(connection)

    def _name(self, connection: Lifeline, data: bytes) -> None:
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
        connection.client = self._clients[key] = AttachedClient(key, name[:100])
        self._unidentified.pop(connection, None)
        connection.process = _watch_process(connection.socket)
        if connection.process is not None:
            self._loop.watch(connection.process, lambda _: self._died(connection))

    def _end(self, connection: Lifeline) -> None:
        if self._connections.pop(connection.socket, None) is None:
            return
        self._unidentified.pop(connection, None)
        self._loop.forget(connection.socket.fileno())
        connection.socket.close()
        if connection.process is not None:
            self._loop.forget(connection.process)
            os.close(connection.process)
        if connection.client is not None:
            del self._clients[connection.client.token]
            self._gone(connection.client)

    def close(self) -> None:
        """End all connections, by which clients learn of the dispatcher's end; close the listener."""
        for connection in list(self._connections.values()):
            connection.client = None
            self._end(connection)
        self._loop.forget(self._listener.fileno())
        self._listener.close()


def _tell_why(connection: socket.socket, why: str) -> None:
    with contextlib.suppress(OSError):
        connection.settimeout(0)
        connection.send(why.encode())


def _watch_process(connection: socket.socket) -> int | None:
    """Return a descriptor that becomes readable when the process at the other end is gone; None if not available."""
    try:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return os.pidfd_open(struct.unpack("3i", credentials)[0])
    except OSError:
        return None
