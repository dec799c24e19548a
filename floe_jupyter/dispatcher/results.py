"""Results of runs: kept as they came, in memory up to a bound a run, beyond that in a file, and altogether up to a bound.

A file is a sequence of ``u32 length | ResultBatch as MessagePack``. Buffers that came as segments stay in shared memory and
are removed when the results are dropped; those of a run that outlives the dispatcher are written into the file.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator

import msgspec

from floe_jupyter.core.messages import Batch, Buffer, merge, split
from floe_jupyter.dispatcher import segments
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.replies import ResultBatch

IN_MEMORY = 64 * 1024 * 1024
"""Bytes of one run's results that stay in memory."""
ANSWER_BYTES = 32 * 1024 * 1024
"""So many bytes of results go into one answer."""
_LENGTH = struct.Struct("<I")
_DECODE = msgspec.msgpack.Decoder(ResultBatch).decode
_ENCODE = msgspec.msgpack.Encoder().encode


class Results:
    """The results of one run, in order. *path* is the file for what does not fit into memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._items: list[ResultBatch | tuple[int, int]] = []
        """A batch, or (offset, length) of it in the file."""
        self._file: int | None = None
        self._on_disk = False
        self._unread = False
        """What the file holds is not known yet."""
        self._end = 0
        self._in_memory = 0
        self.messages = 0
        """So many came."""
        self.dropped = 0
        """So many of them are no longer kept."""
        self.size = 0
        """Bytes kept, wherever."""

    def add(self, node: str, port: str, batch: Batch) -> None:
        """Keep one more batch. Raises `EnvironmentFailed` when the disk is full."""
        item = ResultBatch(node, port, batch)
        inline = size = len(batch.payload)
        if batch.buffers:
            size = batch.size
            inline = size - sum(b.size for b in batch.buffers if b.segment)
        self.messages += batch.n
        self.size += size
        if self._in_memory + inline > IN_MEMORY:
            self._items.append(self._write(item))
        else:
            self._in_memory += inline
            self._items.append(item)

    def page(self, start: int, limit: int) -> list[ResultBatch]:
        """Batches from the *start*-th on: at most *limit*, and so many that an answer stays small (but at least one)."""
        if self._unread:
            self._recover()
        page: list[ResultBatch] = []
        size = 0
        for item in self._items[max(start, 0) : max(start, 0) + limit]:
            batch = self._read(item)
            size += batch.batch.size
            if page and size > ANSWER_BYTES:
                break
            page.append(batch)
        return page

    def all(self) -> list[ResultBatch]:
        return [item if type(item) is ResultBatch else self._read(item) for item in self._items]

    def withdraw(self, ids: frozenset[str]) -> int:
        """Take messages out that a step back undid; how many there were."""
        kept: list[ResultBatch | tuple[int, int]] = []
        before = self.messages
        for item in self._items:
            batch = self._read(item)
            left = _without(batch, ids)
            self.messages -= batch.batch.n - (left.batch.n if left is not None else 0)
            if left is not None:
                kept.append(item if left is batch else left)
        self._items = kept
        return before - self.messages

    def drop(self) -> None:
        """Forget everything; what came is still counted."""
        for item in self._items:
            if isinstance(item, ResultBatch):
                segments.remove(item.batch)
        self._items.clear()
        self.dropped, self.size, self._in_memory = self.messages, 0, 0
        self.close()
        if self._on_disk:
            self._on_disk = self._unread = False
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)

    def save(self) -> None:
        """Have everything in the file, in order, for the next dispatcher."""
        whole = Results(f"{self._path}.new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(whole._path)
        whole._items = [whole._write(_inline(self._read(item))) for item in self._items]
        self.close()
        if whole._file is not None:
            os.fsync(whole._file)
            os.replace(whole._path, self._path)
            self._on_disk = True
        self._items, self._file, self._end, self._in_memory = whole._items, whole._file, whole._end, 0

    @classmethod
    def load(cls, path: str, messages: int) -> Results:
        """The results of a run of a former dispatcher, which counted *messages*. The file is read when they are asked for."""
        results = cls(path)
        results.messages = messages
        results._unread = results._on_disk = os.path.exists(path)
        results.dropped = 0 if results._unread else messages
        return results

    def _recover(self) -> None:
        """Take the place of every batch in the file; what a torn file lacks is `dropped`."""
        self._unread, found = False, 0
        self._file = self._open()
        for at, body in _records(self._file):
            try:
                batch = _DECODE(body).batch
            except msgspec.MsgspecError:
                break
            self._items.append((at, len(body)))
            found += batch.n
            self.size += batch.size
            self._end = at + len(body)
        self.dropped = max(0, self.messages - found)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self, item: ResultBatch | tuple[int, int]) -> ResultBatch:
        if isinstance(item, ResultBatch):
            return item
        if self._file is None:
            self._file = self._open()
        return _DECODE(os.pread(self._file, item[1], item[0]))

    def _write(self, item: ResultBatch) -> tuple[int, int]:
        if self._file is None:
            self._file = self._open()
        body = _ENCODE(item)
        record = memoryview(_LENGTH.pack(len(body)) + body)
        at = self._end
        try:
            while record:
                record = record[os.pwrite(self._file, record, self._end) :]
                self._end = at + 4 + len(body) - len(record)
        except OSError as error:
            self._end = at
            raise EnvironmentFailed(f"results cannot be kept in {self._path}: {error.strerror}; make room on that disk, or "
                                    "let the flow give less") from error
        return at + 4, len(body)

    def _open(self) -> int:
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._on_disk = True
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFailed(f"results cannot be kept in {self._path}: {error.strerror}; make its directory "
                                    "writable") from error


def _records(file: int) -> Iterator[tuple[int, bytes]]:
    at, size = 0, os.fstat(file).st_size
    while at + 4 <= size:
        (length,) = _LENGTH.unpack(os.pread(file, 4, at))
        body = os.pread(file, length, at + 4)
        if len(body) < length:
            return
        yield at + 4, body
        at += 4 + length


def _touches(item: ResultBatch, ids: frozenset[str]) -> bool:
    return item.batch.ids is not None and not ids.isdisjoint(item.batch.ids)


def _without(item: ResultBatch, ids: frozenset[str]) -> ResultBatch | None:
    if not _touches(item, ids):
        return item
    kept = []
    for part in split(item.batch):
        if part.ids is not None and part.ids[0] in ids:
            segments.remove(part)
        else:
            kept.append(part)
    return ResultBatch(item.node, item.port, merge(kept)) if kept else None


def _inline(item: ResultBatch) -> ResultBatch:
    """With the bytes of its segments, which are removed."""
    if not any(b.segment for b in item.batch.buffers):
        return item
    buffers = tuple(Buffer(b.size, segments.read(b)) if b.segment else b for b in item.batch.buffers)
    segments.remove(item.batch)
    return ResultBatch(item.node, item.port, msgspec.structs.replace(item.batch, buffers=buffers))


def by_run(batch: Batch) -> dict[int, Batch]:
    """A batch apart, by run; order is kept within each."""
    if batch.runs is None or len(set(batch.runs)) == 1:
        run = batch.run if batch.runs is None else batch.runs[0]
        return {run: batch if batch.runs is None else msgspec.structs.replace(batch, run=run, runs=None)}
    parts: dict[int, list[Batch]] = {}
    for part in split(batch):
        parts.setdefault(part.run, []).append(part)
    return {run: merge(group) for run, group in parts.items()}
