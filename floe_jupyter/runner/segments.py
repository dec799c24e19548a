"""Shared-memory segments of the messages in the runner, their makers, and their release.

A segment lives in the runner as long as a `Buffer` object names the segment. Then the maker is told that the segment may be
reused; if the maker is gone, or is none of our runtimes, the file is removed. Names begin with the maker's: ``floe-<pid>-...``.
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Container
from contextlib import suppress
from itertools import count

import msgspec

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.leftovers import MEMORY, remove_file, sweep_memory

_NAME = re.compile(r"floe-(\d+)-[A-Za-z0-9_-]+\Z")


class Segments:
    """Segments in use. `free` is called with (maker, names to reuse, names to remove) for segments made by runtimes."""

    def __init__(self, free: Callable[[str, list[str], list[str]], bool], directory: str = MEMORY) -> None:
        self.directory = directory
        self._free = free
        self._users: dict[str, int] = {}
        self._makers: dict[str, str] = {}
        self._kept: set[str] = set()
        self._links: dict[str, str] = {}
        """Our name of each segment made in an outpost, by the maker's name."""
        self._originals: dict[str, str] = {}
        """Maker's name of each of these segments, by ours."""
        self._numbers = count(1)

    def adopt(self, batch: Batch, maker: str = "") -> None:
        """Count the segments of a received batch; without *maker* the segments become ours, to be removed.

        Raises ProtocolError for a name that could lead outside the directory.
        """
        for buffer in batch.buffers:
            if buffer.segment:
                name = buffer.segment
                if not _NAME.match(name):
                    raise ProtocolError(f"{name!r} is no name of a segment")
                self._users[name] = self._users.get(name, 0) + 1
                self._makers.setdefault(name, maker)
                weakref.finalize(buffer, self._release, name).atexit = False

    def link(self, batch: Batch, maker: str) -> Batch:
        """Return a batch of a runtime in an outpost with its segments under names of this runner, and count them.

        Raises ProtocolError for a segment that is gone, as its outpost is.
        """
        ours = msgspec.structs.replace(batch, buffers=tuple(self._under_our_name(b) for b in batch.buffers))
        self.adopt(ours, maker)
        return ours

    def _under_our_name(self, buffer: Buffer) -> Buffer:
        theirs = buffer.segment
        if not theirs or theirs in self._users:
            return buffer
        name = self._links.get(theirs, "")
        if not name:
            name = f"{leftovers.maker()}-l{next(self._numbers)}"
            if not _NAME.match(theirs):
                raise ProtocolError(f"{theirs!r} is no name of a segment")
            try:
                os.link(os.path.join(self.directory, theirs), os.path.join(self.directory, name))
            except OSError as error:
                raise ProtocolError(f"the shared memory {theirs!r} cannot be read: {error.strerror}") from None
            self._links[theirs], self._originals[name] = name, theirs
        return Buffer(buffer.size, None, name)

    def keep(self, names: list[str]) -> None:
        """Mark segments still mapped by some process: the segments must never be reused."""
        self._kept.update(n for n in names if n in self._users)

    def hand_over(self, batch: Batch, owner: str) -> Batch:
        """Return the batch under names that *owner* must remove; the segments under these names outlive the runner."""
        if not any(b.segment for b in batch.buffers):
            return batch
        buffers = tuple(self._linked(b, owner) if b.segment else b for b in batch.buffers)
        return msgspec.structs.replace(batch, buffers=buffers)

    def _linked(self, buffer: Buffer, owner: str) -> Buffer:
        name = f"{owner}-{next(self._numbers)}"
        os.link(os.path.join(self.directory, buffer.segment), os.path.join(self.directory, name))
        self._kept.add(buffer.segment)
        return Buffer(buffer.size, None, name)

    def _release(self, name: str) -> None:
        self._users[name] -= 1
        if self._users[name]:
            return
        del self._users[name]
        maker = self._makers.pop(name)
        kept = name in self._kept
        self._kept.discard(name)
        if (theirs := self._originals.pop(name, "")) != "":
            del self._links[theirs]
            remove(self.directory, name)
            name = theirs
        told = bool(maker) and self._free(maker, [] if kept else [name], [name] if kept else [])
        if not told:
            remove(self.directory, name)

    def maker_gone(self, maker: str) -> None:
        """Remove the unused segments of a dead runtime; each segment in use is removed with the last reader."""
        sweep(self.directory, f"{maker}-", self._users.keys())

    def clear(self, prefix: str) -> None:
        """Remove all segments whose names begin with *prefix*, at the end of the process."""
        sweep(self.directory, prefix, ())


def inlined(batch: Batch, directory: str = MEMORY) -> Batch:
    """Return a batch with the bytes of its segments inside. Raises ProtocolError if one cannot be read."""
    try:
        return msgspec.structs.replace(batch, buffers=tuple(_inlined(buffer, directory) for buffer in batch.buffers))
    except OSError as error:
        raise ProtocolError(f"the shared memory of a message cannot be read: {error.strerror}") from None


def _inlined(buffer: Buffer, directory: str) -> Buffer:
    if not buffer.segment:
        return buffer
    with open(os.path.join(directory, buffer.segment), "rb") as file:
        return Buffer(buffer.size, file.read(buffer.size))


def remove(directory: str, name: str) -> None:
    """Remove a segment; no effect if the segment is gone or not ours."""
    remove_file(os.path.join(directory, name))


def sweep(directory: str, prefix: str, spared: Container[str]) -> None:
    """Remove the segments whose names begin with *prefix*, except *spared*."""
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir(directory)
    for name in names:
        if name.startswith(prefix) and name not in spared:
            remove(directory, name)


def sweep_dead(directory: str = MEMORY) -> None:
    """Remove the leftovers of killed processes: segments whose maker's process no longer exists."""
    sweep_memory(directory)
