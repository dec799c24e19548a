"""Outcomes of messages: outputs, failures, changes of state. Shared by events, commands and records."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.messages import Batch

State = dict[str, Any]
"""State of a node (``ctx.state``): a JSON object (plain values; tags as they are)."""
Status = Literal["pending", "active", "held", "cancelling", "done", "failed", "cancelled"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Reason why a message could not be handled: the module raised, timed out, crashed or was refused."""

    node: str
    message: str
    """Single line: ``ValueError: not a number``."""
    kind: str = "raised"
    """``raised``, ``crashed``, ``timeout``, ``load``, ``value`` (an output that cannot travel), ``overflow``, ``join``,
    ``refused`` (sent to an unknown node or port).
    """
    trace: str = ""
    """Trace in the form of the language, mapped to the notebook's cell and line, without the engine's frames."""
    cell: int = 0
    line: int = 0
    id: str = ""
    """Id of the message, if it has an id."""
    run: int = 0
    input: Any = None
    """Value of the message, if small; for people to read."""
    state: State | None = None
    """State of the module at the failure."""
    attempts: int = 1


UNFINISHED = "unfinished"


class Unprocessed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages of one run that ended at one node without being processed (see `floe_jupyter.core.machine.unprocessed`)."""

    node: str
    name: str
    """``join j``, ``node b``, ``end e``, ``output a.out``, or the wire: ``a.out>b.in``."""
    reason: str
    """``second``, ``late``, ``missing``, ``poisoned``, ``key``, ``removed``, ``cut``, ``hand``; or ``unfinished``, ``behind``."""
    n: int
    text: str = ""
    """Reason for people to read, if known."""

    @property
    def dropped(self) -> bool:
        """True if dropped by a rule of the flow; False if left unfinished by the end of the run."""
        return self.reason not in {UNFINISHED, "behind"}


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages given by a node on one port."""

    node: str
    port: str
    batch: Batch
    index: tuple[int, ...] | None = None
    """Position of each message among the outputs of its parent. None: the only output (0) of each consumed input in turn."""
    parent: tuple[int, ...] | None = None
    """Index of the parent in the call, for each message. None: the i-th message came from the i-th consumed by this frame."""


class Left(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages taken over a local route by a runtime and handed back, not consumed, to the head of their wire."""

    wire: str
    batch: Batch


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages passed over one local route inside a runtime, never seen by the machine."""

    wire: str
    n: int
    bytes: int = 0
    last: str = ""
    """End of the JSON array of these messages; "[" if the last message is too long."""


class StateChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """Top-level keys of a node's state changed since the last report."""

    node: str
    worker: int = 0
    set: State = {}
    unset: tuple[str, ...] = ()
