"""The frames between a runner and its runtimes, over two named pipes (or a WebSocket, for a browser tab).

A frame is::

    u32 length of the rest | u32 length of the head | head: one JSON object | the parts, one after the other

(little endian). The head names its kind in ``t`` and the length of every part in ``parts``; a batch takes one part for its
payload (a JSON array) and one for each inline buffer, in the order in which the head mentions them. So a runner passes
payloads on without looking into them.

These structs are the one definition: ``runtimes/protocol.schema.json`` is generated from them, and ``runtimes/README.md``
explains them. Rules for changes: new fields go last, are optional, and receivers ignore fields they do not know.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from floe_jupyter.core.events import Failure, State
from floe_jupyter.core.messages import INLINE_LIMIT, Batch, Buffer
from floe_jupyter.core.model import Module
from floe_jupyter.errors import ProtocolError

PROTOCOL = 1
FRAME_LIMIT = 64 * INLINE_LIMIT + (1 << 20)
"""The largest frame, in bytes: a whole chunk of the largest messages."""
HEAD_LIMIT = 8 * 1024 * 1024
SEGMENT_FROM = 64 * 1024
"""Buffers larger than this many bytes go by shared memory between processes of one machine."""
_PREFIX = struct.Struct("<II")
_SMALL = 256 * 1024
"""A frame up to this size is put together from the reads that brought it; larger ones are filled in place."""


class BufferHead(msgspec.Struct, omit_defaults=True):
    """A buffer: inline (its bytes are a part) or in a segment, a file of that name in the machine's shared memory."""

    size: int
    segment: str = ""


class BatchHead(msgspec.Struct, omit_defaults=True):
    """A `Batch` without its bytes; the fields mean the same."""

    n: int
    run: int = 0
    runs: list[int] | None = None
    ids: list[str] | None = None
    tagged: bool = False
    buffers: list[BufferHead] = []
    counts: list[int] | None = None


class Head(msgspec.Struct, tag_field="t", omit_defaults=True, kw_only=True):
    """What all frames have."""

    parts: list[int] = []


# --- runner -> runtime ---------------------------------------------------------------------------------------------------


class LoadFrame(Head, tag="load"):
    """Load a module for a *slot*: one version of one node's lane. Answer: `loaded` or `refused`."""

    slot: int
    node: str
    module: Module
    prefix: str = ""
    """``ctx.run`` is this text followed by the message's run number."""
    state: State | None = None
    """Use it at once with this state; absent: wait for `activate`."""
    on_error: str = "fail"
    commit_each: bool = False
    lane: int = 0


class ActivateFrame(Head, tag="activate"):
    """Use a loaded slot from now on, with `migrate(state)` if the module has one. Answer: `activated` or `refused`."""

    slot: int
    state: State


class UnloadFrame(Head, tag="unload"):
    slot: int


class RouteFrame(Head, tag="route"):
    """Hand outputs on these ports straight to slots of this process: port -> [[wire, slot, input port], ...].
    Replaces the former routes of the slot. Takes effect between two chunks. Answer: `routed`.
    """

    slot: int
    routes: dict[str, list[tuple[str, int, str]]]


class CallFrame(Head, tag="call"):
    """Handle these messages, in order. Answer: one or more `returned`, the last with `end`."""

    call: int
    slot: int
    port: str
    batch: BatchHead
    skip: int = 0
    first: int = 0
    state: State | None = None


class MoreFrame(Head, tag="more"):
    """A call that waits inside a generator may give another window of outputs."""

    call: int


class RecallFrame(Head, tag="recall"):
    """End every call of the slot as soon as its message under way is through; a call not begun ends with consumed 0."""

    slot: int


class FreeFrame(Head, tag="free"):
    """Nobody reads these any more: `segments` may be used again by the runtime that made them."""

    segments: list[str] = []
    remove: list[str] = []
    """Must not be used again (somebody still maps them): unlink them."""


class ExitFrame(Head, tag="exit"):
    """Finish; the same as the end of the pipe."""


# --- runtime -> runner ---------------------------------------------------------------------------------------------------


class HelloFrame(Head, tag="hello"):
    """The first frame of a runtime."""

    protocol: int
    lang: str
    version: str
    """Of the language, for people."""
    pid: int
    fidelity: dict[str, str] = {}
    """How kinds of values arrive: ``equal``, ``refused`` or what they turn into (``runtimes/README.md`` names the kinds)."""


class LoadedFrame(Head, tag="loaded"):
    """The slot is ready; what local routes may do with it."""

    slot: int
    fusable: bool = False
    """Local routes may lead to it."""
    follows: bool = False
    """Local routes may begin at it."""


