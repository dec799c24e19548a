"""Requests of people and hosts to the machine: runs, versions and debugging."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.messages import Batch


class Start(msgspec.Struct, frozen=True, tag=True):
    """Request to load all modules. Messages may be injected before the modules are loaded."""


class Inject(msgspec.Struct, frozen=True, tag=True):
    """New messages in front of a node. `Accepted` answers as soon as the port has room again, so a feeder that waits for the
    answer is held back like any other node; without a token no answer is given. The first `Inject` of a run opens the run.
    """

    node: str
    batch: Batch
    port: str = "in"
    token: Any = None
    close: bool = False
    """Same as a following `CloseRun` for each run of the batch; if the node or port is unknown, the runs fail."""


class CloseRun(msgspec.Struct, frozen=True, tag=True):
    """End of a run's input: no more messages will be injected, and the run ends when none of its messages is in flight."""

    run: int


class CancelRun(msgspec.Struct, frozen=True, tag=True):
    """Request to end a run now: queued messages are dropped, calls are recalled, and killed after 2 s; later results are
    ignored. `Ended` follows when no message of the run is at work. A run without injected messages ends, too.
    """

    run: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Request to cancel all runs and unload all modules."""


class Update(msgspec.Struct, frozen=True, tag=True):
    """New version of a module; every node with this module swaps between two messages, once the version has loaded."""

    module: Module
    token: Any = None


class Rewire(msgspec.Struct, frozen=True, tag=True):
    """New version of the flow: nodes and wires are added and removed; surviving nodes and wires keep queues, state and
    breakpoints.
    """

    flow: Flow
    modules: tuple[Module, ...] = ()
    token: Any = None


class Debug(msgspec.Struct, frozen=True, tag=True):
    """Request to switch recording and single messages on or off (breakpoints, pause and steps switch both on by themselves).
    With `hold_errors` a message whose module fails is held in front of the node instead of failing the run.
    """

    on: bool = True
    hold_errors: bool = False
    token: Any = None


class Break(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Breakpoint on a node's port (empty: every port of that side). A later breakpoint with the same id replaces the earlier."""

    id: str
    node: str
    side: Literal["in", "out"] = "in"
    port: str = ""
    when: str = ""
    """Expression over msg, meta and state; empty: always."""
    hits: int = 0
    """Number of the first hit that holds (0 and 1: the first)."""
    log: str = ""
    """Text to log instead of holding; each ``{expression}`` in the text is replaced."""
    enabled: bool = True
    token: Any = None


class Unbreak(msgspec.Struct, frozen=True, tag=True):
    """Request to remove a breakpoint by its id, or all breakpoints of a node, or all breakpoints (both empty)."""

    id: str = ""
    node: str = ""
    token: Any = None


class Pause(msgspec.Struct, frozen=True, tag=True):
    """Request to hold every message at its current position; answered when no module is at work any more."""

    token: Any = None


class Continue(msgspec.Struct, frozen=True, tag=True):
    """Request to release all messages held by a breakpoint or a pause; a held failed message is tried again.

    Runs with a delayed end are over now. Recording switched on only by a pause or a step goes off again, as soon as no undone
    step is left to redo.
    """

    token: Any = None


class Step(msgspec.Struct, frozen=True, tag=True):
    """Request to consume exactly one message in every node with a deliverable message (all fields empty), or in one node, or
    only the given message, or in the nodes of one run.

    Pauses first if the flow is running. Answered when all these nodes have finished: ``{node: {"inputStates": {port: value},
    "outputStates": {port: [values]}, "errors": [..]}}``.

    While paused a run does not end, so that its last step can be undone: `Ended` follows at `Continue`, or at a step without
    work to do (answered ``{}``). A step over all nodes also releases the messages held by a breakpoint on an output.
    """

    node: str = ""
    message: str = ""
    run: int = 0
    token: Any = None


class Back(msgspec.Struct, frozen=True, tag=True):
    """Request to undo the last step: the outputs leave the wires, the input waits again, the earlier state is restored. A later
    step forward over the same message, module version and state re-uses the recording and calls no user code. Answered like
    `Step`, with the undone steps. Results of the undone step are withdrawn by a `Notice`. Refused when the run is over, when
    the flow has since run without recording, and while a generator is in the middle of its message.
    """

    token: Any = None


class Edit(msgspec.Struct, frozen=True, tag=True):
    """Request to replace the value of a held message."""

    id: str
    text: bytes
    tagged: bool = False
    token: Any = None


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Request to remove a held message."""

    id: str
    token: Any = None


class Undrop(msgspec.Struct, frozen=True, tag=True):
    """Request to put a dropped message (by default the last dropped) in front of a node back at its old position, held as
    before. Messages formerly behind the position which have gone on meanwhile stay ahead.
    """

    id: str = ""
    token: Any = None


class Duplicate(msgspec.Struct, frozen=True, tag=True):
    """Request to put a copy of a held message right behind the original."""

    id: str
    token: Any = None


class Retry(msgspec.Struct, frozen=True, tag=True):
    """Request to try a held (failed) message or a dead letter again, with the attempts reset to zero."""

    id: str
    token: Any = None
