"""Runs and instances as the dispatcher keeps them. A run that is over never changes again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from floe_jupyter.core.events import Failure, Status, View
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.core.run_life import advance, parse_ref
from floe_jupyter.dispatcher.clients import Client
from floe_jupyter.dispatcher.results import Results
from floe_jupyter.dispatcher.runners import Runner
from floe_jupyter.stores import ARCHIVED
from floe_jupyter.wire.replies import RunInfo

FAILURES = 100
"""So many failures of a run are kept."""
LOG_LINES = 1_000
"""So many log lines of an instance are kept."""

Watcher = Callable[["Run"], bool]
"""Called whenever a run's status changes; True when it need not be called again."""


class Run:
    """One run. `watchers` are told of every change of its status."""

    __slots__ = (
        "archived", "client", "closed", "counter", "created", "detached", "ended", "failures", "fed", "feeder_gone",
        "feeders", "flow", "forked_from", "held", "instance", "instance_name", "ref", "results", "started", "status",
        "version", "waits_for", "watchers")

    def __init__(self, ref: str, flow: str, version: int, counter: int, instance: Instance | None, results: Results) -> None:
        self.ref, self.flow, self.version, self.counter = ref, flow, version, counter
        self.instance = instance
        self.instance_name = instance.name if instance is not None else ""
        self.results = results
        self.status: Status = "pending"
        self.created = time.time()
        self.started = self.ended = 0.0
        self.client: Client | None = None
        self.feeders: tuple[Client, ...] = ()
        """Who opened it, or fed it, and is not gone."""
        self.detached = self.closed = self.feeder_gone = False
        self.archived = False
        """The history counts it among those that are over."""
        self.forked_from = self.waits_for = ""
        self.fed = self.held = 0
        self.failures: tuple[Failure, ...] = ()
        self.watchers: list[Watcher] = []

    @property
    def over(self) -> bool:
        return self.status in ARCHIVED

    def become(self, status: Status) -> None:
        """Change its status. Raises `DefinitionError` when that may not follow (`floe_jupyter.core.run_life`)."""
        advance(self.status, status, self.ref)
        self.status = status
        if status == "active" and not self.started:
            self.started = time.time()
        if status in ARCHIVED:
            self.ended = time.time()

    def tell(self) -> None:
        """Tell the watchers of its status."""
        if self.watchers:
            watchers, self.watchers = self.watchers, []
            self.watchers = [watcher for watcher in watchers if not watcher(self)] + self.watchers

    def info(self) -> RunInfo:
        results = self.results
        return RunInfo(ref=self.ref, flow=self.flow, version=self.version, status=self.status, instance=self.instance_name,
                       created=self.created, started=self.started, ended=self.ended, detached=self.detached,
                       forked_from=self.forked_from, fed=self.fed, results=results.messages, held=self.held,
                       failures=self.failures, waits_for=self.waits_for, dropped=results.dropped,
                       feeder_gone=self.feeder_gone)

    @classmethod
    def restored(cls, record: RunInfo, results: Results) -> Run:
        """A run of a former dispatcher."""
        run = cls(record.ref, record.flow, record.version, parse_ref(record.ref).counter, None, results)
        run.instance_name, run.status, run.detached = record.instance, record.status, record.detached
        run.created, run.started, run.ended = record.created, record.started, record.ended
        run.forked_from, run.waits_for, run.fed, run.failures = record.forked_from, record.waits_for, record.fed, record.failures
        run.feeder_gone = record.feeder_gone
        return run


class Instance:
    """One machine in a runner: of one run, or of a flow that is up."""

    def __init__(self, name: str, flow: Flow, modules: tuple[Module, ...], runner: Runner, client: Client | None) -> None:
        self.name, self.flow, self.runner, self.client = name, flow, runner, client
        self.modules = {module.name for module in modules}
        self.sources: tuple[str, ...] = ()
        self.up = False
        """Started to stay: every `send` is a run of it."""
        self.debug = self.detached = False
        self.runs: dict[int, Run] = {}
        """Those that are not over, by number."""
        self.newest: Run | None = None
        self.view: View | None = None
        self.ended = False
        """Nothing can be asked of it any more."""
        self.logs: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)
        self.tokens: dict[int, Callable[[Any, tuple[str, str] | None], None]] = {}
        """Who waits for the answers of its machine."""
        self.feeding: dict[int, Callable[[Any, tuple[str, str] | None], None]] = {}
        """Who waits for room. When the instance ends they are answered too: what they fed is dropped with its run."""

    def answer(self, token: int, value: Any, error: tuple[str, str] | None) -> None:
        """The machine answered a wish, or took an injection."""
        answered = self.tokens.pop(token, None) or self.feeding.pop(token, None)
        if answered is not None:
            answered(value, error)

    def let_go(self, error: tuple[str, str]) -> None:
        """It ended: nobody waits any longer."""
        tokens, self.tokens = self.tokens, {}
        feeding, self.feeding = self.feeding, {}
        for answered in tokens.values():
            answered(None, error)
        for answered in feeding.values():
            answered(None, None)
