"""Messages over a Unix stream socket: a faster transport beside a ZeroMQ socket.

A stream socket may lie beside the socket of the address ``ipc://DIRECTORY/NAME``, as ``DIRECTORY/sNAME``, for peers on the same
machine. The stream carries the same messages, each behind the length (u32, little endian). A hop is one system call and one
wake-up; ZeroMQ hands every message to a thread of its own on both sides. Measured: a round trip of 140 bytes takes 6 us on one
core and 30 us across two, against 40 and 70 us.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections import deque
from collections.abc import Callable, Sequence

from floe_jupyter.errors import ProtocolError

Listener = socket.socket
READ = 128 * 1024
"""Bytes of one read. Larger reads cost more for memory than the saved calls gain."""
_LENGTH = struct.Struct("<I")
_JOINED = 64 * 1024
"""Maximum bytes of a message put behind its length by copying."""


def stream_path(address: str) -> str:
    """Return the path of the stream socket beside an address; empty for addresses without one."""
    if not address.startswith("ipc://"):
        return ""
    directory, name = os.path.split(address.removeprefix("ipc://"))
    return os.path.join(directory, f"s{name}")


def listen(address: str) -> Listener | None:
    """Listen on the stream socket beside an address; None if impossible: then all peers connect to the address itself."""
    path = stream_path(address)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(64)
    except OSError:  # its name is one character longer than the address, perhaps one too many
        listener.close()
        return None
    listener.settimeout(0)
    return listener


def accept(listener: Listener) -> socket.socket | None:
    """Return the next connection; None if no peer waits. Raises OSError when no descriptor is left."""
    try:
        return listener.accept()[0]
    except (BlockingIOError, ConnectionAbortedError):
        return None


def reach(address: str) -> socket.socket | None:
    """Return a blocking connection to the stream socket beside an address; None if no peer listens."""
    path = stream_path(address)
    try:
        if not path or not stat.S_ISSOCK(os.stat(path).st_mode):
            return None
    except OSError:
        return None
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(path)
    except OSError:
        found.close()
        return None
    return found


class Splitter:
    """Bytes in, whole messages out.

    Memory for a large message doubles as its bytes arrive: the announced length reserves no memory, and every byte is moved
    twice at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Maximum length of a message, in bytes."""
        self._rest = b""
        self._large: bytearray | None = None
        self._filled = self._whole = 0

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """Return the messages completed by *data*, which is not kept. Raises `ProtocolError` for a message over the limit."""
        if not self._rest and self._large is None and len(data) >= 4:
            size = _LENGTH.unpack_from(data)[0]
            if size == len(data) - 4 and size <= self.limit:
                return [bytes(data[4:])]  # almost always: one message, and all of it
        messages: list[bytes] = []
        if self._rest:
            data = self._join(data, messages)
        if self._large is not None:
            data = self._fill(self._large, data, messages)
        at = 0
        while len(data) - at >= 4:
            size = self._size(data, at)
            if len(data) - at - 4 < size:
                break
            messages.append(bytes(data[at + 4 : at + 4 + size]))
            at += 4 + size
        if at < len(data):
            self._keep(bytes(data[at:]))
        return messages

    def _size(self, data: bytes | memoryview, at: int = 0) -> int:
        size: int = _LENGTH.unpack_from(data, at)[0]
        if size > self.limit:
            raise ProtocolError(f"a message of {size:,} bytes; the limit is {self.limit:,}")
        return size

    def _join(self, data: bytes | memoryview, messages: list[bytes]) -> bytes | memoryview:
        """Append *data* to the beginning of a message; return the unused rest."""
        missing = (4 if len(self._rest) < 4 else 4 + self._size(self._rest)) - len(self._rest)
        rest, self._rest = self._rest + data[:missing], b""
        data = data[missing:]
        if len(rest) >= 4 and len(rest) == 4 + self._size(rest):
            messages.append(rest[4:])
        else:
            self._keep(rest)
            if self._rest and data:
                return self._join(data, messages)  # its length was not complete before
        return data

    def _keep(self, data: bytes) -> None:
        self._rest = data
        if len(data) >= 4 and (size := self._size(data)) > READ:
            self._whole, self._filled, self._rest = size, len(data) - 4, b""
            self._large = bytearray(min(size, 2 * READ))
            self._large[: len(data) - 4] = data[4:]

    def _fill(self, large: bytearray, data: bytes | memoryview, messages: list[bytes]) -> bytes | memoryview:
        taken = min(len(data), self._whole - self._filled)
        while len(large) < self._filled + taken:
            large += bytes(min(len(large), self._whole - len(large)))
        large[self._filled : self._filled + taken] = data[:taken]
        self._filled += taken
        if self._filled == self._whole:
            self._large = None
            messages.append(bytes(large))
        return data[taken:]


def framed(message: bytes) -> bytes:
    """Return the message behind its length."""
    return _LENGTH.pack(len(message)) + message


class Stream:
    """Non-blocking end of a connection, for an event loop.

    *later* gets the function to call when the socket becomes writable (and None when no data waits any more).
    """

    def __init__(self, connection: socket.socket, limit: int, later: Callable[[Callable[[], None] | None], None]) -> None:
        connection.settimeout(0)
        self.fd = connection.fileno()
        self.broken = False
        """True when sent messages no longer arrive."""
        self._socket, self._later = connection, later
        self._recv_into, self._send = connection.recv_into, connection.send
        self._read = memoryview(bytearray(READ))
        """Buffer of all reads, from which messages are copied out: memory of a read's full size, allocated and freed for every
        message with the kept parts in between, would leave the heap full of holes (measured: 390 MB for 30 MB of messages).
        """
        self.splitter = Splitter(limit)
        self._feed = self.splitter.feed
        self._waiting: deque[bytes | memoryview] = deque()

    def receive(self) -> list[bytes]:
        """Return the messages that have arrived. Raises EOFError at the end, ProtocolError for malformed data."""
        try:
            size = self._recv_into(self._read)
        except BlockingIOError:
            return []
        except OSError:
            size = 0
        if not size:
            raise EOFError
        return self._feed(self._read[:size])

    def send(self, message: bytes) -> None:
        """Write a message, or as much as the other end takes now; the rest is written by `flush`."""
        size = len(message)
        if size > _JOINED:
            self._write(_LENGTH.pack(size))
            self._write(message)
        else:
            self._write(_LENGTH.pack(size) + message)

    def send_all(self, messages: Sequence[bytes]) -> None:
        """Send several messages; small messages cause a single wake-up of the other end."""
        if sum(map(len, messages)) > _JOINED:
            for message in messages:
                self.send(message)
        else:
            self._write(b"".join([framed(message) for message in messages]))

    def flush(self) -> None:
        """Write the waiting data."""
        waiting = self._waiting
        while waiting and not self.broken:
            piece = waiting.popleft()
            sent = self._try(piece)
            if sent < len(piece):
                waiting.appendleft(memoryview(piece)[sent:])
                return
        waiting.clear()
        self._later(None)

    def finish(self, seconds: float) -> None:
        """Close; writing the waiting data may take *seconds*."""
        waiting, self._waiting = self._waiting, deque()
        with contextlib.suppress(OSError):
            self._socket.settimeout(seconds)
            for piece in waiting if not self.broken else ():
                self._socket.sendall(piece)
        self.close()

    def close(self) -> None:
        """Close the socket and drop the waiting data."""
        self.broken = True
        self._waiting.clear()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _write(self, data: bytes) -> None:
        if self.broken:
            return
        if self._waiting:
            self._waiting.append(data)
            return
        sent = self._try(data)
        if sent < len(data) and not self.broken:
            self._waiting.append(memoryview(data)[sent:])
            self._later(self.flush)

    def _try(self, data: bytes | memoryview) -> int:
        try:
            return self._send(data)
        except BlockingIOError:
            return 0
        except OSError:  # the other end is gone; the reader of this end notices as well
            self.broken = True
            return 0
