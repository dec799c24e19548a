"""The words of a flow as frozen values: module, flow, node, wire and their options.

A `Flow` is what the notation (`floe_jupyter.core.notation`) yields and what every process passes on. `check`
(`floe_jupyter.core.check`) says what is wrong with one. Nothing here refers to a running flow.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

NODE_ID = re.compile(r"[a-z_][a-z0-9_-]*\Z")
"""What a node, a module, a port or a flow may be called."""

LANGUAGES = ("python", "js", "go", "rust", "lisp", "r", "shell")

WIRE_MESSAGES = 1_000
"""A wire holds at most this many messages ..."""
WIRE_BYTES = 64 * 1024 * 1024
"""... or this many bytes, then the node before it stops."""
CYCLE_FACTOR = 10
"""A wire inside a cycle may hold this many times as much before the run fails; blocking it could never end."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a source text stands in the notebook, so that an error can point at it."""

    cell: int = 0
    """The execution count of the cell, ``In [cell]``; 0 when there is none."""
    line: int = 0
    """How many lines of the cell stand before the first line of the source (1 for a cell magic)."""
    file: str = ""
    """A file's name when the source came from a file, else the name IPython gave the cell."""


class Module(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user's function in one language. The same name with another source is a new version."""

    name: str
    source: str
    lang: str = "python"
    version: int = 1
    deps: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    state: str = "{}"
    """The first state, as the JSON text of an object."""
    place: Place = Place()


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """``retry(n, backoff=1s, jitter=0.1)``: *times* further attempts, the k-th after ``backoff * 2**(k-1)`` seconds."""

    times: int
    backoff: float = 0.0
    jitter: float = 0.0
    """A part of the back-off, 0 to 1; derived from the message's id, so that a replay waits as long."""


Join = Literal["each", "all", "any"]
NodeKind = Literal["module", "trigger", "task", "pub"]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One use of a module (or a built-in) in a flow."""

    id: str
    module: str
    """The module's name, or the built-in's (``timer``, ``end``, ...)."""
    kind: NodeKind = "module"
    join: Join = "each"
    key: str = ""
    """An expression; a join fires once per value of it instead of once per run."""
    tolerate: bool = False
    """An `any` join survives a failed predecessor."""
    workers: int = 1
    by: str = ""
    """An expression; messages with an equal value go to the same worker, in order."""
    on_error: Literal["fail", "skip", "retry", "hold"] = "fail"
    retry: Retry | None = None
    """Set when `on_error` is ``retry``; when the attempts are used up the run fails."""
    timeout: float = 0.0
    """Seconds one message may take; 0 is no limit."""
    runner: str = ""
    """The URL of the runner that executes this node; empty means the flow's."""
    args: dict[str, str | int | float | bool] = {}
    """Arguments of a built-in (``timer(10s)`` has ``{"every": 10.0}``)."""


class Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    """From an output port of one node to an input port of another. Its name is ``a.out>b.in``."""

    source: str
    target: str
    source_port: str = "out"
    target_port: str = "in"

    @property
    def name(self) -> str:
        return f"{self.source}.{self.source_port}>{self.target}.{self.target_port}"


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nodes and wires, in the order in which the text names them."""

    name: str
    nodes: tuple[Node, ...] = ()
    wires: tuple[Wire, ...] = ()
    version: int = 1
    runner: str = "local:"
    durable: bool = False
    host_tags: tuple[str, ...] = ()
    resource_tags: tuple[str, ...] = ()
    timeout: float = 0.0
    """Seconds one run may take; 0 is no limit. Stands still while something is held."""
    source: str = ""
    place: Place = Place()
