"""Segments of shared memory in messages: each receiver owns the name it gets."""

from __future__ import annotations

import os
from itertools import count

import msgspec

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire import leftovers

DIRECTORY = leftovers.MEMORY
_numbers = count(1)


def hand_on(batch: Batch, receivers: int) -> list[Batch]:
    """Return the batch once per receiver: the first gets the segments unchanged, the others get links under new names."""
    if not any(buffer.segment for buffer in batch.buffers):
        return [batch] * receivers
    return [batch, *(_again(batch) for _ in range(receivers - 1))] if receivers else []


def _again(batch: Batch) -> Batch:
    return msgspec.structs.replace(batch, buffers=tuple(_linked(b) if b.segment else b for b in batch.buffers))


def _linked(buffer: Buffer) -> Buffer:
    name = f"{leftovers.maker()}-d{next(_numbers)}"
    try:
        os.link(_path(buffer.segment), _path(name))
    except OSError as error:
        raise ValueRefused(
            f"the shared memory {buffer.segment[:80]!r} of a message cannot be read: {error.strerror}; send it again"
        ) from error
    return Buffer(buffer.size, None, name)


def remove(batch: Batch) -> None:
    """Remove the segments of a batch that will not be read any more."""
    for buffer in batch.buffers:
        if buffer.segment.startswith("floe-"):
            leftovers.remove_file(_path(buffer.segment))


def read(buffer: Buffer) -> bytes:
    """Return the bytes of a buffer's segment."""
    with open(_path(buffer.segment), "rb") as file:
        return file.read(buffer.size)


def sweep(process: int) -> None:
    """Remove all segments of a process that has ended, or is about to."""
    leftovers.sweep_memory(DIRECTORY, process=process)


def _path(name: str) -> str:
    return os.path.join(DIRECTORY, os.path.basename(name))
