"""What comes of messages: outputs, failures, changes of state. Shared by events, commands and records."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from floe_jupyter.core.messages import Batch

State = dict[str, Any]
"""A node's ``ctx.state``: a JSON object (plain values; tags as they are)."""
Status = Literal["pending", "active", "held", "done", "failed", "cancelled"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a message could not be handled: the module raised, timed out, crashed or was refused."""

    node: str
    message: str
    """One line: ``ValueError: not a number``."""
    kind: str = "raised"
    """``raised``, ``crashed``, ``timeout``, ``load``, ``value`` (an output that cannot travel), ``overflow``, ``join``,
    ``refused`` (it was sent to a node or port that is not there).
    """
    trace: str = ""
    """The language's own trace, mapped to the notebook's cell and line, without the engine's frames."""
    cell: int = 0
    line: int = 0
    id: str = ""
    """The id of the message, where it has one."""
    run: int = 0
    input: Any = None
    """The value of the message, where it is small; for people to read."""
    state: State | None = None
    """The state the module had when it failed."""
    attempts: int = 1


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a node gave on one port."""

    node: str
    port: str
    batch: Batch
    index: tuple[int, ...] | None = None
    """For each message: the place among the outputs of its parent. None: the only output (0) of each consumed input in turn."""
    parent: tuple[int, ...] | None = None
    """For each message: which message of the call it came from. None: the i-th came from the i-th that this frame consumed."""


class Left(msgspec.Struct, frozen=True, omit_defaults=True):
    """Messages that a runtime took over a local route and hands back, not consumed, to the head of their wire."""

    wire: str
    batch: Batch


class Count(msgspec.Struct, frozen=True, omit_defaults=True):
    """What passed over one local route inside a runtime: messages that the machine never saw."""

    wire: str
    n: int
    bytes: int = 0


class StateChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """The top-level keys of a node's state that changed since it was last reported."""

    node: str
    lane: int = 0
    set: State = {}
    unset: tuple[str, ...] = ()
