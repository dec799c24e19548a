"""Commands of the machine. See `floe_jupyter.core.machine.events` for the words."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.outcome import Failure, State, Status, Unprocessed
from floe_jupyter.core.messages import Batch


class Load(msgspec.Struct, frozen=True, tag=True):
    """Order to load a version of a node's module. With `state` the version is in use at once (first load, or after a crash);
    without, the version waits beside the old one for `Activate`.
    """

    node: str
    worker: int
    module: Module
    state: State | None = None
    on_error: str = "fail"
    """Failure policy of the node; a runtime passes over failures of ``skip`` by itself."""
    commit_each: bool = False
    """True to report and remember the state after every message, so that a failed attempt starts from the state before the
    message.
    """
    elsewhere: bool = False
    """True to load in another process than the present version, whose process is kept busy by another node. If the load fails,
    the present version stays in use, and `Loaded` reports the old process: the module may need a resource that exists only
    once.
    """
    runner: str = ""
    """URL of the outpost whose runtime is to load the version; empty for a runtime of the home runner, where the machine is."""


class Activate(msgspec.Struct, frozen=True, tag=True):
    """Order to swap versions: `migrate(state)` if the new version has one, then use of the new version. No call of the worker
    is in flight.
    """

    node: str
    worker: int
    version: int
    state: State


class Unload(msgspec.Struct, frozen=True, tag=True):
    """Order to forget a version (0: all) of a node's worker."""

    node: str
    worker: int
    version: int = 0


class Route(msgspec.Struct, frozen=True, tag=True):
    """Order to follow these local routes for the outputs of a node; answered by `Routed`. Outputs on all other ports are
    returned. ``routes``: port -> names of wires; all ends are loaded in the same runtime.
    """

    node: str
    worker: int
    routes: dict[str, tuple[str, ...]]


class Call(msgspec.Struct, frozen=True, tag=True):
    """Order to call a worker with messages."""

    call: int
    node: str
    worker: int
    port: str
    batch: Batch
    skip: int = 0
    """Number of outputs of the first message to drop, since they were accepted before a crash."""
    first: int = 0
    """Number of messages in earlier calls of this node: with the node's name, the idempotency key for messages without ids."""
    state: State | None = None
    """State to use from now on (after a step back or a failed attempt)."""


class More(msgspec.Struct, frozen=True, tag=True):
    """Order to let a generator under way continue for another window of outputs (`WINDOW`)."""

    call: int


class Recall(msgspec.Struct, frozen=True, tag=True):
    """Order to give back every call of a worker as soon as the message under way is finished (``Returned(end=True)`` each)."""

    node: str
    worker: int


class Kill(msgspec.Struct, frozen=True, tag=True):
    """Order to end the runtime's process; `RuntimeLost` follows."""

    runtime: str
    cause: str


class Result(msgspec.Struct, frozen=True, tag=True):
    """Messages that left the flow by an unconnected output."""

    node: str
    port: str
    batch: Batch


class Ended(msgspec.Struct, frozen=True, tag=True):
    """End of a run; reported once."""

    run: int
    status: Status
    failures: tuple[Failure, ...] = ()
    unprocessed: tuple[Unprocessed, ...] = ()
    """Messages of the run that were dropped or left unfinished, by name and reason."""
    fed: int = 0
    """Number of messages fed to the run, counted per node fed, if the run ended early: messages on their way to the run are
    left unfinished, too.
    """


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """Acknowledgement of an injection: the port has room for more (or the run has ended, and the injection was dropped)."""

    token: Any


class Reply(msgspec.Struct, frozen=True, tag=True):
    """Answer to a request: a JSON-able value, or an error (kind of `floe_jupyter.errors`, message)."""

    token: Any
    value: Any = None
    error: tuple[str, str] | None = None


class Notice(msgspec.Struct, frozen=True, tag=True):
    """Notice for people. Kinds: ``log`` (of a breakpoint), ``held``, ``failure`` (``skipped`` if the run goes on without the
    message and no other notice reports the failure), ``retry``, ``dead``, ``loaded``, ``refused`` (a version did not load),
    ``lost`` (a runtime), ``idle`` (held, without other work; ``refused`` gives the reasons of nodes that do not load),
    ``resumed``, ``withdrawn`` (a step back withdraws the results with these ``ids``: the results come again if the step is done
    again), ``dropped`` (a new version of the flow has no wire or output ``place``, where ``messages`` of the run waited; or, at
    the end of a run, messages dropped by a join or an `end`, with ``name``, ``reason`` and ``text``), ``edited`` (the held
    message with this ``id``).
    """

    kind: str
    node: str = ""
    run: int = 0
    data: dict[str, Any] = {}


def notice_of(kind: str, failure: Failure, **more: Any) -> Notice:
    """Make a notice about a failure."""
    return Notice(kind, failure.node, failure.run, {"failure": msgspec.to_builtins(failure), **more})


class Wake(msgspec.Struct, frozen=True, tag=True):
    """Order to send a `Tick` when `now` has reached ``at`` (seconds on the runner's monotonic clock). A later `Wake` replaces
    an earlier.
    """

    at: float


Command = Load | Activate | Unload | Route | Call | More | Recall | Kill | Result | Ended | Accepted | Reply | Notice | Wake

CHUNK = 256
"""Maximum number of messages of one call, and of one frame of a runtime."""
WINDOW = 512
"""Maximum number of outputs of a generator before it waits for `More`."""
CREDIT = 8
"""Maximum number of calls of one worker in flight without debugging; 1 with debugging."""
ATTEMPTS = 3
"""Number of crashes, while a message is executed alone, after which the message is a dead letter."""
HISTORY_RECORDS = 10_000
HISTORY_BYTES = 64 * 1024 * 1024
"""Maximum bytes of the recorded history, also bounded by `HISTORY_RECORDS`; the oldest records go first."""
