"""Drives a `Machine` with fake runtimes: a tiny shell with virtual time and a seeded order of events.

Commands to a runtime and events from it keep their order, as in pipes; between runtimes, feeders, requests and the clock any
order may happen. Without a seed the order is the plainest. ``machine.check()`` runs after every event.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch, encode_plain, values
from tests.core.simulation.contract import Contract
from tests.core.simulation.fake_modules import Crash, Fake
from tests.core.simulation.fakes import FakeRuntime
from tests.core.simulation.making import make_modules

LIMIT = 100_000
"""Maximum moves of a test; more mean that the test hangs."""


@dataclass(frozen=True)
class Taken:
    """Message known to be consumed by a node (messages on local routes are not seen)."""

    node: str
    worker: int
    port: str
    value: Any
    run: int
    version: int


@dataclass
class Feed:
    """Feeder that waits for `Accepted` before going on, as a good feeder does."""

    node: str
    port: str
    run: int
    batches: deque[list[Any]]
    close: bool
    waiting: object = None


class Driver:
    """Machine with its whole environment."""

    def __init__(
        self,
        flow: Flow,
        library: Mapping[str, Fake],
        *,
        seed: int | None = None,
        group: Callable[[str, int], str] = lambda node, worker: f"{node}-{worker}",
        modules: Mapping[str, Module] | None = None,
        **options: Any,
    ) -> None:
        self.flow, self.library, self.group = flow, dict(library), group
        self.random = seed is not None
        self.rng = random.Random(0 if seed is None else seed)
        self.machine = Machine(flow, modules or make_modules(flow), **options)
        self.contract = Contract(flow)
        self.now = 0.0
        self.wake: float | None = None
        self.runtimes: dict[str, FakeRuntime] = {}
        self.homes: dict[tuple[str, int], FakeRuntime] = {}
        """Runtime of the version in use of each worker."""
        self.places: dict[tuple[str, int, int], FakeRuntime] = {}
        """Runtime of each version of each worker."""
        self.loading: dict[tuple[str, int, int], ev.Load] = {}
        self.feeds: list[Feed] = []
        self.deferred: deque[Callable[[], None]] = deque()
        self.crashes = 0
        """Number of runtimes still to be killed at random moments."""
        self.blocks = 0.0
        """Probability, at any moment, that some runtime is reported as blocked."""
        self.jumps = False
        """True if the clock may also move while other moves are possible."""
        self.results: list[tuple[int, str, Any]] = []
        """(run, "node.port", value), in order."""
        self._result_ids: list[str] = []
        self.ended: dict[int, ev.Ended] = {}
        self.taken: list[Taken] = []
        self.begun: list[Taken] = []
        """Messages seen to give outputs before being consumed."""
        self.notices: list[ev.Notice] = []
        self.replies: dict[object, ev.Reply] = {}
        self.accepted: set[object] = set()
        self.log: list[ev.Event | ev.Command] = []
        self._tokens = itertools.count(1)
        self._names = itertools.count(1)

    # --- talking to the machine ---

    def handle(self, event: ev.Event) -> list[ev.Command]:
        """Handle an event now; carry out and return its commands."""
        self.log.append(event)
        self._note(event)
        self.contract.event(event)
        commands = list(self.machine.handle(event, self.now))
        debug = any(isinstance(c, ev.Call) and c.batch.n > 1 for c in commands) and self.machine.view().debug
        for command in commands:
            self.log.append(command)
            self.contract.command(command, debug)
            self._carry_out(command)
        self.machine.check()
        return commands

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, ev.Returned):
            call = self.contract.calls[event.call]
            for i in range(call.at, call.at + event.consumed):
                self.taken.append(Taken(call.node, call.worker, call.port, call.values[i], call.runs[i], call.version))
            if event.emitted:
                i = call.at + event.consumed
                self.begun.append(Taken(call.node, call.worker, call.port, call.values[i], call.runs[i], call.version))
        elif isinstance(event, ev.Loaded | ev.LoadFailed):
            self.loading.pop((event.node, event.worker, event.version), None)
        elif isinstance(event, ev.Activated):
            self.homes[event.node, event.worker] = self.places[event.node, event.worker, event.version]
        elif isinstance(event, ev.Rewire):
            self.flow = event.flow

    def _carry_out(self, c: ev.Command) -> None:
        if isinstance(c, ev.Unload):
            self._forget(c)
            self.loading = {k: v for k, v in self.loading.items() if k[:2] != (c.node, c.worker) or c.version not in (0, k[2])}
        match c:
            case ev.Load():
                self._leave(c)
                self.loading[c.node, c.worker, c.module.version] = c
                self._home(c).inbox.append(c)
            case ev.Activate() | ev.Unload() if (c.node, c.worker, c.version) in self.places:
                self._to(self.places[c.node, c.worker, c.version], c)
            case ev.Activate() | ev.Unload() | ev.Route() | ev.Call() | ev.Recall():
                self._to(self.homes.get((c.node, c.worker)), c)
            case ev.More():
                open_call = self.contract.calls[c.call]
                self._to(self.homes.get((open_call.node, open_call.worker)), c)
            case ev.Kill():
                self.kill(c.runtime, c.cause)
            case ev.Wake():
                self.wake = c.at
            case _:
                self._tell(c)

    def _forget(self, c: ev.Unload) -> None:
        """Drop the queued load events of a version taken back; only `Unloaded` is still reported."""
        home = self.places.get((c.node, c.worker, c.version)) or self.homes.get((c.node, c.worker))
        if c.version and (home is None or not home.alive):
            self.deferred.append(lambda: self.handle(ev.Unloaded(c.node, c.worker, c.version)) and None)
        if c.version and home is not None:
            home.outbox = deque(
                e
                for e in home.outbox
                if not isinstance(e, ev.Loaded | ev.LoadFailed | ev.Activated)
                or (e.node, e.worker, e.version) != (c.node, c.worker, c.version)
            )

    def _tell(self, c: ev.Command) -> None:
        match c:
            case ev.Result():
                name = f"{c.node}.{c.port}"
                self.results += [(c.batch.run_of(i), name, value) for i, value in enumerate(values(c.batch))]
                self._result_ids += c.batch.ids or ("",) * c.batch.n
            case ev.Ended():
                self.ended[c.run] = c
            case ev.Accepted():
                self.accepted.add(c.token)
            case ev.Reply():
                self.replies[c.token] = c
            case ev.Notice():
                self.notices.append(c)
                if c.kind == "withdrawn":
                    self._withdraw(c.data["ids"])

    def _withdraw(self, ids: list[str]) -> None:
        """Withdraw the results of a step back."""
        kept = [(result, name) for result, name in zip(self.results, self._result_ids, strict=True) if name not in ids]
        self.results, self._result_ids = [result for result, _ in kept], [name for _, name in kept]

    def _leave(self, c: ev.Load) -> None:
        """Unload a version from its old runtime when loaded in another."""
        home = self.homes.get((c.node, c.worker))
        if c.elsewhere and home is not None and home.alive:
            home.inbox.append(ev.Unload(c.node, c.worker))

    def _home(self, c: ev.Load) -> FakeRuntime:
        worker = (c.node, c.worker)
        home = self.homes.get(worker)
        if c.state is None and home is not None and home.alive and home.runner == c.runner:
            self.places[*worker, c.module.version] = home  # beside the version in use, wherever that was moved to
            return home
        group = f"{c.runner} {self.group(*worker)}".strip() + " elsewhere" * c.elsewhere
        if group not in self.runtimes:
            made = FakeRuntime(f"{group}:{next(self._names)}", lambda: self.flow, self.library, self.rng)
            made.runner = c.runner
            self.runtimes[group] = made
        found = self.places[*worker, c.module.version] = self.runtimes[group]
        if c.state is not None:
            self.homes[worker] = found
        return found

    def _to(self, runtime: FakeRuntime | None, command: ev.Command) -> None:
        assert runtime is not None or isinstance(command, ev.Unload), f"{command} for a worker that was never loaded"
        if runtime is not None and runtime.alive:
            runtime.inbox.append(command)

    def kill(self, name: str, cause: str = "killed") -> None:
        """End a runtime's process; some of its written events may still be read."""
        for runtime in self.runtimes.values():
            if runtime.name == name and runtime.alive:
                runtime.alive = False
                gone = [c for c in runtime.inbox if isinstance(c, ev.Unload) and c.version]
                runtime.inbox.clear()
                told = [e for e in runtime.outbox if isinstance(e, ev.Unloaded)]
                keep = self.rng.randint(0, len(runtime.outbox)) if self.random else len(runtime.outbox)
                runtime.outbox = deque(list(runtime.outbox)[:keep])
                runtime.outbox += [e for e in told if e not in runtime.outbox]
                runtime.outbox += [ev.Unloaded(c.node, c.worker, c.version) for c in gone]
                runtime.outbox.append(ev.RuntimeLost(name, cause))

    # --- what can happen next ---

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = []
        for runtime in list(self.runtimes.values()):
            if runtime.outbox:
                moves.append(lambda r=runtime: self._deliver(r))
            if runtime.alive and runtime.busy_until <= self.now:
                if runtime.inbox:
                    moves.append(runtime.receive)
                if runtime.ready():
                    moves.append(lambda r=runtime: self._work(r))
        moves += [lambda f=feed: self._feed(f) for feed in self.feeds if self._can_feed(feed)]
        if self.deferred:
            moves.append(self._deliver_deferred)
        return moves

    def _deliver(self, runtime: FakeRuntime) -> None:
        event = runtime.outbox.popleft()
        if isinstance(event, ev.RuntimeLost):
            self._lost(event)
        else:
            self.handle(event)

    def _lost(self, event: ev.RuntimeLost) -> None:
        """Load again whatever was still loading in a lost runtime; the machine hears only of runtimes it knew."""
        self.runtimes = {k: r for k, r in self.runtimes.items() if r.name != event.runtime}
        again = [load for key, load in self.loading.items() if self.places[key].name == event.runtime]
        known = event.runtime in {*self.contract.home.values(), *(home for home, _ in self.contract.beside.values())}
        self.homes = {worker: home for worker, home in self.homes.items() if home.name != event.runtime}
        self.places = {key: home for key, home in self.places.items() if home.name != event.runtime}
        for load in again:
            self._home(load).inbox.append(load)
        if known:
            self.handle(event)

    def _work(self, runtime: FakeRuntime) -> None:
        try:
            runtime.work(self.now)
        except Crash as cause:
            self.kill(runtime.name, str(cause) or "killed by signal 11")

    def _can_feed(self, feed: Feed) -> bool:
        return feed.waiting is None or feed.waiting in self.accepted

    def _feed(self, feed: Feed) -> None:
        if feed.batches:
            feed.waiting = f"feed-{next(self._tokens)}"
            items = feed.batches.popleft()
            batch = Batch(encode_plain(items), len(items), run=feed.run)
            self.handle(ev.Inject(feed.node, batch, feed.port, token=feed.waiting))
            return
        self.feeds.remove(feed)
        if feed.close and not any(f.run == feed.run for f in self.feeds):
            self.handle(ev.CloseRun(feed.run))

    def _deliver_deferred(self) -> None:
        self.deferred.popleft()()

    def _clock(self) -> bool:
        """Move the clock to the next moment with an event."""
        busy = [r for r in self.runtimes.values() if r.alive and r.busy_until > self.now]
        moments = [r.busy_until for r in busy if r.inbox or r.calls_open()]
        if self.wake is not None:
            moments.append(self.wake)
        if not moments:
            return False
        self.now = max(self.now, min(moments))
        if self.wake is not None and self.wake <= self.now:
            self.wake = None
            self.handle(ev.Tick())
        return True

    def move(self) -> bool:
        """Make one move; return False if none is possible."""
        if self.random and self.crashes and self.runtimes and self.rng.random() < 0.02:
            self.crashes -= 1
            self.kill(self.rng.choice(list(self.runtimes.values())).name)
            return True
        if self.blocks and self.runtimes and self.rng.random() < self.blocks:
            self.handle(ev.Blocked(self.rng.choice(list(self.runtimes.values())).name))
        moves = self._moves()
        if not moves or (self.jumps and self.rng.random() < 0.01):
            return self._clock() or bool(moves)
        (self.rng.choice(moves) if self.random else moves[0])()
        return True

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        """Go on until no move is possible, or *until* holds."""
        for _ in range(LIMIT):
            if until() or not self.move():
                return
        raise AssertionError(f"still busy after {LIMIT} moves; the last were {self.log[-6:]}")

    # --- what tests say ---

    def start(self) -> Driver:
        """Start the machine."""
        self.handle(ev.Start())
        return self

    def feed(self, node: str, items: list[Any], *, run: int = 1, port: str = "in", chunk: int = 64, close: bool = True) -> Driver:
        """Feed messages, *chunk* at a time; the run is closed when all its feeders are through."""
        batches = deque(items[i : i + chunk] for i in range(0, len(items), chunk))
        self.feeds.append(Feed(node, port, run, batches, close))
        return self

    def run(self, node: str, items: list[Any], **options: Any) -> Driver:
        """Start, feed and settle."""
        self.start().feed(node, items, **options).settle()
        return self

    def ask(self, make: Callable[..., ev.Event], *args: Any, **fields: Any) -> Any:
        """Send a request, settle, and return the answer; an error answer is an AssertionError with its text."""
        token = f"ask-{next(self._tokens)}"
        self.handle(make(*args, **fields, token=token))
        self.settle(lambda: token in self.replies)
        assert token in self.replies, f"{make.__name__} is never answered"
        reply = self.replies[token]
        assert reply.error is None, reply.error
        return reply.value

    def refused(self, make: Callable[..., ev.Event], *args: Any, **fields: Any) -> tuple[str, str]:
        """Return the error (kind, message) of a refused request."""
        token = f"ask-{next(self._tokens)}"
        self.handle(make(*args, **fields, token=token))
        self.settle(lambda: token in self.replies)
        assert token in self.replies, f"{make.__name__} is never answered"
        error = self.replies[token].error
        assert error is not None, f"{make.__name__} is not refused: {self.replies[token]}"
        return error

    def status(self, run: int = 1) -> str:
        """Return how the run ended, or its present activity."""
        return self.ended[run].status if run in self.ended else self.machine.view().runs.get(run, "unknown")

    def outputs(self, port: str, run: int = 1) -> list[Any]:
        """Return the results on ``node.port`` (or ``node``, for its ``out``), in order."""
        name = port if "." in port else f"{port}.out"
        return [value for r, p, value in self.results if (r, p) == (run, name)]

    def consumed(self, node: str, run: int | None = None) -> list[Any]:
        """Return the values known to be consumed by a node, in order."""
        return [t.value for t in self.taken if t.node == node and run in (None, t.run)]

    def held(self, node: str = "") -> list[ev.HeldMessage]:
        """Return the messages held, of all nodes or of one."""
        return [h for h in self.machine.held() if node in ("", h.node)]

    def depth(self, node: str) -> int:
        """Return the number of messages waiting in front of a node."""
        return next(n.depth for n in self.machine.view().nodes if n.id == node)

    def calls(self, node: str) -> list[ev.Call]:
        """Return every `Call` of the node, in order."""
        return [c for c in self.log if isinstance(c, ev.Call) and c.node == node]


def text(value: Any) -> bytes:
    """Return the JSON text of an edit."""
    return orjson.dumps(value)
