"""One attachment of a client to a dispatcher: its token, its sockets, and the requests on their way.

A calling thread takes a line of its own from a pool, sends, and waits for the answer on it: no other thread is on the way.
What nobody waits for in a call (futures, events) is the business of one thread more, `Pump`.
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
from floe_jupyter.errors import FloeError, PeerError, PeerGone, PeerSilent, ValueRefused, from_wire
from floe_jupyter.wire import streams
from floe_jupyter.wire.connection import Connection
from floe_jupyter.wire.control import PENDING, RETURNS
from floe_jupyter.wire.frames import FRAME_LIMIT, SEGMENT_FROM
from floe_jupyter.wire.lines import Line, SocketLine, StreamLine

LIMIT = 128 * 1024 * 1024
"""The largest request, in bytes. Larger data is fed in several, or as buffers, which do not count."""
RESEND_AFTER = 1.0
"""Seconds without an answer after which a request is sent again."""
SILENT_AFTER = 20.0
"""Seconds without any sign of life after which a call gives up."""
BYE = b"bye\n"
"""The last line on a lifeline, from a client that ends as it meant to."""
SEGMENTS = "/dev/shm"  # noqa: S108 - the machine's shared memory; names in it carry our process number

_ANSWER = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw, tuple[str, str, Any] | None])
_ENCODE = msgspec.msgpack.Encoder().encode
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}
_segments = count(1)
_contexts: dict[int, zmq.Context[Any]] = {}


def decode(call: str, raw: msgspec.Raw) -> Any:
    """What *call* returned, as values of its type in `RETURNS`."""
    decoder = _decoders.get(call)
    if decoder is None:
        decoder = _decoders[call] = msgspec.msgpack.Decoder(RETURNS.get(call, Any) | None if call in RETURNS else Any)
    return decoder.decode(raw)


def answer_of(frame: bytes) -> tuple[int, msgspec.Raw, tuple[str, str, Any] | None]:
    """(id, value, error) of an answer."""
    return _ANSWER.decode(frame)


def context() -> zmq.Context[Any]:
    """One for each process, also after a fork, and never ended: that would wait for whoever still has a socket."""
    found = _contexts.get(os.getpid())
    if found is None:
        found = _contexts[os.getpid()] = zmq.Context()
    return found


class Unsent(PeerGone):
    """The dispatcher had ended before the call: it did not run."""


class Channel:
    """Attached to one life of a dispatcher. When that ends, `lost` turns true for good."""

    def __init__(self, connection: Connection, lifeline: socket.socket, name: str) -> None:
        self.connection = connection
        self.process = os.getpid()
        self.context = context()
        self.lifeline = lifeline
        self.token = os.urandom(16)
        self._ids = count(1)
        self._sockets = count(1)
        self._pool: list[Line] = []
        self._busy: set[Line] = set()
        self._lock = threading.Lock()
        self._lost = threading.Event()
        lifeline.sendall(f"{self.token.hex()} {name}\n".encode())

    @property
    def lost(self) -> bool:
        """True when the dispatcher ended or this process is a fork of the one that attached."""
        return self._lost.is_set() or self.process != os.getpid() or self._lifeline_ended()

    @property
    def ended(self) -> bool:
        """`lost`, as far as it is known without asking the system: a call that finds the dispatcher gone raises `Unsent`."""
        return self._lost.is_set() or self.process != os.getpid()

    def request(self, call: str, args: dict[str, Any]) -> tuple[int, bytes]:
        """(id, frame) of a new request."""
        number = next(self._ids)
        frame = _ENCODE((number, call, args))
        if len(frame) > LIMIT:
            take_back(args)
            raise ValueRefused(f"a call of {len(frame):,} bytes; the limit is {LIMIT:,}: send fewer messages at once, "
                               "or large data as bytes or arrays")
        return number, frame

    def call(self, call: str, args: dict[str, Any]) -> Any:
        """Ask and wait for the answer. Raises what the dispatcher refused with, PeerGone and PeerSilent."""
        args = hand_over(args)
        number, frame = self.request(call, args)
        line = self._take()
        sound = False
        try:
            raw, error = self._ask(line, number, frame, call)
            sound = True
        except PeerError:
            take_back(args)
            raise
        finally:
            self._give_back(line, sound=sound)
        if error is not None:
            take_back(args)
            raise from_wire(error[0], error[1])
        return decode(call, raw)

    def dealer(self) -> zmq.Socket[bytes]:
        """A new socket for requests."""
        dealer: zmq.Socket[bytes] = self.context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.IDENTITY, self.token + next(self._sockets).to_bytes(4, "big"))
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.SNDTIMEO, int(SILENT_AFTER * 1_000))
        dealer.connect(self.connection.control)
        return dealer

    def gone(self, call: str) -> PeerGone:
        self._lost.set()
        return PeerGone(f"the dispatcher (process {self.connection.pid}) ended while {call!r} was under way, and its runs "
                        "with it; the next call starts another one")

    def close(self, *, bye: bool = False) -> None:
        """End; with *bye* not like one that was killed: nobody will come back for what we started and did not detach. Calls
        under way in other threads raise PeerGone.
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

    def _take(self) -> Line:
        with self._lock:
            if self._lost.is_set():
                raise Unsent(str(self.gone("this call")))
            line = self._pool.pop() if self._pool else self._open()
            self._busy.add(line)
            return line

    def _give_back(self, line: Line, *, sound: bool) -> None:
        """A line that was left in the middle of an answer, by an interrupt, is not used again."""
        with self._lock:
            self._busy.discard(line)
            if sound:
                self._pool.append(line)
            else:
                line.close()
        if self._lost.is_set():
            self._finish()

    def _finish(self) -> None:
        """Close what is no longer used; whoever gives the last line back closes the lifeline."""
        with self._lock:
            while self._pool:
                self._pool.pop().close()
            for line in self._busy:
                line.shut()
            if not self._busy:
                self.lifeline.close()

    def _open(self) -> Line:
        connection = streams.reach(self.connection.control)
        if connection is None:
            return SocketLine(self.dealer(), self.lifeline.fileno())
        try:
            return StreamLine(connection, self.token + next(self._sockets).to_bytes(4, "big"), FRAME_LIMIT, SILENT_AFTER)
        except OSError:
            connection.close()
            raise Unsent(str(self.gone("this call"))) from None

    def _ask(self, line: Line, number: int, frame: bytes, call: str) -> tuple[msgspec.Raw, tuple[str, str, Any] | None]:
        try:
            self._send(line, frame, call)
            heard = time.monotonic()
            while True:
                answer = line.receive(RESEND_AFTER)
                if answer is None:
                    if time.monotonic() - heard > SILENT_AFTER:
                        raise silent(call, self.connection.pid)
                    line.send(frame)
                    continue
                arrived, raw, error = answer_of(answer)
                if arrived == number and (error is None or error[0] != PENDING):
                    return raw, error
                heard = time.monotonic()
        except EOFError:
            raise self.gone(call) from None
        except TimeoutError:
            raise silent(call, self.connection.pid) from None

    def _send(self, line: Line, frame: bytes, call: str) -> None:
        try:
            line.send(frame)
        except EOFError:
            raise Unsent(str(self.gone(call))) from None

    def _lifeline_ended(self) -> bool:
        try:
            return not self.lifeline.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


