"""The control API: calls of every client (magics, Python, widgets, panel, command line) to the dispatcher.

`CALLS` is the only table: name -> the struct of its arguments, whether the call may wait, and the result. On the wire a request
is MessagePack ``[id, call, args]``, the answer ``[id, value, error]`` with ``error = null`` or ``[kind, message, data]`` (the
kinds of `floe_jupyter.errors`). Unknown calls and unknown arguments are refused with the nearest valid name.

Ids are whole numbers that a client counts up. Without an answer a client sends the same request again; the dispatcher never
runs an id twice: the second request is answered with the kept result, or with the error kind `PENDING` while the call is under
way. A client is known by the first 16 bytes of the identity of its sockets: chosen by the client, and also written, in
hexadecimal and followed by the client's name, as the first line of its connection to the lifeline. A further line ``bye`` says
that the client ends on purpose and will not come back.

`flow` arguments name a flow, or an instance or a run of a flow by the ref; empty means the workspace's flow that was last run
or started. Names belong to a workspace (`floe_jupyter.wire.control.workspaces`), refs do not.
"""

from __future__ import annotations

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Failure, HeldMessage, Record, View
from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.control import key_calls, workspace_calls
from floe_jupyter.wire.control.args import Args, Named, calls_of
from floe_jupyter.wire.control.debug_calls import (
    back,
    breaks,
    clear_break,
    dead,
    drop,
    duplicate,
    edit,
    fork,
    held,
    history,
    inject,
    latest,
    pause,
    resume,
    retry,
    set_break,
    step,
    undrop,
    view,
)
from floe_jupyter.wire.control.replies import PENDING, RETURNS, Defined, ResultBatch, RunInfo
from floe_jupyter.wire.control.system_calls import deps, end_runner, logs, runner_api, runners, runtimes, shutdown, status
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo
from floe_jupyter.wire.process_context import ProcessContext

GRACE = 300.0
"""Seconds for which flows and runs of a client are kept while the client restarts."""


# --- definitions ------------------------------------------------------------------------------------------------------


class hello(Args):  # noqa: N801 - calls carry the names of the wire
    """Greet the dispatcher: the first call of a client. The dispatcher stops all undetached flows and runs without a remaining
    client. Returns {"pid", "version", "started", "workspace": Workspace}, and "note" with a remark about the workspace for the
    user, if any.
    """

    closed_to_pages = "the program between page and dispatcher says hello for all pages, with a key that pages do not know"

    key: str
    client: str = ""
    """Name for people: ``kernel 4711``, ``cli``."""
    session: str = ""
    """Identity of the client across restarts (see `leave`); empty: no flow or run is kept for the client."""
    guards: bool = False
    """True for a front end in view of people. While such a client is connected, flows and runs of another client with a session
    that ends without a word (a kill) are kept for the usual grace, as after `leave`: a viewer can have the client restarted. If
    the last front end also ends without a word, the kept flows and runs are stopped.
    """
    workspace: Workspace | None = None
    """Owner of the names that the client uses: by `id` if known, else by `kind` and `path`. Absent: the only active workspace,
    and from the client's first definition on a program of its own. A client that comes back with the same `session` and another
    notebook reports a renamed notebook; a moved notebook is found by its file.
    """


class prepare(Args):  # noqa: N801
    """Start the runner of the client's workspace, with a runtime in this context, for use by the first run. Returns null."""

    context: ProcessContext


class leave(Args):  # noqa: N801
    """Announce that the client is about to end and come back with the same `session`: its flows and runs are kept for `grace`
    seconds and then belong to the client that came back. Without this call, undetached flows and runs stop when a client is
    gone. Returns null.
    """

    closed_to_pages = "the program between page and dispatcher says how long what pages started is kept"

    grace: float = GRACE


class define(Named):  # noqa: N801
    """Define a module, or the next version if any part of the definition changed; running flows are updated. Waits until all
    have swapped or refused. Returns {"version", "changed", "updated": [instance], "refused": [Failure]}.
    """

    module: Module
    timeout: float = 60.0


class define_flow(Named):  # noqa: N801
    """Define a flow, or the next version. All modules of the flow must be defined.
    Returns {"version", "changed", "updated": [instance]}.
    """

    flow: Flow


class modules(Named):  # noqa: N801
    """List the modules. Returns [Module], newest versions."""

    repeatable = True


class flows(Named):  # noqa: N801
    """List the flows. Returns [Flow], newest versions."""

    repeatable = True


