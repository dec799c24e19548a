"""The control API: what every client (magics, Python, widgets, panel, command line) may ask of the dispatcher.

`CALLS` is the one table: name -> the struct of its arguments, whether it may wait, and what it returns. On the wire a
request is MessagePack ``[id, call, args]``, its answer ``[id, value, error]`` with ``error = null`` or
``[kind, message, data]`` (the kinds of `floe_jupyter.errors`). Unknown calls and unknown arguments are refused with the
nearest valid name.

Ids are whole numbers that a client counts up. A client that hears nothing sends the same request again; the dispatcher
never runs an id twice: it answers from what it kept, or with the error kind `PENDING` while the call is under way.
A client is known by the first 16 bytes of the identity of its sockets, which it made up and also wrote, in hexadecimal
and with its name behind it, as the first line of its connection to the lifeline. ``bye`` as another line says that it ends
because it wants to, and will not come back.

`flow` arguments name a flow, or an instance or a run of it by its ref; empty means the flow last run or started.
"""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.events import Failure, HeldMessage, Record, View
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.wire.replies import PENDING, RETURNS, Defined, ResultBatch, RunInfo
from floe_jupyter.wire.topics import TOPICS

GRACE = 300.0
"""Seconds for which what a client started is kept when it is restarted."""


class Args(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Arguments of a call. Its docstring is the documentation of the call; `RETURNS` says what comes back."""


# --- definitions ------------------------------------------------------------------------------------------------------


class hello(Args):  # noqa: N801 - calls carry the names of the wire
    """First call of a client. The dispatcher stops what no client is left for, unless it is detached.
    Returns {"pid", "version", "started"}.
    """

    key: str
    client: str = ""
    """For people: ``kernel 4711``, ``cli``."""
    session: str = ""
    """What a client keeps when it is restarted (see `leave`); empty: nothing is kept for it."""
    guards: bool = False
    """A front end that people look at. While one is there, what another client with a session leaves behind without a word
    (it was killed) is kept for the usual grace, as if it had said `leave`: whoever looks can have it restarted. If the last
    of them, too, ends without a word, that is stopped.
    """


class leave(Args):  # noqa: N801
    """The client is about to end, and to come back with the same `session`: what it started is kept for `grace` seconds
    and is then its own again. Without this call, what is not detached stops when a client is gone. Returns null.
    """

    grace: float = GRACE


class define(Args):  # noqa: N801
    """Define a module, or its next version when anything in it changed; running flows are updated. Waits until they
    have swapped or refused. Returns {"version", "changed", "updated": [instance], "refused": [Failure]}.
    """

    module: Module
    timeout: float = 60.0


class define_flow(Args):  # noqa: N801
    """Define a flow, or its next version. All of its modules must be defined.
    Returns {"version", "changed", "updated": [instance]}.
    """

    flow: Flow


class modules(Args):  # noqa: N801
    """Returns [Module], newest versions."""


class flows(Args):  # noqa: N801
    """Returns [Flow], newest versions."""


# --- runs -------------------------------------------------------------------------------------------------------------


class open_run(Args):  # noqa: N801
    """Open a run with an instance of its own. Feed it, then close it. Returns RunInfo."""

    flow: str = ""
    debug: bool = False
    """Record, and hold a failing message instead of failing the run."""
    durable: bool = False
    detach: bool = False
    """Outlives its client."""
    timeout: float = 0.0


class feed(Args):  # noqa: N801
    """Put messages in front of `node` (empty: every node without incoming wires). Answered when there is room for more,
    so a client that waits for each answer is held back with the flow. Returns null.
    """

    ref: str
    batch: Batch
    node: str = ""
    port: str = "in"


class close_run(Args):  # noqa: N801
    """Nothing more will be fed. Returns null."""

    ref: str


class wait(Args):  # noqa: N801
    """Wait until the run is over, or held with nothing else to do (unless `through_holds`), or `timeout` seconds (0:
    for ever) are over. Returns RunInfo; a wait that ran out returns it as it is, "active" or still "pending".
    """

    ref: str
    timeout: float = 0.0
    through_holds: bool = False


class results(Args):  # noqa: N801
    """Returns [ResultBatch] from the `start`-th batch on, at most `limit` batches; an empty list: no more so far."""

    ref: str
    start: int = 0
    limit: int = 256


class start(Args):  # noqa: N801
    """Start a flow that stays up; if it is up already, nothing happens. Returns {"instance", "flow", "version"}."""

    flow: str = ""
    debug: bool = False
    detach: bool = False


class send(Args):  # noqa: N801
    """Send messages into a flow that is up; each call is a run of its own. Returns RunInfo (with `each` that of the last)."""

    batch: Batch
    flow: str = ""
    node: str = ""
    port: str = "in"
    each: bool = False
    """Every message is a run of its own."""


class request(Args):  # noqa: N801
    """`send`, and wait for the end of its run: one round trip. Returns [RunInfo, [ResultBatch]]."""

    batch: Batch
    flow: str = ""
    node: str = ""
    port: str = "in"
    timeout: float = 30.0


class stop(Args):  # noqa: N801
    """Stop a flow that is up; its runs are cancelled. Returns {"instance"}."""

    flow: str = ""


class cancel(Args):  # noqa: N801
    """Cancel a run; answered when it is over. Returns RunInfo."""

    ref: str
    timeout: float = 10.0


class runs(Args):  # noqa: N801
    """Returns [RunInfo], newest first."""

    flow: str = ""
    status: str = ""
    limit: int = 100


class run_info(Args):  # noqa: N801
    """Returns RunInfo."""

    ref: str = ""


class detach(Args):  # noqa: N801
    """Let a run, or a flow that is up, outlive its client (or no longer, with `on` false). Returns null."""

    flow: str = ""
    on: bool = True


# --- debugging: each is the wish of the same name of `core.events` ----------------------------------------------------


class set_break(Args):  # noqa: N801
    """Set a breakpoint, also before the flow runs: then it holds for every later instance. Returns the breakpoint."""

    node: str
    flow: str = ""
    id: str = ""
    """Empty: a new one."""
    side: str = "in"
    port: str = ""
    when: str = ""
    hits: int = 0
    log: str = ""
    enabled: bool = True


class clear_break(Args):  # noqa: N801
    """Remove by id, or all of a node, or all of the flow. Returns how many."""

    flow: str = ""
    id: str = ""
    node: str = ""


class breaks(Args):  # noqa: N801
    """Returns [{"id", "flow", "node", "side", "port", "when", "hits", "log", "enabled", "count"}]."""

    flow: str = ""


class pause(Args):  # noqa: N801
    """Hold every message; answered when no module is at work. Returns View."""

    flow: str = ""


class resume(Args):  # noqa: N801
    """Continue. Returns View."""

    flow: str = ""


class step(Args):  # noqa: N801
    """Returns {node: {"inputStates", "outputStates", "errors"}}."""

    flow: str = ""
    node: str = ""
    message: str = ""
    run: str = ""


class back(Args):  # noqa: N801
    """Undo the last step. Returns what was undone, like `step`."""

    flow: str = ""


class held(Args):  # noqa: N801
    """Returns [HeldMessage], of each node at most `limit` (0: all); only those whose ids begin with `id` (`id@node` for copies
    that wait at several nodes). Bytes and arrays come along with `buffers`.
    """

    flow: str = ""
    limit: int = 0
    id: str = ""
    buffers: bool = False


class edit(Args):  # noqa: N801
    """Give a held message another value (JSON text). Returns HeldMessage. `id`: a unique beginning will do, here and
    below.
    """

    id: str
    text: bytes
    tagged: bool = False
    flow: str = ""


class drop(Args):  # noqa: N801
    """Take a held message out. Returns null."""

    id: str
    flow: str = ""


class duplicate(Args):  # noqa: N801
    """Put a copy of a held message behind it. Returns HeldMessage."""

    id: str
    flow: str = ""


class retry(Args):  # noqa: N801
    """Try a held message that failed, or a dead letter, again. Returns null."""

    id: str
    flow: str = ""


class inject(Args):  # noqa: N801
    """Put messages in front of a node of the newest instance, within its newest run. Returns null."""

    node: str
    batch: Batch
    port: str = "in"
    flow: str = ""


class fork(Args):  # noqa: N801
    """Start again from a recorded or held message, with another value if `text` is given: a run of its own that
    executes only what is downstream of it, with the states recorded then. Returns RunInfo.
    """

    id: str
    text: bytes | None = None
    tagged: bool = False
    flow: str = ""
    debug: bool = False


class history(Args):  # noqa: N801
    """Returns [Record], oldest first, those of a node or of all."""

    flow: str = ""
    node: str = ""
    limit: int = 1_000


class dead(Args):  # noqa: N801
    """Returns [Failure]: the dead letters."""

    flow: str = ""


class view(Args):  # noqa: N801
    """Returns View, the current snapshot. Instances publish theirs under the topic ``view/INSTANCE``."""

    flow: str = ""


# --- everything else --------------------------------------------------------------------------------------------------


class logs(Args):  # noqa: N801
    """Returns [{"node", "stream", "text", "time"}], the newest kept lines."""

    flow: str = ""
    node: str = ""
    limit: int = 200


class runners(Args):  # noqa: N801
    """Returns [{"url", "pid", "status", "runtimes": n}]."""


class runtimes(Args):  # noqa: N801
    """Returns [{"id", "runner", "lang", "environment", "pid", "status", "nodes", "restarts"}]."""


class status(Args):  # noqa: N801
    """Returns {"pid", "clients", "instances", "runs", "runners", "refused_frames", "directory"}."""


class deps(Args):  # noqa: N801
    """Returns, of ``list``: [{"module", "lang", "deps", "environment", "locked": [..]}]; ``add`` / ``remove``: changes a module's
    dependencies (a new version of it); ``lock``: the lock texts.
    """

    action: str = "list"
    module: str = ""
    specs: tuple[str, ...] = ()
    timeout: float = 300.0


class runner_api(Args):  # noqa: N801
    """A call of the Runner API under its own name: ``singleStepFlow`` with its arguments. Returns what it says."""

    call: str
    url: str = "local:"
    args: dict[str, Any] = {}


class shutdown(Args):  # noqa: N801
    """Stop everything, also what is detached; answered when nothing of it is left but the dispatcher. Returns null."""


CALLS: dict[str, type[Args]] = {cls.__name__: cls for cls in Args.__subclasses__()}


__all__ = ["CALLS", "PENDING", "RETURNS", "TOPICS", "Args", "Defined", "Failure", "HeldMessage", "Record",
           "ResultBatch", "RunInfo", "View"]
