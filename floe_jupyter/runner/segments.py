"""Shared-memory segments that messages here refer to: who made them, and when nobody needs them any more.

A segment lives in the runner as long as some `Buffer` object names it. Then its maker is told that it may use it again;
where the maker is gone, or is none of our runtimes, the file is removed. Names begin with the maker's: ``floe-<pid>-...``.
"""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Container
from itertools import count

import msgspec

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.launch import MEMORY
from floe_jupyter.wire.leftovers import is_gone

_NAME = re.compile(r"floe-(\d+)-[A-Za-z0-9_-]+\Z")


class Segments:
    """The segments in use. `free` is called with (maker, names to use again, names to remove) when runtimes made them."""

    def __init__(self, free: Callable[[str, list[str], list[str]], bool], directory: str = MEMORY) -> None:
        self.directory = directory
        self._free = free
        self._users: dict[str, int] = {}
        self._makers: dict[str, str] = {}
        self._kept: set[str] = set()
        self._numbers = count(1)

    def adopt(self, batch: Batch, maker: str = "") -> None:
        """Count the segments of a batch that arrived; without *maker* they are ours from now on, to be removed.

        Raises ProtocolError when a name could lead anywhere else.
        """
        for buffer in batch.buffers:
            if buffer.segment:
                name = buffer.segment
                if not _NAME.match(name):
                    raise ProtocolError(f"{name!r} is no name of a segment")
                self._users[name] = self._users.get(name, 0) + 1
                self._makers.setdefault(name, maker)
                weakref.finalize(buffer, self._release, name).atexit = False

    def keep(self, names: list[str]) -> None:
        """Some process still maps these: they must never be used again."""
        self._kept.update(n for n in names if n in self._users)

    def hand_over(self, batch: Batch, owner: str) -> Batch:
        """The batch under names that *owner* must remove; what it refers to outlives everything here."""
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
        told = bool(maker) and self._free(maker, [] if kept else [name], [name] if kept else [])
        if not told:
            remove(self.directory, name)

    def maker_gone(self, maker: str) -> None:
        """Remove what a dead runtime made and nobody here refers to; the rest goes when its last reader does."""
        sweep(self.directory, f"{maker}-", self._users.keys())

    def clear(self, prefix: str) -> None:
        """Remove everything whose name begins so: at the end of the process."""
        sweep(self.directory, prefix, ())


def remove(directory: str, name: str) -> None:
    try:
        os.unlink(os.path.join(directory, name))
    except FileNotFoundError:
        return


def sweep(directory: str, prefix: str, spared: Container[str]) -> None:
    """Remove the segments whose names begin with *prefix*."""
    for name in os.listdir(directory):
        if name.startswith(prefix) and name not in spared:
            remove(directory, name)


def sweep_dead(directory: str = MEMORY) -> None:
    """Remove what processes left behind that were killed: segments whose maker's process is no more."""
    for name in os.listdir(directory):
        match = _NAME.match(name)
        if match and is_gone(match[1]):
            remove(directory, name)
