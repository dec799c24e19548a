"""A file of results: ``floeres2``, then a sequence of ``u64 length | u32 checksum | ResultBatch as MessagePack``. The highest bit
of a length marks a withdrawn record.

The checksum covers the batch, its length and mark, its offset in the file, and its run: a changed bit is never taken for a value,
and no record for another. Files of earlier versions, without the first word and without checksums, are readable.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from zlib import crc32

import msgspec

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.control.replies import ResultBatch

_MAGIC = b"floeres2"
_LENGTH = struct.Struct("<Q")
_HEAD = struct.Struct("<QI")
_OFFSET_AND_LENGTH = struct.Struct("<QQ")
_WITHDRAWN = 1 << 63
_DECODE = msgspec.msgpack.Decoder(ResultBatch).decode
_ENCODE_INTO = msgspec.msgpack.Encoder().encode_into


class Records:
    """A file of results at *path*, created with the first batch. A batch is identified by its offset, in bytes from the begin."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None
        self._run = os.path.basename(path).partition(".results")[0].encode()
        self._exists = False
        self._end = 0
        self._head: struct.Struct = _HEAD
        """Format of a record's head: in files of earlier versions, the length alone."""

    def find(self) -> bool:
        """Look for a file left by a former dispatcher or attempt, and return whether one exists. Other calls do not look."""
        self._exists = os.path.exists(self.path)
        return self._exists

    def append(self, items: Iterable[ResultBatch]) -> list[int]:
        """Write batches at once; return their offsets. Raises `EnvironmentFailed` when the disk is full: then none is added."""
        buffer, offsets = bytearray(), []
        if not self._end:
            self._head, buffer = _HEAD, bytearray(_MAGIC)
        base, head = self._end, self._head
        for item in items:
            begin = len(buffer)
            offsets.append(base + begin)
            buffer += bytes(head.size)
            _ENCODE_INTO(item, buffer, -1)
            length = len(buffer) - begin - head.size
            head.pack_into(buffer, begin, length, *self._sealed(memoryview(buffer)[begin + head.size :], base + begin, length))
        self._end = self._put(memoryview(buffer), base)
        return offsets

    def _sealed(self, body: bytes | memoryview, offset: int, length: int) -> list[int]:
        """Return the checksum of a record; empty for files of earlier versions."""
        return [crc32(_OFFSET_AND_LENGTH.pack(offset, length) + self._run, crc32(body))] if self._head is _HEAD else []

    def _put(self, rest: memoryview, at: int) -> int:
        """Write *rest* at offset *at*; return the end."""
        file = self._opened()
        try:
            while rest:
                done = os.pwrite(file, rest, at)
                rest, at = rest[done:], at + done
        except OSError as error:
            raise self._full(error) from error
        return at

    def _full(self, error: OSError) -> EnvironmentFailed:
        return EnvironmentFailed(
            f"results cannot be kept in {self.path}: {error.strerror}; make room on that disk, or let the flow give less"
        )

    def read(self, offset: int) -> ResultBatch:
        """Return the batch at *offset*. Raises `EnvironmentFailed` if the file is damaged."""
        item = self._read(offset)[0]
        if item is None:
            raise EnvironmentFailed(
                f"the results in {self.path} are damaged at byte {offset:,}; run it again, or restore a copy of that file"
            )
        return item

    def _read(self, offset: int) -> tuple[ResultBatch | None, int, bool]:
        """Return a batch (None if damaged), the offset of the next one, and whether the batch is withdrawn."""
        head = os.pread(self._opened(), self._head.size, offset)
        if len(head) < self._head.size:
            return None, offset, False
        length, *checksum = self._head.unpack(head)
        size = length & ~_WITHDRAWN
        begin = offset + self._head.size
        if size > os.fstat(self._opened()).st_size - begin:
            return None, offset, False
        body = os.pread(self._opened(), size, begin)
        withdrawn, item = bool(length & _WITHDRAWN), None
        if self._sealed(body, offset, length) == checksum:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                item = _DECODE(body)
        return item, begin + size, withdrawn

    def withdraw(self, offset: int) -> None:
        """Mark the batch at *offset* as removed: `scan` skips withdrawn batches."""
        length = self._head.unpack(os.pread(self._opened(), self._head.size, offset))[0] | _WITHDRAWN
        body = os.pread(self._opened(), length & ~_WITHDRAWN, offset + self._head.size)
        self._put(memoryview(self._head.pack(length, *self._sealed(body, offset, length))), offset)

    def scan(self) -> Iterator[tuple[int, ResultBatch]]:
        """Yield each batch with its offset, except damaged and withdrawn batches; end where the file is torn. Appending continues
        there.
        """
        if os.pread(self._opened(), len(_MAGIC), 0) == _MAGIC:
            self._end = len(_MAGIC)
        else:
            self._head = _LENGTH
        at, damaged = self._end, 0
        while damaged < 2:  # a single one may just be damaged; after two, the length is wrong and the next record cannot be found
            item, end, withdrawn = self._read(at)
            if end == at:
                return
            damaged = 0 if item is not None else damaged + 1
            if item is not None:
                self._end = end
                if not withdrawn:
                    yield at, item
            at = end

    def become(self, path: str) -> None:
        """Replace the file at *path* with the file of this object, after all data is on the disk."""
        try:
            os.fsync(self._opened())
            os.replace(self.path, path)
        except OSError as error:
            raise self._full(error) from error
        self.path = path

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """Close and remove the file."""
        self.close()
        self._end = 0
        if self._exists:
            self._exists = False
            with contextlib.suppress(OSError):
                os.unlink(self.path)

    def _opened(self) -> int:
        if self._file is None:
            try:
                os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise EnvironmentFailed(
                    f"results cannot be kept in {self.path}: {error.strerror}; make its directory writable"
                ) from error
            self._exists = True
        return self._file
