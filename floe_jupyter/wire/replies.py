"""What the calls of the control API return."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from floe_jupyter.core.events import Failure, HeldMessage, Record, Status, View
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module


class RunInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a run."""

    ref: str
    flow: str
    version: int
    status: Status
    instance: str = ""
    created: float = 0.0
    """Seconds since 1970, as all times here."""
    started: float = 0.0
    ended: float = 0.0
    detached: bool = False
    durable: bool = False
    forked_from: str = ""
    fed: int = 0
    """Messages put in."""
    results: int = 0
    """Messages that came out of unconnected outputs."""
    held: int = 0
    failures: tuple[Failure, ...] = ()
    waits_for: str = ""
    """Why it is pending or can no longer progress."""
    dropped: int = 0
    """Messages among `results` that are no longer kept: there is a total bound, and the oldest of ended runs go first."""
    feeder_gone: bool = False
    """Whoever fed it was gone before it said that this was all: its input ended with what had been `fed`."""


class ResultBatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Part of a run's results, in the order in which they came out."""

    node: str
    port: str
    batch: Batch


class Defined(TypedDict, total=False):
    """What `define` and `define_flow` return."""

    version: int
    changed: bool
    updated: list[str]
    refused: list[Failure]
    unfit: list[str]
    """Of a module: why flows that use it no longer fit it. They go on; no message comes over such a wire."""


RETURNS: dict[str, Any] = {
    "define": Defined, "define_flow": Defined, "modules": list[Module], "flows": list[Flow],
    "open_run": RunInfo, "wait": RunInfo, "send": RunInfo, "cancel": RunInfo, "run_info": RunInfo, "fork": RunInfo,
    "runs": list[RunInfo], "results": list[ResultBatch], "request": tuple[RunInfo, list[ResultBatch]],
    "pause": View, "resume": View, "view": View, "history": list[Record], "dead": list[Failure],
    "held": list[HeldMessage], "edit": HeldMessage, "duplicate": HeldMessage,
}
"""The types of what calls return; those that are not named return plain JSON-able values."""

PENDING = "pending"
"""The kind of the "error" that answers a request which came again while it is still under way."""
