"""Segments of shared memory on their way through: each receiver owns the name it gets."""

from __future__ import annotations

import contextlib
import os
from itertools import count

import msgspec

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ValueRefused

DIRECTORY = "/dev/shm"  # noqa: S108 - the machine's shared memory; names in it carry our process number
_numbers = count(1)


def hand_on(batch: Batch, receivers: int) -> list[Batch]:
    """The batch once for each receiver: the first gets the segments as they are, the others under names of their own."""
    if not any(buffer.segment for buffer in batch.buffers):
        return [batch] * receivers
    return [batch, *(_again(batch) for _ in range(receivers - 1))] if receivers else []


def _again(batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, buffers=tuple(_linked(b) if b.segment else b for b in batch.buffers))


def _linked(buffer: Buffer) -> Buffer:
    name = f"floe-{os.getpid()}-d{next(_numbers)}"
    try:
        os.link(_path(buffer.segment), _path(name))
    except OSError as error:
        raise ValueRefused(f"the shared memory {buffer.segment[:80]!r} of a message cannot be read: {error.strerror}; send it "
                           "again") from error
    return Buffer(buffer.size, None, name)


def remove(batch: Batch) -> None:
    """Nobody will read the segments of this batch any more."""
    for buffer in batch.buffers:
        if buffer.segment.startswith("floe-"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_path(buffer.segment))


def read(buffer: Buffer) -> bytes:
    with open(_path(buffer.segment), "rb") as file:
        return file.read(buffer.size)


def sweep(process: int) -> None:
    """Remove all segments of a process that has ended, or is about to."""
    if not os.path.isdir(DIRECTORY):
        return
    for name in os.listdir(DIRECTORY):
        if name.startswith(f"floe-{process}-"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(DIRECTORY, name))


def _path(name: str) -> str:
    return os.path.join(DIRECTORY, os.path.basename(name))
