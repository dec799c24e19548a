"""Connections to the dispatcher, each used by one thread at a time: send a request and wait for answers.

A connection is a stream (`floe_jupyter.wire.transport.streams`) if the dispatcher has a stream socket on this machine, else a
ZeroMQ socket.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections import deque
from typing import Any, Protocol

import zmq

from floe_jupyter.wire.transport import streams
from floe_jupyter.wire.transport.streams import Splitter, framed

_WAIT = struct.Struct("@ll")
"""``struct timeval``."""


class CallConnection(Protocol):
    """Connection for calls. `send` and `receive` raise EOFError when the dispatcher has ended, or `shut` was called."""

    def send(self, frame: bytes) -> None:
        """Send a request. Raises TimeoutError if the request cannot be sent. After an EOFError the dispatcher has received no
        complete request.
        """

    def receive(self, seconds: float) -> bytes | None:
        """Return the next answer; None if none arrives within *seconds*."""

    def shut(self) -> None:
        """Stop waiting calls, from another thread."""

    def close(self) -> None:
        """Close the connection."""


class StreamConnection:
    """Blocking stream. An answer larger than one read is assembled."""

    def __init__(self, connection: socket.socket, identity: bytes, limit: int, patience: float) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _WAIT.pack(int(patience), 0))
        connection.sendall(framed(identity))
        self._socket, self._recv, self._sendall = connection, connection.recv, connection.sendall
        self._splitter = Splitter(limit)
        self._answers: deque[bytes] = deque()
        self._patience = -1.0

    def send(self, frame: bytes) -> None:
        """Send a request; see `CallConnection.send`."""
        try:
            self._sendall(framed(frame))
        except BlockingIOError:
            raise TimeoutError from None
        except OSError:
            raise EOFError from None

    def receive(self, seconds: float) -> bytes | None:
        """Return the next answer; see `CallConnection.receive`."""
        if self._answers:
            return self._answers.popleft()
        if seconds != self._patience:
            self._be_patient(seconds)
        while True:
            try:
                data = self._recv(streams.READ)
            except BlockingIOError:
                return None
            except OSError:
                data = b""
            if not data:
                raise EOFError
            answers = self._splitter.feed(data)
            if answers:
                self._answers.extend(answers[1:])
                return answers[0]

    def _be_patient(self, seconds: float) -> None:
        """Set the time limit of the system's socket: with Python's own limit every read would begin with a poll."""
        self._patience = seconds
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _WAIT.pack(int(seconds), int(seconds % 1 * 1_000_000)))

    def shut(self) -> None:
        """Stop waiting calls by shutting the socket down."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class SocketConnection:
    """ZeroMQ socket, watched together with the lifeline, whose end means that the dispatcher is gone."""

    def __init__(self, dealer: zmq.Socket[Any], lifeline: int) -> None:
        self._dealer, self._poller, self._lifeline = dealer, zmq.Poller(), lifeline
        self._poller.register(dealer, zmq.POLLIN)
        self._poller.register(lifeline, zmq.POLLIN)

    def send(self, frame: bytes) -> None:
        """Send a request; see `CallConnection.send`."""
        if select.select([self._lifeline], [], [], 0)[0]:
            raise EOFError
        try:
            self._dealer.send(frame)
        except zmq.Again:
            raise TimeoutError from None

    def receive(self, seconds: float) -> bytes | None:
        """Return the next answer; see `CallConnection.receive`."""
        ready = self._poller.poll(int(seconds * 1_000))
        if not ready:
            return None
        if ready[0][0] is not self._dealer:
            raise EOFError
        answer = self._dealer.recv()
        assert isinstance(answer, bytes)
        return answer

    def shut(self) -> None:
        """Leave the socket open: waiting calls stop when the lifeline ends."""

    def close(self) -> None:
        """Close the socket."""
        self._dealer.close()