def silent(call: str, pid: int) -> PeerSilent:
    return PeerSilent(f"waited {SILENT_AFTER:g} s for the dispatcher (process {pid}) to answer {call!r}; it lives but does "
                      "not answer: end it with `kill` and call again")


def hand_over(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments with large buffers of batches in segments, which whoever takes the call then owns."""
    return {name: _in_segments(value) if isinstance(value, Batch) and value.buffers else value for name, value in args.items()}


def _in_segments(batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, buffers=tuple(map(_segment, batch.buffers)))


def _segment(buffer: Buffer) -> Buffer:
    if buffer.data is None or buffer.size <= SEGMENT_FROM:
        return buffer
    name = f"floe-{os.getpid()}-c{next(_segments)}"
    path = os.path.join(SEGMENTS, name)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(buffer.data)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        raise ValueRefused(f"a buffer of {buffer.size:,} bytes does not fit into {SEGMENTS}: {error.strerror}; send less "
                           "at once") from error
    return Buffer(buffer.size, None, name)


def take_back(args: dict[str, Any]) -> None:
    """Nobody took the segments of a refused call: remove those that were ours to begin with."""
    for value in args.values():
        for buffer in value.buffers if isinstance(value, Batch) else ():
            if buffer.segment.startswith(f"floe-{os.getpid()}-c"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(SEGMENTS, buffer.segment))


def failed(error: tuple[str, str, Any]) -> FloeError:
    return from_wire(error[0], error[1])
