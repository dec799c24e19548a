"""A file of results: a sequence of ``u64 length | ResultBatch as MessagePack``. The highest bit of a length marks what is
struck.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator

import msgspec

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.replies import ResultBatch

_LENGTH = struct.Struct("<Q")
_STRUCK = 1 << 63
_DECODE = msgspec.msgpack.Decoder(ResultBatch).decode
_ENCODE_INTO = msgspec.msgpack.Encoder().encode_into


class Records:
    """The file at *path*, made when the first batch is put in. A batch is found by its place, in bytes from the begin."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None
        self._exists = False
        self._end = 0

    def find(self) -> bool:
        """Whether a former dispatcher, or a former attempt, has left the file; only then is it looked for."""
        self._exists = os.path.exists(self.path)
        return self._exists

    def append(self, items: Iterable[ResultBatch]) -> list[int]:
        """Write them at once; their places. Raises `EnvironmentFailed` when the disk is full: then none is in."""
        buffer, places = bytearray(), []
        for item in items:
            begin = len(buffer)
            places.append(self._end + begin)
            buffer += bytes(_LENGTH.size)
            _ENCODE_INTO(item, buffer, -1)
            _LENGTH.pack_into(buffer, begin, len(buffer) - begin - _LENGTH.size)
        self._end = self._put(memoryview(buffer), self._end)
        return places

    def _put(self, rest: memoryview, at: int) -> int:
        """Write it there; where it ends."""
        file = self._opened()
        try:
            while rest:
                done = os.pwrite(file, rest, at)
                rest, at = rest[done:], at + done
        except OSError as error:
            raise self._full(error) from error
        return at

    def _full(self, error: OSError) -> EnvironmentFailed:
        return EnvironmentFailed(f"results cannot be kept in {self.path}: {error.strerror}; make room on that disk, or "
                                 "let the flow give less")

    def read(self, place: int) -> ResultBatch:
        return self._read(place)[0]

    def _read(self, place: int) -> tuple[ResultBatch, int]:
        """A batch, and where the next one begins."""
        begin = place + _LENGTH.size
        length = self._length(place)
        return _DECODE(os.pread(self._opened(), length, begin)), begin + length

    def _length(self, place: int) -> int:
        length: int = _LENGTH.unpack(os.pread(self._opened(), _LENGTH.size, place))[0]
        return length & ~_STRUCK

    def strike(self, place: int) -> None:
        """The batch there counts no more: `scan` passes over it."""
        self._put(memoryview(_LENGTH.pack(self._length(place) | _STRUCK)), place)

    def scan(self) -> Iterator[tuple[int, ResultBatch]]:
        """The places of all batches, and the batches; ends where the file is torn. What is appended goes behind that."""
        size = os.fstat(self._opened()).st_size
        with contextlib.suppress(msgspec.MsgspecError):
            while self._end + _LENGTH.size <= size:
                struck = os.pread(self._opened(), _LENGTH.size, self._end)[-1] & 0x80
                item, end = self._read(self._end)
                if not struck:
                    yield self._end, item
                self._end = end

    def become(self, path: str) -> None:
        """Take the place of the file at *path* when everything is on the disk."""
        try:
            os.fsync(self._opened())
            os.replace(self.path, path)
        except OSError as error:
            raise self._full(error) from error
        self.path = path

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        self.close()
        self._end = 0
        if self._exists:
            self._exists = False
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)

    def _opened(self) -> int:
        if self._file is None:
            try:
                os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise EnvironmentFailed(f"results cannot be kept in {self.path}: {error.strerror}; make its directory "
                                        "writable") from error
            self._exists = True
        return self._file
