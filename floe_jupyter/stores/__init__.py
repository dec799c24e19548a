"""Stores of the dispatcher's lasting data: definitions, records of runs, and the highest run number given out of each flow.

Changes are pending until `commit` makes all of the changes durable, or none. Stores: `memory`, `sqlite`; both pass the same
tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.control.workspaces import Workspace

HISTORY = 1_000
"""Maximum number of archived runs kept; the oldest are removed."""


Kind = Literal["module", "flow"]


class Store(Protocol):
    """A store with one writer. Every method may raise `EnvironmentFailed`, which names the file and the cure."""

    def put_workspace(self, workspace: Workspace) -> None:
        """Insert or replace, by id."""

    def workspaces(self) -> list[Workspace]:
        """Return all workspaces put and not dropped."""

    def drop_workspace(self, workspace: str) -> None:
        """Forget a workspace and its definitions; a second call is harmless."""

    def put_definition(self, definition: Module | Flow, workspace: str = "") -> None:
        """Keep a version of a module or a flow of a workspace; only the newest is given back."""

    def drop_definition(self, kind: Kind, name: str, workspace: str = "") -> None:
        """Forget all versions of a module or a flow; a second call is harmless."""

    def modules(self, workspace: str = "") -> list[Module]:
        """Return the newest version of every module of a workspace, by name."""

    def flows(self, workspace: str = "") -> list[Flow]:
        """Return the newest version of every flow of a workspace, by name."""

    def put_runs(self, records: Iterable[RunInfo]) -> None:
        """Insert or replace, by ref. The record of a run that is over does not change: later changes are dropped."""

    def runs(self) -> list[RunInfo]:
        """Return all records, in the order of their first put."""

    def drop_runs(self, refs: Iterable[str]) -> None:
        """Forget records."""

    def put_counter(self, flow: str, number: int) -> None:
        """Note the run numbers of *flow* as given out up to *number*; a smaller number than before is accepted unchanged."""

    def counters(self) -> dict[str, int]:
        """Return flow -> last number put."""

    def commit(self) -> None:
        """Make all changes so far durable before returning."""

    def close(self) -> None:
        """Commit and release the store."""


def kind_of(definition: Module | Flow) -> Kind:
    """Return the kind of a definition."""
    return "module" if isinstance(definition, Module) else "flow"
