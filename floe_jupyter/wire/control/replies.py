"""Results of the calls of the control API."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Failure, HeldMessage, Record, Status, Unprocessed, View
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.picture.positions import PageLayout
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo


class RunInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """State of a run."""

    ref: str
    flow: str
    version: int
    status: Status
    instance: str = ""
    created: float = 0.0
    """Seconds since 1970, as all times of this struct."""
    started: float = 0.0
    ended: float = 0.0
    detached: bool = False
    durable: bool = False
    forked_from: str = ""
    fed: int = 0
    """Number of messages put in."""
    results: int = 0
    """Number of messages that came out of unconnected outputs."""
    held: int = 0
    failures: tuple[Failure, ...] = ()
    waits_for: str = ""
    """Reason why the run is pending or can no longer progress."""
    dropped: int = 0
    """Number of messages among `results` that are no longer kept: there is a total bound, and the oldest of ended runs go
    first.
    """
    feeder_gone: bool = False
    """True if the feeding client was gone before closing the input: the input ended with the messages `fed` by then."""
    workspace: str = ""
    """Id of the workspace that owns the run."""
    title: str = ""
    """Title of the workspace, such as ``shop.ipynb``."""
    unprocessed: tuple[Unprocessed, ...] = ()
    """Messages that were dropped or left unfinished, by name and reason; known when the run is over."""
    why: str = ""
    """Reason of the cancellation."""
    closed: bool = False
    """True if no more messages will be fed: `fed` is final."""


class ResultBatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Part of a run's results, in the order of output."""

    node: str
    port: str
    batch: Batch


class Defined(TypedDict, total=False):
    """Result of `define` and `define_flow`."""

    version: int
    changed: bool
    updated: list[str]
    refused: list[Failure]
    unfit: list[str]
    """Reasons why flows that use the module no longer fit its new version. Those flows go on; an unfit wire carries no
    messages.
    """
    unsaved: str
    """Reason why the definition is not on the disk yet, or was not saved by a former dispatcher; absent if all is well."""


RETURNS: dict[str, Any] = {
    "define": Defined,
    "define_flow": Defined,
    "modules": list[Module],
    "flows": list[Flow],
    "layout": PageLayout,
    "open_run": RunInfo,
    "wait": RunInfo,
    "send": RunInfo,
    "cancel": RunInfo,
    "run_info": RunInfo,
    "fork": RunInfo,
    "runs": list[RunInfo],
    "results": list[ResultBatch],
    "request": tuple[RunInfo, list[ResultBatch]],
    "pause": View,
    "resume": View,
    "view": View,
    "history": list[Record],
    "dead": list[Failure],
    "workspaces": list[WorkspaceInfo],
    "enter": Workspace,
    "latest": dict[str, str],
    "held": list[HeldMessage],
    "edit": HeldMessage,
    "duplicate": HeldMessage,
}
"""Types of the results of calls; calls not named return plain JSON-able values."""

PENDING = "pending"
"""Kind of the "error" that answers a repeated request while the first is still under way."""
