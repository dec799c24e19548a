"""What the machine is told (events: facts and wishes) and what it orders (commands).

`Machine.handle(event, now)` takes one event and yields commands, in the order in which they must be carried out. Nothing
else goes in or out. One machine is one *instance* of a flow: one `run`, or one flow that was started and stays up (then
every `send` is a run of its own inside it).

Words: a *lane* is one worker of a node (0 unless ``workers=n``); a *call* is a batch of messages handed to one lane and not
yet given back; a *token* is whatever the shell wants to find again in the answer.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.commands import (
    ATTEMPTS,
    CHUNK,
    CREDIT,
    HISTORY_BYTES,
    HISTORY_RECORDS,
    WINDOW,
    Accepted,
    Activate,
    Call,
    Command,
    Ended,
    Kill,
    Load,
    More,
    Notice,
    Recall,
    Reply,
    Result,
    Route,
    Unload,
    Wake,
)
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.core.outcome import (
    Count,
    Failure,
    Left,
    Output,
    State,
    StateChange,
    Status,
)
from floe_jupyter.core.snapshots import (
    HeldMessage,
    NodeView,
    Record,
    View,
    WireView,
)

__all__ = [
    "ATTEMPTS", "Accepted", "Activate", "Activated", "Back", "Break", "CHUNK", "CREDIT", "Call", "CancelRun", "CloseRun",
    "Command", "Continue", "Count", "Debug", "Drop", "Duplicate", "Edit", "Ended", "Event", "Failure", "HISTORY_BYTES",
    "HISTORY_RECORDS", "HeldMessage", "Inject", "Kill", "Left", "Load", "LoadFailed", "Loaded", "More", "NodeView", "Notice",
    "Output", "Pause", "Recall", "Record", "Reply", "Result", "Retry", "Returned", "Rewire", "Route", "Routed", "RuntimeLost",
    "Start", "State", "StateChange", "Status", "Step", "Stop", "Tick", "Unbreak", "Unload", "Update", "View", "WINDOW",
    "Wake", "WireView",
]

# --- events: facts -------------------------------------------------------------------------------------------------------


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """A version of the node's module is ready in *runtime* (the name of a process); it is not in use before `Activate`
    unless it is the first of its lane (`Load.state` was given). ``fusable``: a plain synchronous function, to
    which local routes may lead inside the runtime. ``follows``: local routes may begin at it (a generator's may, too).
    """

    node: str
    lane: int
    version: int
    runtime: str
    fusable: bool = False
    follows: bool = False


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """It did not load, or its ``migrate`` raised; what ran before goes on."""

    node: str
    lane: int
    version: int
    failure: Failure


class Activated(msgspec.Struct, frozen=True, tag=True):
    """The version is in use from now on, with this state (what ``migrate`` returned)."""

    node: str
    lane: int
    version: int
    state: State


class Routed(msgspec.Struct, frozen=True, tag=True):
    """The runtime follows the local routes of the last `Route` for this node; no output on the former ones follows."""

    node: str
    lane: int


class Returned(msgspec.Struct, frozen=True, tag=True):
    """One frame of a runtime: an atomic step of a call. Everything in it happened, or nothing.

    The outputs, counts, states and failures are those of the `consumed` messages, and of the first `emitted` outputs of
    the message after them when a generator is under way. After `end` the call is over; what it did not consume goes back
    to the head of its wire (after a `Recall`, or when `failure` stopped it).
    """

    call: int
    consumed: int = 0
    """How many further messages of the call this frame acknowledges."""
    emitted: int = 0
    """How many outputs of the next message were given so far (generators), in all frames; 0 when none is under way."""
    outputs: tuple[Output, ...] = ()
    counts: tuple[Count, ...] = ()
    states: tuple[StateChange, ...] = ()
    skipped: tuple[Failure, ...] = ()
    """Failures of nodes whose policy is ``skip``: consumed, reported, passed over."""
    failure: Failure | None = None
    """Stopped by a failure. If it names the call's own node, the failed message is the first not consumed; else it is the
    first of the `left` messages of a wire into that node.
    """
    left: tuple[Left, ...] = ()
    end: bool = False


class RuntimeLost(msgspec.Struct, frozen=True, tag=True):
    """A runtime's process ended by itself. What it had not given back is redelivered once its nodes are loaded again.

    Nodes that were in use there, or loaded beside, are ordered to load again. A `Load` that had not been answered is the
    shell's to repeat in a new process: the machine cannot know where it went.
    """

    runtime: str
    cause: str


class Tick(msgspec.Struct, frozen=True, tag=True):
    """Time went by (`now` says how far); the answer to `Wake`."""


# --- events: wishes ------------------------------------------------------------------------------------------------------


class Start(msgspec.Struct, frozen=True, tag=True):
    """Load everything. Messages may be injected before it is loaded."""


class Inject(msgspec.Struct, frozen=True, tag=True):
    """New messages in front of a node. `Accepted` answers as soon as the port has room again, so a feeder that waits for it
    is held back like any other node; without a token nobody is told. The first `Inject` of a run opens it.
    """

    node: str
    batch: Batch
    port: str = "in"
    token: Any = None
    close: bool = False
    """As if `CloseRun` followed for each of its runs; when the node or port is unknown they fail."""


class CloseRun(msgspec.Struct, frozen=True, tag=True):
    """Nothing more will be injected into this run: it ends when nothing of it is in flight."""

    run: int


class CancelRun(msgspec.Struct, frozen=True, tag=True):
    """End this run now; its queued messages are dropped, its calls recalled, and after 2 s killed. One that nothing was
    injected into yet ends, too.
    """

    run: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Cancel all runs and unload everything."""


class Update(msgspec.Struct, frozen=True, tag=True):
    """A new version of a module; every node that uses it swaps between two messages, once it has loaded."""

    module: Module
    token: Any = None


class Rewire(msgspec.Struct, frozen=True, tag=True):
    """A new version of the flow: nodes and wires are added and removed; those that stay keep queues, state and breakpoints."""

    flow: Flow
    modules: tuple[Module, ...] = ()
    token: Any = None


class Debug(msgspec.Struct, frozen=True, tag=True):
    """Switch recording and single messages on or off (breakpoints, pause and steps switch it on by themselves).
    With `hold_errors` a message whose module fails is held in front of it instead of failing the run.
    """

    on: bool = True
    hold_errors: bool = False
    token: Any = None


class Break(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """A breakpoint on a node's port (empty: every port of that side). Another one with the same id replaces it."""

    id: str
    node: str
    side: Literal["in", "out"] = "in"
    port: str = ""
    when: str = ""
    """An expression over msg, meta and state; empty: always."""
    hits: int = 0
    """Hold only from the hits-th time on (0 and 1: from the first)."""
    log: str = ""
    """Text to log instead of holding; ``{expression}`` inside it is replaced."""
    enabled: bool = True
    token: Any = None


class Unbreak(msgspec.Struct, frozen=True, tag=True):
    """Remove one breakpoint by its id, or all of a node, or all (both empty)."""

    id: str = ""
    node: str = ""
    token: Any = None


class Pause(msgspec.Struct, frozen=True, tag=True):
    """Hold every message where it is; answered when no module is at work any more."""

    token: Any = None


class Continue(msgspec.Struct, frozen=True, tag=True):
    """Let everything go on that a breakpoint or a pause holds; a failed message that is held is tried again.

    Runs whose end was put off are over now. Recording that only a pause or a step had switched on goes off again, as soon as
    no step that was taken back is left to be done again.
    """

    token: Any = None


class Step(msgspec.Struct, frozen=True, tag=True):
    """Every node that has a deliverable message consumes exactly one (all empty); or one node, one message, one run's nodes.

    Pauses first if the flow is running. Answered when all of them are through:
    ``{node: {"inputStates": {port: value}, "outputStates": {port: [values]}, "errors": [..]}}``.

    While paused a run does not end, so that its last step can be taken back: `Ended` follows at `Continue`, or at a step that
    finds nothing to do (and is answered ``{}``). A step over all nodes also lets go what an output's breakpoint holds.
    """

    node: str = ""
    message: str = ""
    run: int = 0
    token: Any = None


class Back(msgspec.Struct, frozen=True, tag=True):
    """Undo the last step: its outputs leave the wires, its input waits again, the state is the one before. A later step
    forward over the same message, module version and state re-uses what was recorded and calls no user code.
    Answered like `Step`, with what was undone. Results that the step gave are withdrawn by a `Notice`. Refused when the run
    is over, when the flow ran on unrecorded since, and while a generator is in the middle of its message.
    """

    token: Any = None


class Edit(msgspec.Struct, frozen=True, tag=True):
    """Give a held message another value."""

    id: str
    text: bytes
    tagged: bool = False
    token: Any = None


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Take a held message out."""

    id: str
    token: Any = None


class Duplicate(msgspec.Struct, frozen=True, tag=True):
    """Put a copy of a held message behind it."""

    id: str
    token: Any = None


class Retry(msgspec.Struct, frozen=True, tag=True):
    """Try a held (failed) message or a dead letter again, with its attempts at zero."""

    id: str
    token: Any = None


Event = (Loaded | LoadFailed | Activated | Routed | Returned | RuntimeLost | Tick | Start | Inject | CloseRun | CancelRun | Stop
         | Update | Rewire | Debug | Break | Unbreak | Pause | Continue | Step | Back | Edit | Drop | Duplicate | Retry)
