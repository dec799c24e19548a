"""Rules for every command of a machine, in any flow, checked by the driver at each command."""

from __future__ import annotations

from dataclasses import dataclass, field

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.messages import values

OVER = {"done", "failed", "cancelled"}
WorkerState = tuple[str, int]


@dataclass
class Open:
    """Unanswered call."""

    node: str
    worker: int
    port: str
    values: list[object]
    runs: list[int]
    version: int
    at: int = 0
    emitted: int = 0


@dataclass
class Contract:
    """The shell's side of the agreement, informed of every event and every command."""

    flow: Flow
    calls: dict[int, Open] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    version: dict[WorkerState, int] = field(default_factory=dict)
    """Version in use of every loaded worker."""
    home: dict[WorkerState, str] = field(default_factory=dict)
    fusable: dict[WorkerState, bool] = field(default_factory=dict)
    beside: dict[tuple[str, int, int], tuple[str, bool]] = field(default_factory=dict)
    """Runtime and fusability of every version loaded beside the one in use, perhaps in another runtime."""
    first: dict[WorkerState, int] = field(default_factory=dict)
    """Versions put in use at once by their `Load`."""
    swapping: dict[WorkerState, int] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    asked: list[object] = field(default_factory=list)
    """Unanswered tokens."""
    named: dict[tuple[str, str], object] = field(default_factory=dict)
    """(node, id) -> the value called by the id."""
    edits: bool = False
    """True after an edit: an id may stand for another value now."""

    # --- events ---

    def event(self, event: ev.Event) -> None:
        """Note an event."""
        known = getattr(self, "_on_" + type(event).__name__.lower(), None)
        if known:
            known(event)
        token = getattr(event, "token", None)
        if token is not None:
            self.asked.append(token)

    def _on_loaded(self, e: ev.Loaded) -> None:
        worker = (e.node, e.worker)
        if self.first.get(worker) == e.version:
            self.version[worker] = e.version
            del self.first[worker]
            self.home[worker], self.fusable[worker] = e.runtime, e.fusable
        else:
            self.beside[e.node, e.worker, e.version] = e.runtime, e.fusable

    def _on_activated(self, e: ev.Activated) -> None:
        worker = (e.node, e.worker)
        self.version[worker] = e.version
        self.swapping.pop(worker, None)
        self.home[worker], self.fusable[worker] = self.beside.pop((*worker, e.version))

    def _on_loadfailed(self, e: ev.LoadFailed) -> None:
        self.swapping.pop((e.node, e.worker), None)
        if self.first.get((e.node, e.worker)) == e.version:
            del self.first[e.node, e.worker]

    def _on_returned(self, e: ev.Returned) -> None:
        call = self.calls[e.call]
        call.at += e.consumed
        call.emitted = e.emitted
        if e.end:
            del self.calls[e.call]

    def _on_runtimelost(self, e: ev.RuntimeLost) -> None:
        gone = [worker for worker, home in self.home.items() if home == e.runtime]
        for worker in gone:
            del self.home[worker]
            self.version.pop(worker, None)
        for node, worker, version in [key for key, (home, _) in self.beside.items() if home == e.runtime]:
            del self.beside[node, worker, version]
            if self.swapping.get((node, worker)) == version:
                del self.swapping[node, worker]
        self.calls = {n: c for n, c in self.calls.items() if (c.node, c.worker) not in gone}

    def _on_edit(self, e: ev.Edit) -> None:
        self.edits = True

    def _on_rewire(self, e: ev.Rewire) -> None:
        self.flow = e.flow

    # --- commands ---

    def command(self, command: ev.Command, debug: bool = False) -> None:
        """Check a command."""
        check = getattr(self, "_do_" + type(command).__name__.lower(), None)
        if check:
            check(command)
        if isinstance(command, ev.Call) and debug:
            assert command.batch.n == 1, f"a call of {command.batch.n} messages while debugging"

    def _do_load(self, c: ev.Load) -> None:
        if c.state is not None:
            self.first[c.node, c.worker] = c.module.version

    def _do_activate(self, c: ev.Activate) -> None:
        busy = [n for n, o in self.calls.items() if (o.node, o.worker) == (c.node, c.worker)]
        assert not busy, f"{c} while calls {busy} are in flight"
        self.swapping[c.node, c.worker] = c.version

    def _do_unload(self, c: ev.Unload) -> None:
        worker = (c.node, c.worker)
        for versions in (self.swapping, self.first):
            if c.version in (0, versions.get(worker)):
                versions.pop(worker, None)
        if c.version in (0, self.version.get(worker)):
            self.version.pop(worker, None)
            self.calls = {n: o for n, o in self.calls.items() if (o.node, o.worker) != worker}

    def _do_call(self, c: ev.Call) -> None:
        worker = (c.node, c.worker)
        items = values(c.batch)
        runs = [c.batch.run_of(i) for i in range(c.batch.n)]
        assert len(items) == c.batch.n, f"a batch of {c.batch.n} messages holds {items}"
        assert 1 <= c.batch.n <= ev.CHUNK, f"a call of {c.batch.n} messages"
        assert worker in self.version, f"a call on {worker}, which is not loaded: {c}"
        assert worker not in self.swapping, f"a call on {worker} while it is swapped: {c}"
        assert c.call not in self.used, f"call number {c.call} is used twice"
        over = [r for r in runs if r in self.ended]
        assert not over, f"a call for runs {over}, which are over: {c}"
        for name, item in zip(c.batch.ids or (), items, strict=False):
            same = self.named.setdefault((c.node, name), item)
            assert self.edits or same == item, f"two messages of {c.node} are called {name}: {same} and {item}"
        in_flight = sum((o.node, o.worker) == worker for o in self.calls.values())
        assert in_flight < ev.CREDIT, f"{in_flight + 1} calls of {worker} in flight"
        self.used.add(c.call)
        self.calls[c.call] = Open(c.node, c.worker, c.port, items, runs, self.version[worker])

    def _do_more(self, c: ev.More) -> None:
        assert c.call in self.calls, f"more for call {c.call}, which is not in flight"

    def _do_recall(self, c: ev.Recall) -> None:
        assert (c.node, c.worker) in self.version, f"{c} of a worker that is not loaded"

    def _do_route(self, c: ev.Route) -> None:
        worker = (c.node, c.worker)
        for port, names in c.routes.items():
            wires = [w for w in self.flow.wires if (w.source, w.source_port) == (c.node, port)]
            assert [w.name for w in wires] == list(names), f"{c} leaves some wires of port {port} out"
            for wire in wires:
                assert self.home.get((wire.target, 0)) == self.home[worker], f"{c}: not in one runtime"
                assert self.fusable[worker], f"{c}: {worker} is not fusable"
                assert self.fusable[wire.target, 0], f"{c}: {wire.target} is not fusable"

    def _do_result(self, c: ev.Result) -> None:
        wired = [w.name for w in self.flow.wires if (w.source, w.source_port) == (c.node, c.port)]
        assert not wired, f"a result of {c.node}.{c.port}, which is connected: {wired}"
        over = [r for r in (c.batch.run_of(i) for i in range(c.batch.n)) if r in self.ended]
        assert not over, f"a result of runs {over}, which are over (D23)"

    def _do_ended(self, c: ev.Ended) -> None:
        assert c.run not in self.ended, f"run {c.run} ended as {self.ended[c.run]} and again as {c.status}"
        assert c.status in OVER, f"run {c.run} ended as {c.status}"
        self.ended[c.run] = c.status

    def _do_accepted(self, c: ev.Accepted) -> None:
        assert c.token in self.asked, f"{c}, which nobody waits for"
        self.asked.remove(c.token)

    def _do_reply(self, c: ev.Reply) -> None:
        if c.token is not None:
            assert c.token in self.asked, f"{c}, which nobody waits for"
            self.asked.remove(c.token)
