"""Encrypted and authenticated connections between machines: ZeroMQ over TCP with CURVE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import zmq
from zmq.utils.monitor import recv_monitor_message

from floe_jupyter.wire.joining import frame_of
from floe_jupyter.wire.transport import sockets
from floe_jupyter.wire.transport.loop import Loop

AGAIN_FIRST, AGAIN_LAST = 0.2, 2.0
"""Seconds until a refused connection is tried again; doubled each time."""
LAST_WORDS = 100
"""Milliseconds that a closed connection gets to send what waits."""
CONNECTED, REFUSED, STRANGE, LOST, NOBODY = "connected", "refused", "strange", "lost", "nobody"
"""News of a connection: ``refused``: the key is not listed. ``strange``: the handshake failed, as with another server key."""
_NEWS = {
    int(zmq.EVENT_HANDSHAKE_SUCCEEDED): CONNECTED,
    int(zmq.EVENT_HANDSHAKE_FAILED_AUTH): REFUSED,
    int(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL): STRANGE,
    int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL): STRANGE,
    int(zmq.EVENT_DISCONNECTED): LOST,
    int(zmq.EVENT_CONNECT_RETRIED): NOBODY,
}


class CurveKeys(NamedTuple):
    """Keys of a client, in hexadecimal digits. `repr` leaves out the secret."""

    server: str
    public: str
    secret: str

    def __repr__(self) -> str:
        return f"CurveKeys({self.server!r}, {self.public!r})"


def set_options(socket: zmq.Socket[Any], limit: int) -> None:
    """Set the options of a connection between machines. Without *limit* a header of 9 bytes from a stranger reserves memory."""
    sockets.keep_across_machines(socket)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, limit)


class CurveConnection:
    """Connection of a client, kept up: messages are dropped while it is away. *heard* gets the frames of each message.

    libzmq never tries again after a refusal of its key, so the socket is then made anew.
    """

    def __init__(
        self,
        loop: Loop,
        endpoint: str,
        keys: CurveKeys,
        number: int,
        limit: int,
        heard: Callable[[list[bytes]], None],
        news: Callable[[str], None],
    ) -> None:
        self._loop, self._endpoint, self._keys, self._limit = loop, endpoint, keys, limit
        self._frame = frame_of(number)
        self._heard, self._told = heard, news
        self._again = AGAIN_FIRST
        self._context: zmq.Context[Any] = zmq.Context(io_threads=1)
        self._open()

    def send(self, parts: Sequence[bytes]) -> None:
        """Send a message, or drop it while the connection is away."""
        if self._closed:
            return
        try:
            sockets.put(self._socket, (self._frame, *parts))
        except zmq.Again:
            return
        self._loop.recheck(self._fd)

    def close(self) -> None:
        """Send what waits, for a moment, and close the connection."""
        self._shut(LAST_WORDS)
        self._context.term()

    def _open(self) -> None:
        self._closed = False
        self._socket = self._context.socket(zmq.DEALER)
        set_options(self._socket, self._limit)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # while away nothing is queued: the link repeats what matters
        for option, key in zip((zmq.CURVE_SERVERKEY, zmq.CURVE_PUBLICKEY, zmq.CURVE_SECRETKEY), self._keys, strict=True):
            self._socket.setsockopt(option, bytes.fromhex(key))
        self._monitor = self._socket.get_monitor_socket(sum(_NEWS))
        self._fd = sockets.watch(self._loop, self._socket, self._receive)
        self._monitor_fd = sockets.watch(self._loop, self._monitor, self._news)
        self._socket.connect(self._endpoint)

    def _shut(self, linger: int = 0) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.forget(self._fd)
        self._loop.forget(self._monitor_fd)
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=linger)

    def _receive(self) -> None:
        for _ in range(sockets.BURST):
            if self._closed or not sockets.waiting(self._socket):
                return
            self._heard(sockets.take(self._socket))

    def _news(self) -> None:
        while not self._closed and sockets.waiting(self._monitor):
            news = _NEWS[int(recv_monitor_message(self._monitor)["event"])]
            if news == CONNECTED:
                self._again = AGAIN_FIRST
            elif news == REFUSED:
                self._try_again()
            self._told(news)

    def _try_again(self) -> None:
        self._shut()
        self._loop.after(self._again, lambda: None if self._context.closed else self._open())
        self._again = min(2 * self._again, AGAIN_LAST)
