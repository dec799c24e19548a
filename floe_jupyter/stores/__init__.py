"""Where the dispatcher keeps what must outlive it: definitions, records of runs, and how far run numbers were given out.

Everything that is put is pending until `commit` makes it durable, all of it or nothing. Stores: `memory`, `sqlite`; both
pass the same tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from floe_jupyter.core.model import Flow, Module
from floe_jupyter.wire.replies import RunInfo

ARCHIVED = frozenset(["done", "failed", "cancelled"])
"""A run with one of these is over: its record never changes again."""
HISTORY = 1_000
"""So many archived runs are kept; the oldest go."""


class Store(Protocol):
    """One writer. Every method may raise `EnvironmentFailed`, which names the file and the cure."""

    def put_definition(self, definition: Module | Flow) -> None:
        """Keep a version of a module or a flow; only the newest is given back."""

    def modules(self) -> list[Module]:
        """The newest version of every module, by name."""

    def flows(self) -> list[Flow]:
        """The newest version of every flow, by name."""

    def put_runs(self, records: Iterable[RunInfo]) -> None:
        """Insert or replace, by ref. A record that is archived does not change: what comes later for it is dropped."""

    def runs(self) -> list[RunInfo]:
        """All records, in the order in which they were first put."""

    def drop_runs(self, refs: Iterable[str]) -> None:
        """Forget records."""

    def put_counter(self, flow: str, number: int) -> None:
        """Run numbers of *flow* may have been given out up to *number*; a smaller one than before is taken as it is."""

    def counters(self) -> dict[str, int]:
        """Flow -> what was put."""

    def commit(self) -> None:
        """Everything put so far is durable when this returns."""

    def close(self) -> None:
        """Commit and let go."""


Kind = Literal["module", "flow"]


def kind_of(definition: Module | Flow) -> Kind:
    return "module" if isinstance(definition, Module) else "flow"
