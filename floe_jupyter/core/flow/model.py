"""The terms of a flow as frozen values: module, flow, node, wire and their options.

The notation (`floe_jupyter.core.notation.parser`) yields a `Flow`, and every process passes a `Flow` on. `check`
(`floe_jupyter.core.flow.check`) finds the problems of a flow. No value of this module refers to a running flow.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from floe_jupyter.core.language import DEFAULT_LANGUAGE

NODE_ID = re.compile(r"[a-z_][a-z0-9_-]*\Z")
"""Valid name of a node, a module, a port or a flow."""

WIRE_MESSAGES = 1_000
"""Maximum number of messages on a wire; at this number or at `WIRE_BYTES` the node before the wire stops."""
WIRE_BYTES = 64 * 1024 * 1024
"""Maximum bytes on a wire."""
CYCLE_FACTOR = 10
"""Factor of both limits for a wire inside a cycle before the run fails; blocking the wire could never end."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Position of a source text in the notebook, for the position in errors."""

    cell: int = 0
    """Execution count of the cell, ``In [cell]``; 0 without a cell."""
    line: int = 0
    """Number of lines of the cell before the first line of the source (1 for a cell magic)."""
    file: str = ""
    """Name of the file if the source came from a file, else the name given to the cell by IPython."""
    unseen: tuple[str, ...] = ()
    """Names of the notebook in the source: code which runs in another process does not see the names."""


class Module(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user's function in one language. The same name with another source is a new version."""

    name: str
    source: str
    lang: str = DEFAULT_LANGUAGE
    version: int = 1
    deps: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("in",)
    outputs: tuple[str, ...] = ("out",)
    state: str = "{}"
    """First state, as the JSON text of an object."""
    place: Place = Place()
    build_deps: bool = False
    """True if packages may be built from source, and may run their code while being installed."""
    runner: str = ""
    """URL of the runner for the nodes of the module (see `floe_jupyter.core.flow.placement`); empty means the flow's."""


class RetryPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """``retry(n, backoff=1s, jitter=0.1)``: *times* further attempts, the k-th after ``backoff * 2**(k-1)`` seconds."""

    times: int
    backoff: float = 0.0
    jitter: float = 0.0
    """Random part of the back-off, 0 to 1; derived from the message's id, so a replay waits as long."""


Join = Literal["each", "all", "any"]
NodeKind = Literal["module", "trigger", "task", "pub"]


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """One use of a module (or a built-in) in a flow."""

    id: str
    module: str
    """Name of the module or of the built-in (``timer``, ``end``, ...)."""
    kind: NodeKind = "module"
    join: Join = "each"
    key: str = ""
    """Expression; a join fires once per value of the expression instead of once per run."""
    tolerate: bool = False
    """True if an `any` join survives a failed predecessor."""
    workers: int = 1
    by: str = ""
    """Expression; messages with an equal value go to the same worker, in order."""
    on_error: Literal["fail", "skip", "retry", "hold"] = "fail"
    retry: RetryPolicy | None = None
    """Policy for the attempts, set when `on_error` is ``retry``; the run fails when the attempts are used up."""
    timeout: float = 0.0
    """Seconds allowed for one message; 0 is no limit."""
    runner: str = ""
    """URL of the runner for the node, or URLs among which its workers are dealt out; empty means the module's, or the flow's."""
    args: dict[str, str | int | float | bool] = {}
    """Arguments of a built-in (``timer(10s)`` has ``{"every": 10.0}``)."""


class Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    """A connection from an output port of one node to an input port of another, named ``a.out>b.in``."""

    source: str
    target: str
    source_port: str = "out"
    target_port: str = "in"

    @property
    def name(self) -> str:
        """The name ``source.port>target.port``, unique in a flow."""
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
    """Seconds allowed for one run; 0 is no limit. The time stands still while a message is held."""
    source: str = ""
    place: Place = Place()