class RefusedFrame(Head, tag="refused"):
    """A slot that did not load or whose `migrate` raised. It is forgotten."""

    slot: int
    failure: Failure


class ActivatedFrame(Head, tag="activated"):
    slot: int
    state: State


class RoutedFrame(Head, tag="routed"):
    slot: int


class OutputHead(msgspec.Struct, omit_defaults=True):
    slot: int
    port: str
    batch: BatchHead
    index: list[int] | None = None
    parent: list[int] | None = None


class LeftHead(msgspec.Struct, omit_defaults=True):
    wire: str
    batch: BatchHead
    slot: int = 0
    """The slot whose output it was."""


class CountHead(msgspec.Struct, omit_defaults=True):
    wire: str
    n: int
    bytes: int = 0
    slot: int = 0
    """The slot whose output it was (tells the instance)."""


class StateHead(msgspec.Struct, omit_defaults=True):
    slot: int
    set: State = {}
    unset: list[str] = []


class FailureHead(msgspec.Struct, omit_defaults=True):
    slot: int
    failure: Failure


class ReturnedFrame(Head, tag="returned"):
    """See `floe_jupyter.core.events.Returned`; every frame is an atomic step."""

    call: int
    consumed: int = 0
    emitted: int = 0
    outputs: list[OutputHead] = []
    counts: list[CountHead] = []
    states: list[StateHead] = []
    skipped: list[FailureHead] = []
    failure: FailureHead | None = None
    left: list[LeftHead] = []
    end: bool = False
    kept: list[str] = []
    """Segments that the user's code still refers to after its call; they are removed, never used again."""


class LogFrame(Head, tag="log"):
    """What a module printed or logged. The runtime bounds it: `cut` counts the bytes that it left out."""

    slot: int
    text: str
    stream: str = "stdout"
    """``stdout``, ``stderr`` or ``log`` (``ctx.log``)."""
    cut: int = 0


class BadFrame(Head, tag="bad"):
    """The runtime refused a frame; `count` such frames so far."""

    reason: str
    count: int = 1


ToRuntime = (LoadFrame | ActivateFrame | UnloadFrame | RouteFrame | CallFrame | MoreFrame | RecallFrame | FreeFrame | ExitFrame)
FromRuntime = (HelloFrame | LoadedFrame | RefusedFrame | ActivatedFrame | RoutedFrame | ReturnedFrame | LogFrame | BadFrame)


# --- bytes ---------------------------------------------------------------------------------------------------------------


def head_of(batch: Batch) -> BatchHead:
    """The head of a batch; its bytes are `parts_of` it."""
    return BatchHead(batch.n, batch.run, None if batch.runs is None else list(batch.runs),
                     None if batch.ids is None else list(batch.ids), batch.tagged,
                     [BufferHead(b.size, b.segment) for b in batch.buffers],
                     None if batch.counts is None else list(batch.counts))


def parts_of(batch: Batch) -> list[bytes]:
    """Its payload, then its inline buffers."""
    if not batch.buffers:
        return [batch.payload]
    return [batch.payload, *(b.data for b in batch.buffers if b.data is not None)]


def batch_of(head: BatchHead, parts: list[bytes]) -> Batch:
    """The batch of a head; takes its parts off the front of the list. Raises `ProtocolError` when they do not fit."""
    if not parts:
        raise ProtocolError("a batch without its payload part")
    payload = parts.pop(0)
    buffers = tuple(_buffer(b, parts) for b in head.buffers) if head.buffers else ()
    _check(head, payload)
    return Batch(payload, head.n, head.run, None if head.runs is None else tuple(head.runs),
                 None if head.ids is None else tuple(head.ids), head.tagged, buffers,
                 None if head.counts is None else tuple(head.counts))


def _buffer(head: BufferHead, parts: list[bytes]) -> Buffer:
    if head.segment:
        return Buffer(head.size, None, head.segment)
    if not parts or len(parts[0]) != head.size:
        raise ProtocolError(f"a buffer of {head.size} bytes without its part")
    return Buffer(head.size, parts.pop(0))


def _check(head: BatchHead, payload: bytes) -> None:
    if head.n < 1 or payload[:1] != b"[" or payload[-1:] != b"]":
        raise ProtocolError(f"a batch of {head.n} whose payload is no JSON array")
    for name in ("runs", "ids", "counts"):
        given = getattr(head, name)
        if given is not None and len(given) != head.n:
            raise ProtocolError(f"a batch of {head.n} with {len(given)} {name}")
    if sum(head.counts or ()) != len(head.buffers):
        raise ProtocolError("a batch whose counts and buffers differ")


_ENCODE = msgspec.json.Encoder().encode