class layout(Named):  # noqa: N801
    """Lay out the newest version of a flow for a page: the page draws the positions, and computes none. Returns PageLayout."""

    repeatable = True

    flow: str
    vertical: bool = False
    """True to draw the flow from top to bottom, for narrow pages."""
    folded: bool = True
    """True to draw each group of neighbouring nodes of a large flow as one box."""
    unfolded: tuple[str, ...] = ()
    """Names of boxes whose nodes are drawn all the same."""


# --- runs -------------------------------------------------------------------------------------------------------------


class open_run(Named):  # noqa: N801
    """Open a run with an instance of its own. Feed the run, then close it. Returns RunInfo."""

    flow: str = ""
    debug: bool = False
    """Record, and hold a failing message instead of failing the run."""
    durable: bool = False
    detach: bool = False
    """Let the run outlive its client."""
    timeout: float = 0.0
    context: ProcessContext | None = None
    """Process context of the modules; null: the context of the workspace's last run."""
    runner: str = ""
    """URL of the runner; empty: the flow's."""


class feed(Args):  # noqa: N801
    """Put messages in front of `node` (empty: every node without incoming wires). Answered when more messages have room, so a
    client that waits for each answer is held back with the flow. Returns null.
    """

    ref: str
    batch: Batch
    node: str = ""
    port: str = "in"


class close_run(Args):  # noqa: N801
    """Close the input of a run: no more messages will be fed. Returns null."""

    ref: str


class wait(Args):  # noqa: N801
    """Wait until the run is over, or only held messages remain (unless `through_holds`), or `timeout` seconds (0: no limit)
    have passed. Returns RunInfo; after the timeout the present state, "active" or still "pending".
    """

    repeatable = True
    waits = True

    ref: str
    timeout: float = 0.0
    through_holds: bool = False


class results(Args):  # noqa: N801
    """Fetch results. Returns [ResultBatch] from the `start`-th batch on, at most `limit` batches; an empty list: no more so
    far. With `messages` the last batch is cut, and the batches hold at most `messages` messages.
    """

    repeatable = True

    ref: str
    start: int = 0
    limit: int = 256
    messages: int = 0


class start(Named):  # noqa: N801
    """Start a flow that stays up; a flow already up is left unchanged. Returns {"instance", "flow", "version"}."""

    flow: str = ""
    debug: bool = False
    detach: bool = False
    context: ProcessContext | None = None
    """As for `open_run`."""
    runner: str = ""


class send(Named):  # noqa: N801
    """Send messages into a flow that is up; each call is a run of its own. Returns RunInfo (with `each` of the last run)."""

    batch: Batch
    flow: str = ""
    node: str = ""
    port: str = "in"
    each: bool = False
    """True to make every message a run of its own."""


class request(Named):  # noqa: N801
    """Send messages as by `send`, and wait for the end of the run: one round trip. Returns [RunInfo, [ResultBatch]]."""

    waits = True

    batch: Batch
    flow: str = ""
    node: str = ""
    port: str = "in"
    timeout: float = 30.0


class stop(Named):  # noqa: N801
    """Stop a flow that is up; runs of the flow are cancelled. Returns {"instance"}."""

    flow: str = ""


class cancel(Args):  # noqa: N801
    """Cancel a run; answered when the run is over. Returns RunInfo."""

    ref: str
    timeout: float = 10.0


class runs(Named):  # noqa: N801
    """List the runs. Returns [RunInfo], newest first."""

    repeatable = True

    flow: str = ""
    status: str = ""
    limit: int = 100


class run_info(Named):  # noqa: N801
    """Describe a run. Returns RunInfo."""

    repeatable = True

    ref: str = ""


class detach(Named):  # noqa: N801
    """Let a run, or a flow that is up, outlive its client (or no longer, with `on` false). Returns null."""

    flow: str = ""
    on: bool = True


CALLS: dict[str, type[Args]] = calls_of(Args)


__all__ = [
    "CALLS",
    "PENDING",
    "RETURNS",
    "Args",
    "Defined",
    "Failure",
    "HeldMessage",
    "Record",
    "ResultBatch",
    "RunInfo",
    "View",
    "Workspace",
    "WorkspaceInfo",
    "back",
    "breaks",
    "clear_break",
    "dead",
    "deps",
    "drop",
    "duplicate",
    "edit",
    "end_runner",
    "fork",
    "held",
    "history",
    "inject",
    "key_calls",
    "latest",
    "logs",
    "pause",
    "resume",
    "retry",
    "runner_api",
    "runners",
    "runtimes",
    "set_break",
    "shutdown",
    "status",
    "step",
    "undrop",
    "view",
    "workspace_calls",
]
