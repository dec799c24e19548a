"""Translation of frames to events and of commands to frames. Payloads are passed on unchanged and unread."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from floe_jupyter.core.machine.events import (
    Call,
    CloseRun,
    Count,
    Event,
    Failure,
    Inject,
    Left,
    Output,
    Returned,
    StateChange,
)
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.runtimes.cures import with_cure
from floe_jupyter.runner.runtimes.slots import Slot
from floe_jupyter.wire.runtime.frames import (
    FRAME_LIMIT,
    BatchHead,
    CallFrame,
    FailureHead,
    Head,
    OutputHead,
    ReturnedFrame,
)
from floe_jupyter.wire.runtime.packing import batch_of, head_of, parts_of

if TYPE_CHECKING:
    from floe_jupyter.runner.runtimes.slots import Slot

_PREFIX = struct.Struct("<II")
_encode = msgspec.json.Encoder().encode
_PLAIN_CALL = b'{"t":"call","parts":[%d],"call":%d,"slot":%d,"port":%b,"batch":{"n":%d,"run":%d},"first":%d}'
_SMALL = 16 * 1024
"""Maximum bytes of a payload that is copied into one piece with its head."""


def frame_pieces(head: Head, parts: list[bytes] | None = None) -> list[bytes]:
    """Return a frame as pieces to write one after the other, to avoid copying the parts. Sets ``head.parts``.

    Raises ProtocolError for too large a frame.
    """
    if not parts:
        text = _encode(head)
        return [_PREFIX.pack(4 + len(text), len(text)) + text]
    lengths = [len(p) for p in parts]
    head.parts = lengths
    text = _encode(head)
    rest = 4 + len(text) + sum(lengths)
    if rest > FRAME_LIMIT:
        raise ProtocolError(f"a frame of {rest} bytes; the limit is {FRAME_LIMIT} bytes")
    return [_PREFIX.pack(rest, len(text)) + text, *parts]


def call_pieces(command: Call, call: int, slot: int) -> list[bytes]:
    """Return the `call` frame of a command, in pieces."""
    batch = command.batch
    if (
        batch.ids is None
        and batch.runs is None
        and not batch.buffers
        and not batch.tagged
        and not command.skip
        and command.state is None
        and len(batch.payload) <= _SMALL
    ):
        return [_plain_call(batch, command.port, call, slot, command.first)]
    if batch.ids is None and batch.runs is None and not batch.buffers:
        head, parts = BatchHead(batch.n, batch.run, None, None, batch.tagged), [batch.payload]
    else:
        head, parts = head_of(batch), parts_of(batch)
    frame = CallFrame(
        call=call, slot=slot, port=command.port, batch=head, skip=command.skip, first=command.first, state=command.state
    )
    return frame_pieces(frame, parts)


def _plain_call(batch: Batch, port: str, call: int, slot: int, first: int) -> bytes:
    """Return the most common frame, a `CallFrame` without special fields, in a single piece."""
    payload = batch.payload
    text = _PLAIN_CALL % (len(payload), call, slot, _encode(port), batch.n, batch.run, first)
    return _PREFIX.pack(4 + len(text) + len(payload), len(text)) + text + payload


def returned(head: ReturnedFrame, parts: list[bytes], call: int, slots: Mapping[int, Slot]) -> Returned:
    """Return the event of a `returned` frame for the machine's *call*. Raises ProtocolError if the frame contradicts itself."""
    # One field after the other: this is on the way of every frame.
    try:
        outputs = tuple([_output(o, parts, slots) for o in head.outputs]) if head.outputs else ()
        left = tuple([Left(x.wire, _batch(x.batch, parts)) for x in head.left]) if head.left else ()
        event = Returned(
            call,
            head.consumed,
            head.emitted,
            outputs,
            tuple([Count(c.wire, c.n, c.bytes, c.last) for c in head.counts]) if head.counts else (),
            tuple([StateChange(slots[s.slot].node, slots[s.slot].worker, s.set, tuple(s.unset)) for s in head.states])
            if head.states
            else (),
            failures(head.skipped, slots) if head.skipped else (),
            failures((head.failure,), slots)[0] if head.failure is not None else None,
            left,
            head.end,
        )
    except KeyError as error:
        raise ProtocolError(f"a frame about slot {error}, which is not loaded there") from None
    if parts:
        raise ProtocolError(f"{len(parts)} parts that belong to no batch")
    return event


def _output(head: OutputHead, parts: list[bytes], slots: Mapping[int, Slot]) -> Output:
    index, parent, n = head.index, head.parent, head.batch.n
    if (index is not None and len(index) != n) or (parent is not None and len(parent) != n):
        raise ProtocolError(f"an output of {n} messages with {len(index or ())} indices and {len(parent or ())} parents")
    return Output(
        slots[head.slot].node,
        head.port,
        _batch(head.batch, parts),
        None if index is None else tuple(index),
        None if parent is None else tuple(parent),
    )


def _batch(head: BatchHead, parts: list[bytes]) -> Batch:
    if head.runs is None and head.ids is None and head.counts is None and not head.buffers and parts:
        payload = parts.pop(0)
        if head.n > 0 and payload[:1] == b"[" and payload[-1:] == b"]":
            return Batch(payload, head.n, head.run, None, None, head.tagged)
        raise ProtocolError(f"a batch of {head.n} whose payload is no JSON array")
    return batch_of(head, parts)


def failures(heads: Iterable[FailureHead], slots: Mapping[int, Slot]) -> tuple[Failure, ...]:
    """Return the failures under the names of the nodes in the flow. Raises KeyError for a slot not loaded."""
    return tuple([named(h.failure, slots[h.slot]) for h in heads])


def named(failure: Failure, slot: Slot) -> Failure:
    """Return the failure under its node's name, with a cure if known."""
    cured = with_cure(failure, slot.load.module)
    return cured if cured.node == slot.node else msgspec.structs.replace(cured, node=slot.node)


def target_of(wire: str) -> tuple[str, str]:
    """Return the target node and port of a wire: ``a.out>b.in`` is ("b", "in")."""
    node, _, port = wire.rpartition(">")[2].rpartition(".")
    return node, port


def closed_by(event: Event) -> tuple[int, ...]:
    """Return the runs closed by an event."""
    if isinstance(event, CloseRun):
        return (event.run,)
    if isinstance(event, Inject) and event.close:
        return event.batch.runs or (event.batch.run,)
    return ()
