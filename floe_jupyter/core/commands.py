"""What the machine orders. See `floe_jupyter.core.events` for the words."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Module
from floe_jupyter.core.outcome import Failure, State, Status


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load a version of a node's module. With `state` it is in use at once (first load, or after a crash); without, it
    waits beside the old one for `Activate`.
    """

    node: str
    lane: int
    module: Module
    state: State | None = None
    on_error: str = "fail"
    """The node's policy; a runtime passes over failures of ``skip`` by itself."""
    commit_each: bool = False
    """Report and remember the state after every message, so that a failed attempt starts from the state before it."""


class Activate(msgspec.Struct, frozen=True, tag=True):
    """Swap: `migrate(state)` if the new version has one, then use it. No call of the lane is in flight."""

    node: str
    lane: int
    version: int
    state: State


class Unload(msgspec.Struct, frozen=True, tag=True):
    """Forget a version (0: all) of a node's lane."""

    node: str
    lane: int
    version: int = 0


class Route(msgspec.Struct, frozen=True, tag=True):
    """Follow these local routes for the outputs of a node; answered by `Routed`. Outputs on other ports, and on ports not
    named, are returned. ``routes``: port -> names of wires; all ends are loaded in the same runtime.
    """

    node: str
    lane: int
    routes: dict[str, tuple[str, ...]]


class Call(msgspec.Struct, frozen=True, tag=True):
    """Hand messages to a lane."""

    call: int
    node: str
    lane: int
    port: str
    batch: Batch
    skip: int = 0
    """Drop so many outputs of the first message: they were accepted before a crash."""
    first: int = 0
    """How many messages were called on this node before: with the node's name, the idempotency key where there are no ids."""
    state: State | None = None
    """Use this state from now on (after a step back or a failed attempt)."""


class More(msgspec.Struct, frozen=True, tag=True):
    """A generator under way may go on for another window of outputs (`WINDOW`)."""

    call: int


class Recall(msgspec.Struct, frozen=True, tag=True):
    """Give every call of this lane back as soon as the message under way is through (``Returned(end=True)`` each)."""

    node: str
    lane: int


class Kill(msgspec.Struct, frozen=True, tag=True):
    """End the runtime's process; `RuntimeLost` follows."""

    runtime: str
    cause: str


class Result(msgspec.Struct, frozen=True, tag=True):
    """Messages that left the flow by an unconnected output."""

    node: str
    port: str
    batch: Batch


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A run is over; said once."""

    run: int
    status: Status
    failures: tuple[Failure, ...] = ()


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """The injection was taken and there is room for more (or its run has ended, and it was dropped)."""

    token: Any


class Reply(msgspec.Struct, frozen=True, tag=True):
    """The answer to a wish: a JSON-able value, or an error (kind of `floe_jupyter.errors`, message)."""

    token: Any
    value: Any = None
    error: tuple[str, str] | None = None


class Notice(msgspec.Struct, frozen=True, tag=True):
    """Something for people to see: ``log`` (of a breakpoint), ``held``, ``failure`` (``skipped`` where its run goes on without
    the message, and nothing else tells of it), ``retry``, ``dead``, ``loaded``, ``refused`` (a version that did not load),
    ``lost`` (a runtime), ``idle`` (held, with nothing else to do; ``refused`` says of nodes that do not load why), ``resumed``,
    ``withdrawn`` (a step back takes results with these ``ids`` back: they are given again if the step is done again),
    ``dropped`` (a new version of the flow has no such ``place``, where so many ``messages`` of the run waited), ``edited`` (the
    held message with this ``id``).
    """

    kind: str
    node: str = ""
    run: int = 0
    data: dict[str, Any] = {}


class Wake(msgspec.Struct, frozen=True, tag=True):
    """Send a `Tick` when `now` has reached this (seconds on the shell's monotonic clock). A later one replaces it."""

    at: float


Command = (Load | Activate | Unload | Route | Call | More | Recall | Kill | Result | Ended | Accepted | Reply | Notice | Wake)

CHUNK = 256
"""The most messages of one call, and of one frame of a runtime."""
WINDOW = 512
"""So many outputs may a generator give before it waits for `More`."""
CREDIT = 8
"""So many calls of one lane may be in flight while nothing is being debugged; one when something is."""
ATTEMPTS = 3
"""A message during whose execution, alone, its runtime died this many times is a dead letter."""
HISTORY_RECORDS = 10_000
HISTORY_BYTES = 64 * 1024 * 1024
"""The recorded history is bounded by both; the oldest go first."""
