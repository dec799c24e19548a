"""What a view, a table or a debugger sees of an instance."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.core.outcome import Failure, State, Status


class HeldMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that waits in front of a node, or behind it for a breakpoint on its output."""

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
    """What the tags of its value refer to, if that was asked for."""


class NodeView(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    lang: str
    status: str
    """``idle``, ``busy``, ``loading``, ``held``, ``failed``, ``full``, ``refused`` (its newest version did not load)."""
    version: int
    taken: int = 0
    given: int = 0
    failed: int = 0
    depth: int = 0
    """Messages waiting in front of it."""
    held: int = 0
    error: str = ""
    runtime: str = ""
    breaks: tuple[str, ...] = ()


class WireView(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    sent: int
    depth: int = 0
    bytes: int = 0
    full: bool = False


class View(msgspec.Struct, frozen=True, omit_defaults=True):
    """A snapshot of an instance, for widgets and tables."""

    flow: str
    version: int
    nodes: tuple[NodeView, ...]
    wires: tuple[WireView, ...]
    runs: dict[int, Status]
    """Those not over, and the most recent that are."""
    held: int = 0
    paused: bool = False
    debug: bool = False
    recorded: int = 0
    dead: int = 0
    results: int = 0


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recorded step: what a node consumed and what it made of it."""

    seq: int
    node: str
    lane: int
    run: int
    id: str
    port: str
    version: int
    input: Batch
    """The message as the module got it (a join's is the assembled one)."""
    outputs: tuple[tuple[str, Batch], ...]
    """(port, message), in the order in which they were given."""
    before: State
    after: State
    failure: Failure | None = None
    group: int = 0
    """Records of one `step()` share a group and are undone together."""
