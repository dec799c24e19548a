"""Calls of the control API about debugging; each is the request of the same name of core.machine.requests."""

from __future__ import annotations

from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.control.args import Named


class set_break(Named):  # noqa: N801
    """Set a breakpoint, also before the flow runs: then for every later instance. Returns the breakpoint."""

    node: str
    flow: str = ""
    id: str = ""
    """Id of the breakpoint to change; empty: a new breakpoint."""
    side: str = "in"
    port: str = ""
    when: str = ""
    hits: int = 0
    log: str = ""
    enabled: bool = True


class clear_break(Named):  # noqa: N801
    """Remove the breakpoint with this id, or all of a node, or all of the flow. Returns the number of removed breakpoints."""

    flow: str = ""
    id: str = ""
    node: str = ""


class breaks(Named):  # noqa: N801
    """List the breakpoints. Returns [{"id", "flow", "node", "side", "port", "when", "hits", "log", "enabled", "count"}]."""

    repeatable = True

    flow: str = ""


class pause(Named):  # noqa: N801
    """Hold every message; answered when no module is at work. Returns View."""

    flow: str = ""


class resume(Named):  # noqa: N801
    """Continue. Returns View."""

    flow: str = ""


class step(Named):  # noqa: N801
    """Let every node with a deliverable message handle exactly one; or one node, one message, or the nodes of one run.
    Returns {node: {"inputStates", "outputStates", "errors"}}.
    """

    flow: str = ""
    node: str = ""
    message: str = ""
    run: str = ""


class back(Named):  # noqa: N801
    """Undo the last step. Returns the undone changes, like `step`."""

    flow: str = ""


class held(Named):  # noqa: N801
    """List held messages. Returns [HeldMessage], of each node at most `limit` (0: all); only messages whose ids begin with `id`
    (`id@node` for copies waiting at several nodes). Bytes and arrays are included with `buffers`.
    """

    repeatable = True

    flow: str = ""
    limit: int = 0
    id: str = ""
    buffers: bool = False


class edit(Named):  # noqa: N801
    """Give a held message another value (JSON text). Returns HeldMessage. `id`: a unique beginning is enough, as in the calls
    below.
    """

    id: str
    text: bytes
    tagged: bool = False
    flow: str = ""


class drop(Named):  # noqa: N801
    """Take a held message out. Returns null."""

    id: str
    flow: str = ""


class undrop(Named):  # noqa: N801
    """Put a message dropped in front of a node back into its former position, held as before; *id* is ``ID@NODE``, or "" for
    the message dropped last. Messages from behind that have gone on meanwhile stay ahead. Returns null.
    """

    id: str = ""
    flow: str = ""


class duplicate(Named):  # noqa: N801
    """Put a copy of a held message behind the original. Returns HeldMessage."""

    id: str
    flow: str = ""


class retry(Named):  # noqa: N801
    """Try a failed held message, or a dead letter, again. Returns null."""

    id: str
    flow: str = ""


class inject(Named):  # noqa: N801
    """Put messages in front of a node of the newest instance, within the newest run. Returns null."""

    node: str
    batch: Batch
    port: str = "in"
    flow: str = ""


class fork(Named):  # noqa: N801
    """Start again from a recorded or held message, with another value if `text` is given: a separate run that executes only
    nodes downstream of the message, with the states recorded then. Returns RunInfo.
    """

    id: str
    text: bytes | None = None
    tagged: bool = False
    flow: str = ""
    debug: bool = False
    hold: bool = False
    """Pause the run before the first message is taken: the message is held in front of the first node."""


class history(Named):  # noqa: N801
    """List the records of a node, or of all nodes. Returns [Record], oldest first."""

    repeatable = True

    flow: str = ""
    node: str = ""
    limit: int = 1_000


class dead(Named):  # noqa: N801
    """List the dead letters. Returns [Failure]."""

    repeatable = True

    flow: str = ""


class view(Named):  # noqa: N801
    """Show the current snapshot. Returns View. Instances publish views under the topic ``view/INSTANCE``."""

    repeatable = True

    flow: str = ""


class latest(Named):  # noqa: N801
    """Read the last message of `wire`, or of every wire. Returns {wire: JSON text of the message}. A message of more than about
    1,000 bytes is ``{"$floe": ["short", BEGINNING OF THE TEXT, SIZE IN BYTES]}``, or left out. Bytes, arrays and tables are
    tags without data.
    """

    flow: str = ""
    wire: str = ""
