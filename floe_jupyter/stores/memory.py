"""A store which ends with its process: for tests, and for use without a writable directory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.run_life import is_over
from floe_jupyter.stores import Kind
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.control.workspaces import Workspace

T = TypeVar("T", Module, Flow)


class MemoryStore:
    """`floe_jupyter.stores.Store` in dictionaries."""

    def __init__(self) -> None:
        self._workspaces: dict[str, Workspace] = {}
        self._modules: dict[str, dict[str, Module]] = {}
        self._flows: dict[str, dict[str, Flow]] = {}
        """Flows by workspace, then by name (modules likewise)."""
        self._runs: dict[str, RunInfo] = {}
        self._counters: dict[str, int] = {}

    def put_workspace(self, workspace: Workspace) -> None:
        """Insert or replace a workspace, by id."""
        self._workspaces[workspace.id] = workspace

    def workspaces(self) -> list[Workspace]:
        """Return all workspaces put and not dropped."""
        return list(self._workspaces.values())

    def drop_workspace(self, workspace: str) -> None:
        """Forget a workspace and its definitions."""
        for kept in (self._workspaces, self._modules, self._flows):
            kept.pop(workspace, None)

    def put_definition(self, definition: Module | Flow, workspace: str = "") -> None:
        """Keep a version of a module or a flow, if not older than the kept one."""
        if isinstance(definition, Module):
            _keep_newest(self._modules.setdefault(workspace, {}), definition)
        else:
            _keep_newest(self._flows.setdefault(workspace, {}), definition)

    def drop_definition(self, kind: Kind, name: str, workspace: str = "") -> None:
        """Forget a module or a flow."""
        kept: dict[str, dict[str, Any]] = self._modules if kind == "module" else self._flows
        kept.get(workspace, {}).pop(name, None)

    def modules(self, workspace: str = "") -> list[Module]:
        """Return the newest version of every module of a workspace, by name."""
        return [module for _, module in sorted(self._modules.get(workspace, {}).items())]

    def flows(self, workspace: str = "") -> list[Flow]:
        """Return the newest version of every flow of a workspace, by name."""
        return [flow for _, flow in sorted(self._flows.get(workspace, {}).items())]

    def put_runs(self, records: Iterable[RunInfo]) -> None:
        """Insert or replace records, by ref; archived records do not change."""
        for record in records:
            before = self._runs.get(record.ref)
            if before is None or not is_over(before.status):
                self._runs[record.ref] = record

    def runs(self) -> list[RunInfo]:
        """Return all records, in the order of their first put."""
        return list(self._runs.values())

    def drop_runs(self, refs: Iterable[str]) -> None:
        """Forget records."""
        for ref in refs:
            self._runs.pop(ref, None)

    def put_counter(self, flow: str, number: int) -> None:
        """Note the run numbers of *flow* as given out up to *number*."""
        self._counters[flow] = number

    def counters(self) -> dict[str, int]:
        """Return flow -> last number put."""
        return dict(self._counters)

    def commit(self) -> None:
        """Do nothing: this store does not outlive its process."""

    def close(self) -> None:
        """Do nothing: this store holds no resource."""


def _keep_newest(kept: dict[str, T], definition: T) -> None:
    before = kept.get(definition.name)
    if before is None or before.version <= definition.version:
        kept[definition.name] = definition
