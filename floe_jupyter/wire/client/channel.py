"""Attachment of a client to one dispatcher: token, sockets and pending requests.

A calling thread takes a connection from a pool, sends its request and waits for the answer on the same connection; no other
thread is involved. Futures and events, for which no call waits, are handled by one more thread, `Pump`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from itertools import count
from typing import Any

import msgspec
import zmq

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import EnvironmentFailed, FloeError, PeerError, PeerGone, PeerSilent, ValueRefused, from_wire
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.client.call_connections import CallConnection, SocketConnection, StreamConnection
from floe_jupyter.wire.client.connection import Connection
from floe_jupyter.wire.control.calls import PENDING, RETURNS
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT, SEGMENT_FROM
from floe_jupyter.wire.transport import streams

LIMIT = 128 * 1024 * 1024
"""Maximum size of a request, in bytes. Larger data is fed in several requests, or as buffers, which do not count."""
RESEND_AFTER = 1.0
"""Seconds without an answer after which a request is sent again."""
SILENT_AFTER = 20.0
"""Seconds without any sign of life from the dispatcher after which a call gives up."""
ANY = 0
"""Id of an answer to any request of a client: the dispatcher refuses the client as a whole."""
BYE = b"bye\n"
"""Last message on the lifeline of a client that ends on purpose."""
SEGMENTS = leftovers.MEMORY

_ANSWER = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, tuple[str, str, Any] | None])
_ENCODE = msgspec.msgpack.Encoder().encode
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}
_segments = count(1)
_contexts: dict[int, zmq.Context[Any]] = {}


def decode(call: str, raw: msgspec.Raw) -> Any:
    """Return the result of *call* as values of the type given in `RETURNS`."""
    decoder = _decoders.get(call)
    if decoder is None:
        decoder = _decoders[call] = msgspec.msgpack.Decoder(RETURNS.get(call, Any) | None if call in RETURNS else Any)
    return decoder.decode(raw)


def answer_of(frame: bytes) -> tuple[int, msgspec.Raw, tuple[str, str, Any] | None]:
    """Return (id, value, error) of an answer."""
    return _ANSWER.decode(frame)


def context() -> zmq.Context[Any]:
    """Return the ZeroMQ context of this process, a separate one after a fork. Contexts are never ended, because ending waits
    for open sockets.
    """
    found = _contexts.get(os.getpid())
    if found is None:
        found = _contexts[os.getpid()] = zmq.Context()
    return found


class Unsent(PeerGone):
    """The dispatcher had ended before the call: the call did not run."""


class Channel:
    """Attachment to one life of a dispatcher. When the dispatcher ends, `lost` turns true for good."""

    def __init__(self, connection: Connection, lifeline: socket.socket, name: str) -> None:
        self.connection = connection
        self.process = os.getpid()
        self.context = context()
        self.lifeline = lifeline
        self.token = os.urandom(16)
        self._ids = count(1)
        self._sockets = count(1)
        self._pool: list[CallConnection] = []
        self._busy: set[CallConnection] = set()
        self._lock = threading.Lock()
        self._lost = threading.Event()
        with contextlib.suppress(OSError):  # the lifeline was refused: the first call tells why
            lifeline.sendall(f"{self.token.hex()} {name}\n".encode())

    @property
    def lost(self) -> bool:
        """True when the dispatcher ended or this process is a fork of the attached process."""
        return self._lost.is_set() or self.process != os.getpid() or self._lifeline_ended()

    @property
    def ended(self) -> bool:
        """`lost`, as far as known without asking the system: a call that finds the dispatcher gone raises `Unsent`."""
        return self._lost.is_set() or self.process != os.getpid()

    def request(self, call: str, args: dict[str, Any]) -> tuple[int, bytes]:
        """Return (id, frame) of a new request."""
        number = next(self._ids)
        frame = _ENCODE((number, call, args))
        if len(frame) > LIMIT:
            take_back(args)
            raise ValueRefused(
                f"a call of {len(frame):,} bytes; the limit is {LIMIT:,}: send fewer messages at once, "
                "or large data as bytes or arrays"
            )
        return number, frame

    def call(self, call: str, args: dict[str, Any]) -> Any:
        """Send a request and wait for the answer. Raises the error of a refusal, PeerGone and PeerSilent."""
        args = hand_over(args)
        number, frame = self.request(call, args)
        connection = self._take()
        usable = False
        try:
            raw, error = self._ask(connection, number, frame, call)
            usable = True
        except PeerError:
            take_back(args)
            raise
        finally:
            self._give_back(connection, usable=usable)
        if error is not None:
            take_back(args)
            raise from_wire(error[0], error[1])
        return decode(call, raw)

    def dealer(self) -> zmq.Socket[bytes]:
        """Return a new socket for requests."""
        dealer: zmq.Socket[bytes] = self.context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.IDENTITY, self.token + next(self._sockets).to_bytes(4, "big"))
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.SNDTIMEO, int(SILENT_AFTER * 1_000))
        dealer.connect(self.connection.control)
        return dealer

    def gone(self, call: str) -> PeerGone:
        """Mark the channel as lost and return the error for *call*."""
        self._lost.set()
        return PeerGone(
            f"the dispatcher (process {self.connection.pid}) ended while {call!r} was under way, and its runs "
            "with it; the next call starts another one"
        )

    def close(self, *, bye: bool = False) -> None:
        """Close the channel. With *bye* the dispatcher is told that the client ends on purpose and will not come back for its
        undetached flows and runs; without *bye* the end looks like a kill. Calls under way in other threads raise PeerGone.
        """
        self._lost.set()
        if self.process != os.getpid():
            self.lifeline.close()
            return
        with contextlib.suppress(OSError):  # the other end went first
            if bye:
                self.lifeline.send(BYE, socket.MSG_DONTWAIT)
            self.lifeline.shutdown(socket.SHUT_RDWR)
        self._finish()

    def _take(self) -> CallConnection:
        with self._lock:
            if self._lost.is_set():
                raise Unsent(str(self.gone("this call")))
            connection = self._pool.pop() if self._pool else self._open()
            self._busy.add(connection)
            return connection

    def _give_back(self, connection: CallConnection, *, usable: bool) -> None:
        """Return a connection to the pool. One left in the middle of an answer by an interrupt is closed and not used again."""
        with self._lock:
            self._busy.discard(connection)
            if usable:
                self._pool.append(connection)
            else:
                connection.close()
        if self._lost.is_set():
            self._finish()

    def _finish(self) -> None:
        """Close unused connections; the thread that returns the last connection closes the lifeline."""
        with self._lock:
            while self._pool:
                self._pool.pop().close()
            for connection in self._busy:
                connection.shut()
            if not self._busy:
                self.lifeline.close()

    def _open(self) -> CallConnection:
        connection = streams.reach(self.connection.control)
        if connection is None:
            return SocketConnection(self.dealer(), self.lifeline.fileno())
        try:
            return StreamConnection(connection, self.token + next(self._sockets).to_bytes(4, "big"), FRAME_LIMIT, SILENT_AFTER)
        except OSError:
            connection.close()
            self._raise_refusal()
            raise Unsent(str(self.gone("this call"))) from None

    def _ask(
        self, connection: CallConnection, number: int, frame: bytes, call: str
    ) -> tuple[msgspec.Raw, tuple[str, str, Any] | None]:
        try:
            self._send(connection, frame, call)
            heard = time.monotonic()
            while True:
                answer = connection.receive(RESEND_AFTER)
                if answer is None:
                    self._raise_refusal()
                    if time.monotonic() - heard > SILENT_AFTER:
                        raise silent(call, self.connection.pid)
                    connection.send(frame)
                    continue
                arrived, raw, error = answer_of(answer)
                if arrived in (number, ANY) and (error is None or error[0] != PENDING):
                    return raw, error
                heard = time.monotonic()
        except EOFError:
            self._raise_refusal()
            raise self.gone(call) from None
        except TimeoutError:
            raise silent(call, self.connection.pid) from None

    def _raise_refusal(self) -> None:
        """Raise EnvironmentFailed if the dispatcher accepted the lifeline only to say why the client cannot be served."""
        try:
            said = self.lifeline.recv(4_096, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except OSError:
            return
        if said:
            raise EnvironmentFailed(said.decode("utf-8", "replace"))

    def _send(self, connection: CallConnection, frame: bytes, call: str) -> None:
        try:
            connection.send(frame)
        except EOFError:
            self._raise_refusal()
            raise Unsent(str(self.gone(call))) from None

    def _lifeline_ended(self) -> bool:
        try:
            return not self.lifeline.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


def silent(call: str, pid: int) -> PeerSilent:
    """Return the error for a *call* that the dispatcher (process *pid*) does not answer."""
    return PeerSilent(
        f"waited {SILENT_AFTER:g} s for the dispatcher (process {pid}) to answer {call!r}; it lives but does "
        "not answer: end it with `kill` and call again"
    )


def hand_over(args: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with large buffers of batches moved into segments, owned from then on by the receiver of the call."""
    return {name: _in_segments(value) if isinstance(value, Batch) and value.buffers else value for name, value in args.items()}


def _in_segments(batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, buffers=tuple(map(_segment, batch.buffers)))


def _segment(buffer: Buffer) -> Buffer:
    if buffer.data is None or buffer.size <= SEGMENT_FROM:
        return buffer
    name = f"{leftovers.maker()}-c{next(_segments)}"
    path = os.path.join(SEGMENTS, name)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(buffer.data)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        raise ValueRefused(
            f"a buffer of {buffer.size:,} bytes does not fit into {SEGMENTS}: {error.strerror}; send less at once"
        ) from error
    return Buffer(buffer.size, None, name)


def take_back(args: dict[str, Any]) -> None:
    """Remove the segments of a refused call that this process made: no receiver took over their ownership."""
    for value in args.values():
        for buffer in value.buffers if isinstance(value, Batch) else ():
            if buffer.segment.startswith(f"{leftovers.maker()}-c"):
                leftovers.remove_file(os.path.join(SEGMENTS, buffer.segment))


def failed(error: tuple[str, str, Any]) -> FloeError:
    """Return the error of an answer as an exception."""
    return from_wire(error[0], error[1])
