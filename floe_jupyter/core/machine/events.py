"""Events and commands of the machine: events are facts and requests, commands are orders.

`Machine.handle(event, now)` takes one event and returns commands, to be carried out in the order given. The machine has no
other input or output. A machine is one *instance* of a flow: one `run`, or one flow that was started and stays up (then every
`send` is a run of its own inside the instance).

Words: a *worker* is a module's version in one runtime (number 0 unless ``workers=n``); a *call* is a batch of messages given to
one worker and not yet given back; a *token* is any value the runner wants to find again in the answer.
"""

from __future__ import annotations

import msgspec

from floe_jupyter.core.machine.commands import (
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
from floe_jupyter.core.machine.outcome import (
    Count,
    Failure,
    Left,
    Output,
    State,
    StateChange,
    Status,
    Unprocessed,
)
from floe_jupyter.core.machine.requests import (
    Back,
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Debug,
    Drop,
    Duplicate,
    Edit,
    Inject,
    Pause,
    Retry,
    Rewire,
    Start,
    Step,
    Stop,
    Unbreak,
    Undrop,
    Update,
)
from floe_jupyter.core.machine.snapshots import (
    HeldMessage,
    NodeView,
    Record,
    View,
    WireView,
)

__all__ = [
    "ATTEMPTS",
    "Accepted",
    "Activate",
    "Activated",
    "Back",
    "Blocked",
    "Break",
    "CHUNK",
    "CREDIT",
    "Call",
    "CancelRun",
    "CloseRun",
    "Command",
    "Continue",
    "Count",
    "Debug",
    "Drop",
    "Duplicate",
    "Edit",
    "Ended",
    "Event",
    "Failure",
    "HISTORY_BYTES",
    "HISTORY_RECORDS",
    "HeldMessage",
    "Inject",
    "Kill",
    "Left",
    "Load",
    "LoadFailed",
    "Loaded",
    "More",
    "NodeView",
    "Notice",
    "Output",
    "Pause",
    "Recall",
    "Record",
    "Reply",
    "Result",
    "Retry",
    "Returned",
    "Rewire",
    "Route",
    "Routed",
    "RuntimeLost",
    "Start",
    "State",
    "StateChange",
    "Status",
    "Step",
    "Stop",
    "Tick",
    "Unbreak",
    "Undrop",
    "Unload",
    "Unloaded",
    "Unprocessed",
    "Update",
    "View",
    "WINDOW",
    "Wake",
    "WireView",
]

# --- events: facts -------------------------------------------------------------------------------------------------------


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """Successful load of a version of the node's module in *runtime* (the name of a process). The version is not in use before
    `Activate`, unless it is the first of its worker (`Load.state` was given). ``fusable``: a plain synchronous function, to
    which local routes may lead inside the runtime. ``follows``: local routes may begin at the node (also at a generator).
    """

    node: str
    worker: int
    version: int
    runtime: str
    fusable: bool = False
    follows: bool = False


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """Failed load of a version, or an exception in its ``migrate``; the version in use before goes on."""

    node: str
    worker: int
    version: int
    failure: Failure


class Activated(msgspec.Struct, frozen=True, tag=True):
    """Completed swap: the version is in use from now on, with this state (the result of ``migrate``)."""

    node: str
    worker: int
    version: int
    state: State


class Routed(msgspec.Struct, frozen=True, tag=True):
    """Completed change of local routes: the runtime follows the last `Route` for this node; no output on the former routes
    follows.
    """

    node: str
    worker: int


class Unloaded(msgspec.Struct, frozen=True, tag=True):
    """End of a load or activation cancelled by an `Unload`: answered, or the runtime and all processes started by the runtime
    are gone.
    """

    node: str
    worker: int
    version: int


class Returned(msgspec.Struct, frozen=True, tag=True):
    """One frame of a runtime: an atomic step of a call, which happened completely or not at all.

    The outputs, counts, states and failures belong to the `consumed` messages, and to the first `emitted` outputs of the next
    message when a generator is under way. After `end` the call is over; unconsumed messages go back to the head of their wire
    (after a `Recall`, or after a `failure` stopped the call).
    """

    call: int
    consumed: int = 0
    """Number of further messages of the call acknowledged by this frame."""
    emitted: int = 0
    """Number of outputs of the next message given up to now (generators), in all frames; 0 when none is under way."""
    outputs: tuple[Output, ...] = ()
    counts: tuple[Count, ...] = ()
    states: tuple[StateChange, ...] = ()
    skipped: tuple[Failure, ...] = ()
    """Failures of nodes with the policy ``skip``: consumed, reported, passed over."""
    failure: Failure | None = None
    """Failure that stopped the call. If the failure names the call's own node, the failed message is the first not consumed;
    otherwise the first of the `left` messages of a wire into the named node.
    """
    left: tuple[Left, ...] = ()
    end: bool = False


class RuntimeLost(msgspec.Struct, frozen=True, tag=True):
    """End of a runtime's process, by itself or after a `Kill`. Messages not given back are redelivered once the nodes are
    loaded again.

    Nodes in use in the runtime, or loaded beside, are ordered to load again. An unanswered `Load` is repeated by the runner in
    a new process: the machine cannot know to which process the order went.
    """

    runtime: str
    cause: str


class Blocked(msgspec.Struct, frozen=True, tag=True):
    """Long work of a runtime on one call, while calls of other nodes wait in the same runtime."""

    runtime: str


class Tick(msgspec.Struct, frozen=True, tag=True):
    """Passage of time (up to `now`); the answer to `Wake`."""


Event = (
    Loaded
    | LoadFailed
    | Activated
    | Routed
    | Unloaded
    | Returned
    | RuntimeLost
    | Blocked
    | Tick
    | Start
    | Inject
    | CloseRun
    | CancelRun
    | Stop
    | Update
    | Rewire
    | Debug
    | Break
    | Unbreak
    | Pause
    | Continue
    | Step
    | Back
    | Edit
    | Drop
    | Undrop
    | Duplicate
    | Retry
)
