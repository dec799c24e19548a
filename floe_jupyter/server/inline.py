"""Answers on their way to a page: a page cannot read shared memory, so the data of segments is included, up to a limit."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.machine.snapshots import HeldMessage, Record
from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.control.replies import ResultBatch

INLINE = 8 * 1024 * 1024
"""Maximum bytes of shared memory in an answer; further buffers come without data, as ``{size}``."""


def inlined(value: Any, left: int = INLINE) -> Any:
    """Return the answer with the data of its buffers, the first buffers first, as long as the data fit into *left* bytes."""
    return _inlined(value, [left])


def _inlined(value: Any, left: list[int]) -> Any:
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (str, int, float)):
        return [_inlined(item, left) for item in value]
    if isinstance(value, ResultBatch) and value.batch.buffers:
        return msgspec.structs.replace(value, batch=_batch(value.batch, left))
    if isinstance(value, HeldMessage):
        return msgspec.structs.replace(value, buffers=tuple(_buffer(buffer, left) for buffer in value.buffers))
    if isinstance(value, Record):
        outputs = tuple((port, _batch(batch, left)) for port, batch in value.outputs)
        return msgspec.structs.replace(value, input=_batch(value.input, left), outputs=outputs)
    return value


def _batch(batch: Batch, left: list[int]) -> Batch:
    if not any(buffer.segment for buffer in batch.buffers):
        return batch
    return msgspec.structs.replace(batch, buffers=tuple(_buffer(buffer, left) for buffer in batch.buffers))


def _buffer(buffer: Buffer, left: list[int]) -> Buffer:
    if not buffer.segment:
        return buffer
    if buffer.size > left[0]:
        return Buffer(buffer.size)
    try:
        data = bytes(shared_memory.view(buffer.segment, buffer.size))
    except (OSError, ValueError):  # the run was forgotten meanwhile
        return Buffer(buffer.size)
    left[0] -= buffer.size
    return Buffer(buffer.size, data)
