"""Buffers of messages to and from a runner on another machine: segments become bytes on the way, and segments again there.

A segment's name means nothing on another machine, where another file may even bear it: no name ever travels there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.core.machine.commands import Result
from floe_jupyter.core.machine.events import Inject
from floe_jupyter.core.messages import Batch, Buffer, merge, split
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.runner_messages import MachineRequest, Out
from floe_jupyter.wire.runtime.frames import SEGMENT_FROM

BEYOND = "floe-0-beyond-the-limit-of-one-answer"
"""Name for a segment that was left out."""
LOST = "floe-0-lost"
"""Name for a segment that could not be read: no file has this name, so a reader of the value gets an error, never other bytes."""
ANSWER_BYTES = 128 * 1024 * 1024
"""Maximum bytes of segments inlined in one answer with several messages."""

AT_ONCE = 4 * 1024 * 1024
"""Bytes above which a message with buffers is divided."""
Change = Callable[[Batch], Batch]


def in_batches(message: Any, change: Change) -> Any:
    """Return a message with its batches changed: of an injection, or of results."""
    if type(message) is MachineRequest and isinstance(message.event, Inject) and message.event.batch.buffers:
        event = msgspec.structs.replace(message.event, batch=change(message.event.batch))
        return MachineRequest(message.instance, event)
    if type(message) is Out and any(type(command) is Result and command.batch.buffers for command in message.commands):
        return Out(message.instance, tuple(_of_command(command, change) for command in message.commands))
    return message


def _of_command(command: Any, change: Change) -> Any:
    if type(command) is not Result or not command.batch.buffers:
        return command
    return msgspec.structs.replace(command, batch=change(command.batch))


def divided(message: Any) -> list[Any]:
    """Return messages that say the same with less data in each: those with large buffers would fill the memory of both ends."""
    if type(message) is Out and sum(_weight(command) for command in message.commands) > AT_ONCE:
        commands = [part for command in message.commands for part in _parts_of(command)]
        return [Out(message.instance, (command,)) for command in commands]
    if type(message) is MachineRequest and isinstance(message.event, Inject) and _weight(message.event) > AT_ONCE:
        return [MachineRequest(message.instance, event) for event in _injections(message.event)]
    return [message]


def _weight(command: Any) -> int:
    batch = getattr(command, "batch", None)
    return batch.size if batch is not None and batch.buffers else 0


def _parts_of(command: Any) -> list[Any]:
    if type(command) is not Result or _weight(command) <= AT_ONCE:
        return [command]
    return [Result(command.node, command.port, batch) for batch in _groups(command.batch)]


def _injections(event: Inject) -> list[Inject]:
    """Return the parts of an injection: its answer and the end of its run belong to the last."""
    *first, last = _groups(event.batch)
    closes = event.close and event.batch.runs is not None  # each part then has runs of its own
    return [
        *(msgspec.structs.replace(event, batch=batch, token=None, close=closes) for batch in first),
        msgspec.structs.replace(event, batch=last),
    ]


def _groups(batch: Batch) -> list[Batch]:
    """Return the messages of a batch in batches of about `AT_ONCE` bytes, with one message at least."""
    groups: list[list[Batch]] = []
    left = 0
    for part in split(batch):
        if part.size > left or not groups:
            groups.append([])
            left = AT_ONCE
        groups[-1].append(part)
        left -= part.size
    return [merge(group) for group in groups]


def carried(batch: Batch) -> Batch:
    """Return a batch with the bytes of its segments, which are removed: their owner was the receiver."""
    if not any(buffer.segment for buffer in batch.buffers):
        return batch
    found = msgspec.structs.replace(batch, buffers=tuple(map(_read, batch.buffers)))
    discard(batch)
    return found


def discard(batch: Batch) -> Batch:
    """Remove the segments of a batch that nobody will read; return the batch."""
    for buffer in batch.buffers:
        if buffer.segment and buffer.segment not in (LOST, BEYOND):
            shared_memory.remove(buffer.segment)
    return batch


def settled(batch: Batch, maker: str) -> Batch:
    """Return a batch with its large buffers in segments of this machine, named after *maker*, as far as shared memory goes."""
    if not any(buffer.size > SEGMENT_FROM and buffer.data is not None for buffer in batch.buffers):
        return batch
    return msgspec.structs.replace(batch, buffers=tuple(_settled(buffer, maker) for buffer in batch.buffers))


def _settled(buffer: Buffer, maker: str) -> Buffer:
    if buffer.data is None or buffer.size <= SEGMENT_FROM:
        return buffer
    try:
        return Buffer(buffer.size, None, shared_memory.create(buffer.data, maker))
    except OSError:  # shared memory is full or small, as in most containers: the bytes stay in the message
        return buffer


def shown(value: Any, left: int = ANSWER_BYTES) -> Any:
    """Return an answer with the bytes of its segments, which stay; buffers beyond *left* bytes cannot be read."""
    return _Shower(left).value(value)


class _Shower:
    def __init__(self, left: int) -> None:
        self._left = left

    def value(self, value: Any) -> Any:
        if isinstance(value, Buffer):
            return self._buffer(value)
        if isinstance(value, tuple | list):
            return type(value)(map(self.value, value)) if type(value) in (tuple, list) else value
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, msgspec.Struct):
            return msgspec.structs.replace(value, **{key: self.value(getattr(value, key)) for key in value.__struct_fields__})
        return value

    def _buffer(self, buffer: Buffer) -> Buffer:
        if not buffer.segment:
            return buffer
        if buffer.size > self._left:
            return Buffer(buffer.size, None, BEYOND)
        self._left -= buffer.size
        return _read(buffer)


def _read(buffer: Buffer) -> Buffer:
    if not buffer.segment:
        return buffer
    try:
        return Buffer(buffer.size, bytes(shared_memory.view(buffer.segment, buffer.size)))
    except (OSError, ValueError):
        return Buffer(buffer.size, None, LOST)
