"""The frames between a runner and its runtimes, over two named pipes (or a WebSocket, for a browser tab).

A frame is::

    u32 length of the rest | u32 length of the head | head: a JSON object | the parts in order

(little endian). The head names the kind in ``t`` and the length of every part in ``parts``; a batch takes a part for the
payload (a JSON array) and a part for each inline buffer, in the order in which the head mentions the buffers. A runner can
therefore pass payloads on unread.

`packing` converts frames to bytes and back. The structs below are the only definition: ``runtimes/protocol.schema.json`` is
generated from the structs, and ``runtimes/README.md`` explains the frames. Rules for changes: new fields go last, are optional,
and receivers ignore unknown fields.
"""

from __future__ import annotations

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.events import Failure, State
from floe_jupyter.core.messages import INLINE_LIMIT

PROTOCOL = 1
FRAME_LIMIT = 64 * INLINE_LIMIT + (1 << 20)
"""Maximum bytes of a frame: a whole chunk of the largest messages."""
HEAD_LIMIT = 8 * 1024 * 1024
SEGMENT_FROM = 64 * 1024
"""Bytes from which on larger buffers go by shared memory between processes of one machine."""


class BufferHead(msgspec.Struct, omit_defaults=True):
    """Buffer, either inline (the bytes are a part) or in a segment, a file of the same name in the machine's shared memory."""

    size: int
    segment: str = ""


class BatchHead(msgspec.Struct, omit_defaults=True):
    """`Batch` without the bytes; the fields mean the same."""

    n: int
    run: int = 0
    runs: list[int] | None = None
    ids: list[str] | None = None
    tagged: bool = False
    buffers: list[BufferHead] = []
    counts: list[int] | None = None


class Head(msgspec.Struct, tag_field="t", omit_defaults=True, kw_only=True):
    """Base of the heads of all frames."""

    parts: list[int] = []


# --- runner -> runtime ---------------------------------------------------------------------------------------------------


class LoadFrame(Head, tag="load"):
    """Order to load a module for a *slot*: a version of a worker (`lane`) of a node. Answer: `loaded` or `refused`."""

    slot: int
    node: str
    module: Module
    prefix: str = ""
    """Text before the message's run number in ``ctx.run``."""
    state: State | None = None
    """State with which the slot is in use at once; absent: wait for `activate`."""
    on_error: str = "fail"
    commit_each: bool = False
    lane: int = 0


class ActivateFrame(Head, tag="activate"):
    """Order to use a loaded slot from now on, with `migrate(state)` if the module has one. Answer: `activated` or `refused`."""

    slot: int
    state: State


class UnloadFrame(Head, tag="unload"):
    """Order to forget a slot."""

    slot: int


class RouteFrame(Head, tag="route"):
    """Order to hand outputs on the given ports straight to slots of the same process: port -> [[wire, slot, input port], ...].
    Replaces the former routes of the slot. Takes effect between two chunks. Answer: `routed`.
    """

    slot: int
    routes: dict[str, list[tuple[str, int, str]]]


class CallFrame(Head, tag="call"):
    """Order to handle the messages of a batch in order. Answer: `returned`, once or more often, the last with `end`."""

    call: int
    slot: int
    port: str
    batch: BatchHead
    skip: int = 0
    first: int = 0
    state: State | None = None


class MoreFrame(Head, tag="more"):
    """Permission for a call waiting inside a generator to give another window of outputs."""

    call: int


class RecallFrame(Head, tag="recall"):
    """Order to end every call of the slot as soon as the current message is handled; a call not begun ends with consumed 0."""

    slot: int


class FreeFrame(Head, tag="free"):
    """Notice of segments without readers: their maker, the receiving runtime, may use `segments` again."""

    segments: list[str] = []
    remove: list[str] = []
    """Segments to unlink and not to use again, because still mapped by a process."""


class ExitFrame(Head, tag="exit"):
    """Order to finish; the same as the end of the pipe."""


# --- runtime -> runner ---------------------------------------------------------------------------------------------------


class HelloFrame(Head, tag="hello"):
    """First frame of a runtime."""

    protocol: int
    lang: str
    version: str
    """Version of the language, for people."""
    pid: int
    fidelity: dict[str, str] = {}
    """Fate of each kind of value: ``equal``, ``refused`` or the kind that arrives (``runtimes/README.md`` names the kinds)."""


class LoadedFrame(Head, tag="loaded"):
    """Notice of a loaded slot, with the local routes possible for the slot."""

    slot: int
    fusable: bool = False
    """True if local routes may lead to the slot."""
    follows: bool = False
    """True if local routes may begin at the slot."""


class RefusedFrame(Head, tag="refused"):
    """Notice of a slot not loaded, or whose `migrate` raised. The slot is forgotten."""

    slot: int
    failure: Failure


class ActivatedFrame(Head, tag="activated"):
    """Notice of a slot in use, with the present state."""

    slot: int
    state: State


class RoutedFrame(Head, tag="routed"):
    """Notice of the routes of a slot being in effect."""

    slot: int


class OutputHead(msgspec.Struct, omit_defaults=True):
    """Outputs of a slot on one port."""

    slot: int
    port: str
    batch: BatchHead
    index: list[int] | None = None
    parent: list[int] | None = None


class LeftHead(msgspec.Struct, omit_defaults=True):
    """Messages taken over a local route and handed back, not consumed, to the head of their wire."""

    wire: str
    batch: BatchHead
    slot: int = 0
    """Source slot of the messages."""


class CountHead(msgspec.Struct, omit_defaults=True):
    """Number and bytes of the messages passed over a local route."""

    wire: str
    n: int
    bytes: int = 0
    slot: int = 0
    """Source slot of the messages (identifies the instance)."""
    last: str = ""
    """Last 1,000 bytes, or fewer, of the JSON array of the messages, for viewers of the wire; if the last message alone is
    longer, the beginning of the text, a line break and the size. Optional for a runtime.
    """


class StateHead(msgspec.Struct, omit_defaults=True):
    """Change of a slot's state: keys set and keys removed."""

    slot: int
    set: State = {}
    unset: list[str] = []


class FailureHead(msgspec.Struct, omit_defaults=True):
    """Failure of a message in a slot."""

    slot: int
    failure: Failure


class ReturnedFrame(Head, tag="returned"):
    """See `floe_jupyter.core.machine.events.Returned`; every frame is an atomic step."""

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
    """Segments still referenced by the user's code after the call; removed, never used again."""


class LogFrame(Head, tag="log"):
    """Text printed or logged by a module. The runtime bounds the text: `cut` counts the bytes left out in front."""

    slot: int
    text: str
    stream: str = "stdout"
    """``stdout``, ``stderr`` or ``log`` (``ctx.log``)."""
    cut: int = 0


class BadFrame(Head, tag="bad"):
    """Notice of a frame refused by the runtime; `count` frames were refused by then."""

    reason: str
    count: int = 1


ToRuntime = LoadFrame | ActivateFrame | UnloadFrame | RouteFrame | CallFrame | MoreFrame | RecallFrame | FreeFrame | ExitFrame
FromRuntime = HelloFrame | LoadedFrame | RefusedFrame | ActivatedFrame | RoutedFrame | ReturnedFrame | LogFrame | BadFrame
