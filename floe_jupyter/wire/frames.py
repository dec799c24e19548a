"""The frames between a runner and its runtimes, over two named pipes (or a WebSocket, for a browser tab).

A frame is::

    u32 length of the rest | u32 length of the head | head: one JSON object | the parts, one after the other

(little endian). The head names its kind in ``t`` and the length of every part in ``parts``; a batch takes one part for its
payload (a JSON array) and one for each inline buffer, in the order in which the head mentions them. So a runner passes
payloads on without looking into them.

`packing` turns them into bytes and back. These structs are the one definition: ``runtimes/protocol.schema.json`` is generated
from them, and ``runtimes/README.md`` explains them. Rules for changes: new fields go last, are optional, and receivers ignore
fields they do not know.
"""

from __future__ import annotations

import msgspec

from floe_jupyter.core.events import Failure, State
from floe_jupyter.core.messages import INLINE_LIMIT
from floe_jupyter.core.model import Module

PROTOCOL = 1
FRAME_LIMIT = 64 * INLINE_LIMIT + (1 << 20)
"""The largest frame, in bytes: a whole chunk of the largest messages."""
HEAD_LIMIT = 8 * 1024 * 1024
SEGMENT_FROM = 64 * 1024
"""Buffers larger than this many bytes go by shared memory between processes of one machine."""


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
    """What a module printed or logged. The runtime bounds it: `cut` counts the bytes that it left out before it."""

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
