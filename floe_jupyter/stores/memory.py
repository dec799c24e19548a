"""A store that ends with its process: for tests, and where no directory can be written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from floe_jupyter.core.model import Flow, Module
from floe_jupyter.stores import ARCHIVED
from floe_jupyter.wire.replies import RunInfo

T = TypeVar("T", Module, Flow)


class MemoryStore:
    """`floe_jupyter.stores.Store` in dictionaries."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self._flows: dict[str, Flow] = {}
        self._runs: dict[str, RunInfo] = {}
        self._counters: dict[str, int] = {}

    def put_definition(self, definition: Module | Flow) -> None:
        if isinstance(definition, Module):
            _keep_newest(self._modules, definition)
        else:
            _keep_newest(self._flows, definition)

    def modules(self) -> list[Module]:
        return [self._modules[name] for name in sorted(self._modules)]

    def flows(self) -> list[Flow]:
        return [self._flows[name] for name in sorted(self._flows)]

    def put_runs(self, records: Iterable[RunInfo]) -> None:
        for record in records:
            before = self._runs.get(record.ref)
            if before is None or before.status not in ARCHIVED:
                self._runs[record.ref] = record

    def runs(self) -> list[RunInfo]:
        return list(self._runs.values())

    def drop_runs(self, refs: Iterable[str]) -> None:
        for ref in refs:
            self._runs.pop(ref, None)

    def put_counter(self, flow: str, number: int) -> None:
        self._counters[flow] = number

    def counters(self) -> dict[str, int]:
        return dict(self._counters)

    def commit(self) -> None:
        """Nothing outlives this process."""

    def close(self) -> None:
        """Nothing to let go of."""


def _keep_newest(kept: dict[str, T], definition: T) -> None:
    before = kept.get(definition.name)
    if before is None or before.version <= definition.version:
        kept[definition.name] = definition