def pack(head: Head, parts: list[bytes] | None = None) -> bytes:
    """One frame as bytes. Sets ``head.parts``."""
    if parts:
        head.parts = [len(p) for p in parts]
    text = _ENCODE(head)
    rest = 4 + len(text) + sum(head.parts)
    if rest > FRAME_LIMIT:
        raise ProtocolError(f"a frame of {rest} bytes; the limit is {FRAME_LIMIT} bytes")
    return b"".join((_PREFIX.pack(rest, len(text)), text, *(parts or ())))


class Unpacker:
    """Bytes in, frames out: `feed` takes what one read gave and returns the frames that are complete with it.

    One per pipe. A frame whose head does not decode, or whose parts do not fit, only counts in `refused`: its length is
    known, so the next one is found. A length over the limit loses the place: `ProtocolError`, and the pipe must be closed.
    """

    def __init__(self, kinds: Any) -> None:
        self._decode = msgspec.json.Decoder(kinds).decode
        self._pending = b""
        self._large: bytearray | None = None
        self._filled = 0
        self.refused: list[str] = []
        """Why frames were refused; the newest 100."""
        self.refusals = 0

    def feed(self, data: bytes) -> list[tuple[Any, list[bytes]]]:
        """(head, parts) of every complete frame, in order. Takes time in proportion to *data*, however large a frame is."""
        if not self._pending and self._large is None and len(data) >= 8:
            rest, size = _PREFIX.unpack_from(data)
            if rest == len(data) - 4 and size <= rest - 4:  # almost always: one frame, and all of it
                frame = self._frame(data, 8, 8 + size, len(data))
                return [] if frame is None else [frame]
        frames: list[tuple[Any, list[bytes]]] = []
        if self._large is not None:
            data = self._fill(data, frames)
        if self._pending:
            data, self._pending = self._pending + data, b""
        at = 0
        while len(data) - at >= 8:
            rest, head = _PREFIX.unpack_from(data, at)
            if not 4 <= rest <= FRAME_LIMIT:
                raise ProtocolError(f"a frame of {rest} bytes; the limit is {FRAME_LIMIT} bytes")
            if len(data) - at < 4 + rest:
                break
            self._take(data, at, head, at + 4 + rest, frames)
            at += 4 + rest
        self._keep(data[at:] if at else data)
        return frames

    def _keep(self, data: bytes) -> None:
        """Hold the beginning of a frame; that of a large one in a buffer of its full length, so that each byte moves once."""
        if len(data) >= 8:
            size = 4 + int(_PREFIX.unpack_from(data)[0])
            if size > _SMALL:
                self._large, self._filled = bytearray(size), len(data)
                self._large[: len(data)] = data
                return
        self._pending = data

    def _fill(self, data: bytes, frames: list[tuple[Any, list[bytes]]]) -> bytes:
        """Put *data* into the large frame under way; what is left of it."""
        large = self._large
        assert large is not None
        taken = min(len(data), len(large) - self._filled)
        large[self._filled : self._filled + taken] = data[:taken]
        self._filled += taken
        if self._filled == len(large):
            self._large = None
            self._take(memoryview(large), 0, _PREFIX.unpack_from(large)[1], len(large), frames)
        return data[taken:]

    def _take(self, data: bytes | memoryview, at: int, head: int, stop: int, frames: list[tuple[Any, list[bytes]]]) -> None:
        frame = self._frame(data, at + 8, at + 8 + head, stop)
        if frame is not None:
            frames.append(frame)

    def _frame(self, data: bytes | memoryview, start: int, split: int, stop: int) -> tuple[Any, list[bytes]] | None:
        try:
            if not start <= split <= stop or split - start > HEAD_LIMIT:
                raise ProtocolError(f"a head of {split - start} bytes in a frame of {stop - start}")
            head = self._decode(data[start:split])
            return head, _parts(data, split, stop, head.parts)
        except (msgspec.MsgspecError, ProtocolError, UnicodeDecodeError, RecursionError) as error:
            self.refuse(str(error))
            return None

    def refuse(self, reason: str) -> None:
        """Count a frame that cannot be taken."""
        self.refusals += 1
        self.refused = [*self.refused[-99:], reason]


def _parts(data: bytes | memoryview, at: int, stop: int, lengths: list[int]) -> list[bytes]:
    if len(lengths) == 1 and lengths[0] == stop - at:
        return [bytes(data[at:stop])]
    parts = []
    for length in lengths:
        if length < 0 or at + length > stop:
            raise ProtocolError("the parts are longer than the frame")
        parts.append(bytes(data[at : at + length]))
        at += length
    if at != stop:
        raise ProtocolError(f"{stop - at} bytes behind the last part")
    return parts
