"""Snapshots of an instance for views, tables and debuggers."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.machine.outcome import Failure, State, Status
from floe_jupyter.core.messages import Batch, Buffer


class HeldMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Message waiting in front of a node, or behind a node for a breakpoint on its output."""

    id: str
    node: str
    port: str
    run: int
    value: Any
    reason: str
    """``breakpoint``, ``pause``, ``error``, ``step``."""
    side: str = "in"
    breakpoint: str = ""
    failure: Failure | None = None
    buffers: tuple[Buffer, ...] = ()
    """Buffers referred to by the tags of the value, if requested."""


class NodeView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Snapshot of one node."""

    id: str
    lang: str
    status: str
    """``idle``, ``busy``, ``loading``, ``held``, ``failed``, ``full``, ``refused`` (the newest version did not load)."""
    version: int
    taken: int = 0
    given: int = 0
    failed: int = 0
    depth: int = 0
    """Number of messages waiting in front of the node."""
    held: int = 0
    error: str = ""
    runtime: str = ""
    breaks: tuple[str, ...] = ()
    dropped: int = 0
    """Messages that ended here without being processed: dropped by the node's join, removed, or cut off by an `end`."""
    unfinished: int = 0
    """Messages that were here when their run was cancelled, or failed."""
    runner: str = ""
    """URL of the outpost where the node's runtime is, or URLs with commas; empty for the home runner."""


class WireView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Snapshot of one wire."""

    name: str
    sent: int
    depth: int = 0
    bytes: int = 0
    full: bool = False


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """Snapshot of an instance, for widgets and tables."""

    flow: str
    version: int
    nodes: tuple[NodeView, ...]
    wires: tuple[WireView, ...]
    runs: dict[int, Status]
    """Status of the runs not over, and of the most recent finished runs."""
    held: int = 0
    paused: bool = False
    debug: bool = False
    recorded: int = 0
    dead: int = 0
    results: int = 0


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """Recorded step: the message consumed by a node, and its results."""

    seq: int
    node: str
    lane: int
    run: int
    id: str
    port: str
    version: int
    input: Batch
    """Message as passed to the module (for a join, the assembled message)."""
    outputs: tuple[tuple[str, Batch], ...]
    """(port, message), in the order of output."""
    before: State
    after: State
    failure: Failure | None = None
    group: int = 0
    """Number of the `step()`; records of one step share a number and are undone together."""
