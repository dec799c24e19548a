"""Results of runs, kept as received: the newest in memory, up to a bound per run, earlier results in a file, and all runs
together up to a bound.

Buffers received as segments stay in shared memory until the results are dropped; the buffers of a run that outlives the
dispatcher are written into the file.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator

import msgspec

from floe_jupyter.core.messages import Batch, Buffer, merge, split
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runs.records import Records
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.control.replies import ResultBatch

IN_MEMORY = 8 * 1024 * 1024
"""Maximum bytes of one run's results in memory."""
AT_ONCE = 512 * 1024
"""Bytes moved into the file at once when `IN_MEMORY` is exceeded."""
OVERHEAD, ID_BYTES = 350, 70
"""Bytes of memory taken by a batch beside its payload, and by a message id: small results count, too."""
ANSWER_BYTES = 32 * 1024 * 1024
"""Maximum bytes of results in one answer."""


class Results:
    """The results of one run, in order. *path* is the file for results that do not fit into memory."""

    def __init__(self, path: str) -> None:
        self._records = Records(path)
        self._offsets = array("Q")
        """Place in the file of each of the first batches."""
        self._recent: list[ResultBatch] = []
        """Batches after the batches in the file."""
        self._in_memory = 0
        self._segments: dict[str, Buffer] = {}
        """Shared-memory segments by name, of batches in memory and in the file."""
        self._unread = False
        """True while the content of the file is not known yet."""
        self.messages = 0
        """Number of messages received."""
        self.dropped = 0
        """Number of received messages that are no longer kept."""
        self.size = 0
        """Bytes kept, in memory, in the file and in shared memory."""

    def add(self, node: str, port: str, batch: Batch) -> None:
        """Add a batch. Raises `EnvironmentFailed` when the disk is full; the batch is kept nevertheless."""
        weight = size = _weight(batch)
        if batch.buffers:
            size += sum(b.size for b in batch.buffers if b.segment)
            self._segments.update((b.segment, b) for b in batch.buffers if b.segment)
        self.messages += batch.n
        self.size += size
        self._in_memory += weight
        self._recent.append(ResultBatch(node, port, batch))
        if self._in_memory > IN_MEMORY:
            self._spill(AT_ONCE)

    def _spill(self, weight: float) -> None:
        """Move the oldest batches in memory, *weight* bytes or a little more, into the file."""
        count = moved = 0
        for item in self._recent:
            if moved >= weight:
                break
            count, moved = count + 1, moved + _weight(item.batch)
        if not count:
            return
        self._offsets.extend(self._records.append(self._recent[:count]))
        del self._recent[:count]
        self._in_memory -= moved

    def page(self, start: int, limit: int) -> list[ResultBatch]:
        """Return batches from the *start*-th on: at most *limit*, and at most `ANSWER_BYTES` (but at least one batch)."""
        if self._unread:
            self._recover()
        page: list[ResultBatch] = []
        size = 0
        for item in self._items(max(start, 0), max(start, 0) + limit):
            size += item.batch.size
            if page and size > ANSWER_BYTES:
                break
            page.append(item)
        if not self._recent:
            self._records.close()  # of a run that is over: no batch is added any more
        return page

    def all(self) -> list[ResultBatch]:
        """Return all batches."""
        return list(self._items()) if self._offsets else self._recent.copy()

    def _items(self, start: int = 0, stop: int | None = None) -> Iterator[ResultBatch]:
        on_disk = len(self._offsets)
        yield from map(self._records.read, self._offsets[start:stop])
        yield from self._recent[max(0, start - on_disk) : None if stop is None else max(0, stop - on_disk)]

    def withdraw(self, ids: frozenset[str]) -> int:
        """Remove messages undone by a step back; return their number. Undone messages are among the newest: search backwards."""
        before, wanted = self.messages, set(ids)
        for at in range(len(self._recent) - 1, -1, -1):
            if not wanted:
                break
            item = self._recent[at]
            left = self._without(item, wanted)
            if left is not item:
                self._in_memory += (_weight(left.batch) if left is not None else 0) - _weight(item.batch)
                self._recent[at : at + 1] = [left] if left is not None else []
        for at in range(len(self._offsets) - 1, -1, -1):
            if not wanted:
                break
            self._withdraw_from_file(at, wanted)
        return before - self.messages

    def _withdraw_from_file(self, at: int, wanted: set[str]) -> None:
        """Remove the *wanted* messages from a batch in the file. The remainder is written anew, after all other batches."""
        item = self._records.read(self._offsets[at])
        left = self._without(item, wanted)
        if left is not item:
            self._records.withdraw(self._offsets[at])
            self._offsets[at : at + 1] = array("Q", self._records.append([left]) if left is not None else [])

    def _without(self, item: ResultBatch, wanted: set[str]) -> ResultBatch | None:
        """Return the batch without the *wanted* messages, or None if empty; remove the found ids from *wanted*."""
        if item.batch.ids is None or wanted.isdisjoint(item.batch.ids):
            return item
        kept: list[Batch] = []
        gone: list[Batch] = []
        for part in split(item.batch):
            (gone if part.ids is not None and part.ids[0] in wanted else kept).append(part)
        for part in gone:
            self._forget(part)
        wanted.difference_update(item.batch.ids)
        return ResultBatch(item.node, item.port, merge(kept)) if kept else None

    def _forget(self, part: Batch) -> None:
        self.messages -= part.n
        self.size -= part.size
        for buffer in part.buffers:
            self._segments.pop(buffer.segment, None)
        segments.remove(part)

    def drop(self) -> None:
        """Remove all results; their messages are still counted."""
        self._forget_segments()
        self._recent.clear()
        del self._offsets[:]
        self.dropped, self.size, self._in_memory, self._unread = self.messages, 0, 0, False
        self._records.remove()

    def save(self) -> None:
        """Write all results into the file, in order, for the next dispatcher. Raises `EnvironmentFailed`."""
        if self._unread:
            return
        whole = Results(f"{self._records.path}.new")
        try:
            for item in self._items():
                whole._add_inline(item)
            whole._spill(math.inf)
            if whole._offsets:
                whole._records.become(self._records.path)
        except EnvironmentFailed:
            whole._records.remove()
            raise
        if whole._offsets:
            self._records.close()
            self._records = whole._records
            self._records.close()  # there may be many runs; the file is opened again on request
        else:
            self._records.remove()
        self.dropped += whole.dropped
        self._offsets, self._recent, self._in_memory = whole._offsets, [], 0
        self._forget_segments()

    def _add_inline(self, item: ResultBatch) -> None:
        """Add a batch with the bytes of its segments; a batch with lost shared memory is counted in `dropped`."""
        try:
            self.add(item.node, item.port, _inline(item.batch))
        except OSError as error:
            log.warn(f"{item.batch.n} results of {item.node} are lost: their shared memory cannot be read: {error.strerror}")
            self.dropped += item.batch.n

    def _forget_segments(self) -> None:
        segments.remove(Batch(b"[]", 0, buffers=tuple(self._segments.values())))
        self._segments.clear()

    @classmethod
    def load(cls, path: str, messages: int) -> Results:
        """Return the results of a former dispatcher's run with *messages* messages. The file is read at the first request."""
        results = cls(path)
        results.messages = messages
        results._unread = results._records.find()
        results.dropped = 0 if results._unread else messages
        return results

    def _recover(self) -> None:
        """Find the offset of every batch in the file; messages missing from a torn file are counted in `dropped`."""
        self._unread, found = False, 0
        for offset, item in self._records.scan():
            self._offsets.append(offset)
            found += item.batch.n
            self.size += item.batch.size
        self.messages = max(self.messages, found)
        self.dropped = self.messages - found

    def close(self) -> None:
        """Close the file."""
        self._records.close()


def _weight(batch: Batch) -> int:
    """Return the bytes of memory that a batch takes, segments excluded."""
    weight = len(batch.payload) + OVERHEAD + ID_BYTES * len(batch.ids or ())
    return weight + sum(b.size for b in batch.buffers if not b.segment) if batch.buffers else weight


def _inline(batch: Batch) -> Batch:
    """Return the batch with the bytes of its segments."""
    if not any(b.segment for b in batch.buffers):
        return batch
    buffers = tuple(Buffer(b.size, segments.read(b)) if b.segment else b for b in batch.buffers)
    return msgspec.structs.replace(batch, buffers=buffers)


def by_run(batch: Batch) -> dict[int, Batch]:
    """Split a batch by run; order is kept within each run."""
    if batch.runs is None or len(set(batch.runs)) == 1:
        run = batch.run if batch.runs is None else batch.runs[0]
        return {run: batch if batch.runs is None else msgspec.structs.replace(batch, run=run, runs=None)}
    parts: dict[int, list[Batch]] = {}
    for part in split(batch):
        parts.setdefault(part.run, []).append(part)
    return {run: merge(group) for run, group in parts.items()}
