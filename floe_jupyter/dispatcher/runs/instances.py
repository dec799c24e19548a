"""Runs and instances as kept by the dispatcher. A run that is over never changes again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import Failure, Status, Unprocessed, View
from floe_jupyter.core.run_life import OVER, advance, parse_ref
from floe_jupyter.dispatcher.clients import AttachedClient
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runs.logs import Log
from floe_jupyter.dispatcher.runs.results import Results
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.control.workspaces import Workspace

if TYPE_CHECKING:
    from floe_jupyter.dispatcher.runs.workspaces import Space

FAILURES = 100
"""Maximum number of failures kept per run."""
FAILURE_BYTES = 64 * 1024
"""Maximum bytes of a run's failures, the first excluded; failures beyond are kept without trace, input and state."""

_ENCODE = msgspec.msgpack.Encoder(enc_hook=repr).encode

Watcher = Callable[["KnownRun"], bool]
"""Callback for changes of a run's status; returns True when no further call is needed."""


class KnownRun:
    """A run. `watchers` are called at every change of the status."""

    __slots__ = (
        "archived",
        "cancelling",
        "client",
        "closed",
        "counter",
        "created",
        "detached",
        "ended",
        "failures",
        "fed",
        "feeder_gone",
        "feeders",
        "flow",
        "forked_from",
        "held",
        "instance",
        "instance_name",
        "put",
        "ref",
        "results",
        "started",
        "status",
        "unprocessed",
        "version",
        "waits_for",
        "watchers",
        "why",
        "workspace",
    )

    def __init__(self, ref: str, flow: str, version: int, counter: int, instance: KnownInstance | None, results: Results) -> None:
        self.ref, self.flow, self.version, self.counter = ref, flow, version, counter
        self.instance = instance
        self.instance_name = instance.name if instance is not None else ""
        self.results = results
        self.workspace = instance.space.workspace if instance is not None else Workspace()
        self.status: Status = "pending"
        self.created = time.time()
        self.started = self.ended = 0.0
        self.client: AttachedClient | None = None
        self.feeders: tuple[AttachedClient, ...] = ()
        """Clients that opened or fed the run and are still attached."""
        self.detached = self.closed = self.feeder_gone = self.cancelling = False
        self.archived = False
        """True if the history counts the run among the runs that are over."""
        self.forked_from = self.waits_for = self.why = ""
        self.fed = self.held = 0
        self.put = 0
        """Number of messages sent to the run's machine: a fed message counts once for each receiving node."""
        self.unprocessed: tuple[Unprocessed, ...] = ()
        self.failures: tuple[Failure, ...] = ()
        self.watchers: list[Watcher] = []

    @property
    def over(self) -> bool:
        """True if the run is over."""
        return self.status in OVER

    def become(self, status: Status) -> None:
        """Change the run's status. Raises `DefinitionError` for a transition not allowed by `floe_jupyter.core.run_life`."""
        advance(self.status, status, self.ref)
        self.status = status
        if status == "active" and not self.started:
            self.started = time.time()
        if status in OVER:
            self.ended = time.time()

    def tell(self) -> None:
        """Call the watchers; remove a watcher that returns True."""
        if self.watchers:
            watchers, self.watchers = self.watchers, []
            self.watchers = [watcher for watcher in watchers if not watcher(self)] + self.watchers

    def info(self) -> RunInfo:
        """Return the run's record."""
        results = self.results
        return RunInfo(
            ref=self.ref,
            flow=self.flow,
            version=self.version,
            status=self.status,
            instance=self.instance_name,
            created=self.created,
            started=self.started,
            ended=self.ended,
            detached=self.detached,
            forked_from=self.forked_from,
            fed=self.fed,
            results=results.messages,
            held=self.held,
            failures=self.failures,
            waits_for=self.waits_for,
            dropped=results.dropped,
            feeder_gone=self.feeder_gone,
            workspace=self.workspace.id,
            title=self.workspace.title,
            unprocessed=self.unprocessed,
            why=self.why,
            closed=self.closed,
        )

    @classmethod
    def restored(cls, record: RunInfo, results: Results) -> KnownRun:
        """Create a run from the record of a former dispatcher."""
        run = cls(record.ref, record.flow, record.version, parse_ref(record.ref).counter, None, results)
        run.instance_name, run.status, run.detached = record.instance, record.status, record.detached
        run.created, run.started, run.ended = record.created, record.started, record.ended
        run.forked_from, run.waits_for, run.fed, run.failures = record.forked_from, record.waits_for, record.fed, record.failures
        run.feeder_gone, run.unprocessed, run.why = record.feeder_gone, record.unprocessed, record.why
        run.workspace = Workspace(record.workspace, record.title)
        return run


def kept(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Return the failures to keep of a run: the first `FAILURES`, large later failures without trace, input and state."""
    found: list[Failure] = []
    left = FAILURE_BYTES
    for failure in failures:
        if len(found) == FAILURES:
            break
        size = len(_ENCODE(failure)) if found else 0
        large = size > left
        left -= 0 if large else size
        found.append(msgspec.structs.replace(failure, trace="", input=None, state=None) if large else failure)
    return tuple(found)


class KnownInstance:
    """One machine in a runner: of a single run, or of a flow that is up."""

    def __init__(
        self,
        name: str,
        flow: Flow,
        modules: tuple[Module, ...],
        runner: RunnerProxy,
        client: AttachedClient | None,
        space: Space,
        logs: Log,
    ) -> None:
        self.name, self.flow, self.runner, self.client, self.space = name, flow, runner, client, space
        self.modules = {module.name for module in modules}
        self.sources: tuple[str, ...] = ()
        self.up = False
        """True if started to stay up: every `send` is a run of the instance."""
        self.debug = self.detached = False
        self.limit = 0.0
        """Maximum seconds of a run; 0 is no limit."""
        self.runs: dict[int, KnownRun] = {}
        """Runs that are not over, by number."""
        self.newest: KnownRun | None = None
        self.view: View | None = None
        self.ends: dict[str, bytes] = {}
        """End of the newest batch of each wire, once the instance has ended; see `floe_jupyter.core.machine.latest`."""
        self.hits: dict[str, int] = {}
        """Number of hits of each breakpoint, once the instance has ended."""
        self.ended = False
        """True if the machine is gone and cannot be asked any more."""
        self.logs = logs
        self.tokens: dict[int, Callable[[Any, tuple[str, str] | None], None]] = {}
        """Callbacks waiting for answers of the machine, by token."""
        self.feeding: dict[int, Callable[[Any, tuple[str, str] | None], None]] = {}
        """Callbacks waiting for room, by token; also answered when the instance ends: fed messages are dropped with the run."""

    @property
    def workspace(self) -> Workspace:
        """The workspace that owns the instance's flow."""
        return self.space.workspace

    def answer(self, token: int, value: Any, error: tuple[str, str] | None) -> None:
        """Take the machine's answer to a request or an injection."""
        answered = self.tokens.pop(token, None) or self.feeding.pop(token, None)
        if answered is not None:
            answered(value, error)

    def let_go(self, error: tuple[str, str]) -> None:
        """Answer all waiting callbacks after the end of the instance: requests with *error*, injections without."""
        tokens, self.tokens = self.tokens, {}
        feeding, self.feeding = self.feeding, {}
        for answered in tokens.values():
            answered(None, error)
        for answered in feeding.values():
            answered(None, None)
