"""A line to the dispatcher, used by one thread at a time: it sends a request and waits for answers.

Where the dispatcher's quick door is on this machine it is a stream (`floe_jupyter.wire.streams`), else a ZeroMQ socket.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections import deque
from typing import Any, Protocol

import zmq

from floe_jupyter.wire import streams
from floe_jupyter.wire.streams import Splitter, framed

_WAIT = struct.Struct("@ll")
"""``struct timeval``."""


class Line(Protocol):
    """`send` and `receive` raise EOFError when the dispatcher has ended, or `shut` was called."""

    def send(self, frame: bytes) -> None:
        """Raises TimeoutError when it cannot be sent. After an EOFError the dispatcher has got nothing that it could run."""

    def receive(self, seconds: float) -> bytes | None:
        """The next answer; None when none comes in time."""

    def shut(self) -> None:
        """Called by another thread: whoever waits stops."""

    def close(self) -> None: ...


class StreamLine:
    """A blocking stream. An answer larger than one read is put together."""

    def __init__(self, connection: socket.socket, identity: bytes, limit: int, patience: float) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _WAIT.pack(int(patience), 0))
        connection.sendall(framed(identity))
        self._socket, self._recv, self._sendall = connection, connection.recv, connection.sendall
        self._splitter = Splitter(limit)
        self._answers: deque[bytes] = deque()
        self._patience = -1.0

    def send(self, frame: bytes) -> None:
        try:
            self._sendall(framed(frame))
        except BlockingIOError:
            raise TimeoutError from None
        except OSError:
            raise EOFError from None

    def receive(self, seconds: float) -> bytes | None:
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
        """The system's own time limit: Python's would ask before each read."""
        self._patience = seconds
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                                _WAIT.pack(int(seconds), int(seconds % 1 * 1_000_000)))

    def shut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class SocketLine:
    """A ZeroMQ socket beside the lifeline, whose end says that the dispatcher is gone."""

    def __init__(self, dealer: zmq.Socket[Any], lifeline: int) -> None:
        self._dealer, self._poller, self._lifeline = dealer, zmq.Poller(), lifeline
        self._poller.register(dealer, zmq.POLLIN)
        self._poller.register(lifeline, zmq.POLLIN)

    def send(self, frame: bytes) -> None:
        if select.select([self._lifeline], [], [], 0)[0]:
            raise EOFError
        try:
            self._dealer.send(frame)
        except zmq.Again:
            raise TimeoutError from None

    def receive(self, seconds: float) -> bytes | None:
        ready = self._poller.poll(int(seconds * 1_000))
        if not ready:
            return None
        if ready[0][0] is not self._dealer:
            raise EOFError
        answer = self._dealer.recv()
        assert isinstance(answer, bytes)
        return answer

    def shut(self) -> None:
        """Its lifeline ends by itself."""

    def close(self) -> None:
        self._dealer.close()
