"""Drives a `Machine` with fake runtimes: a tiny shell with virtual time and a seeded order of everything.

Commands to a runtime and events from it keep their order, as pipes do; between runtimes, feeders, wishes and the clock
any order may happen. Without a seed the order is the plainest one. ``machine.check()`` runs after every event.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from floe_jupyter.core import events as ev
from floe_jupyter.core.machine import Machine
from floe_jupyter.core.messages import Batch, encode_plain, values
from floe_jupyter.core.model import Flow, Module, Node, Wire

from .contract import Contract
from .fakes import Crash, Fake, FakeRuntime

LIMIT = 100_000
"""A test that needs more moves than this hangs."""


def wire(text: str) -> Wire:
    """``wire("a.bad > b")``."""
    source, target = (part.strip().partition(".") for part in text.split(">"))
    return Wire(source[0], target[0], source[2] or "out", target[2] or "in")


def make_flow(wires: str, nodes: Mapping[str, Mapping[str, Any]] | None = None) -> Flow:
    """``make_flow("a>b, b>c", {"c": {"join": "all"}})``: nodes in the order of their first mention, each its own module."""
    made = tuple(wire(part) for part in wires.split(",") if part.strip())
    options = {name: dict(given) for name, given in (nodes or {}).items()}
    order = dict.fromkeys([n for w in made for n in (w.source, w.target)] + list(options))
    return Flow("f", tuple(Node(id=n, **{"module": n, **options.get(n, {})}) for n in order), made)


def make_modules(flow: Flow, **state: str) -> dict[str, Module]:
    """A module for each node's name of one; its source is its name."""
    ports = {m: tuple(dict.fromkeys(["out", *(w.source_port for w in flow.wires for n in flow.nodes
                                              if n.id == w.source and n.module == m)]))
             for m in dict.fromkeys(n.module for n in flow.nodes)}
    return {m: Module(m, m, outputs=outs, state=state.get(m, "{}")) for m, outs in ports.items()}


@dataclass(frozen=True)
class Taken:
    """One message that a node is known to have consumed (those on local routes are not seen)."""

    node: str
    lane: int
    port: str
    value: Any
    run: int
    version: int


@dataclass
class Feed:
    """A feeder: waits for `Accepted` before it goes on, as a good one does."""

    node: str
    port: str
    run: int
    batches: deque[list[Any]]
    close: bool
    waiting: object = None


class Driver:
    """One machine and everything around it."""

    def __init__(self, flow: Flow, library: Mapping[str, Fake], *, seed: int | None = None,
                 group: Callable[[str, int], str] = lambda node, lane: f"{node}-{lane}",
                 modules: Mapping[str, Module] | None = None, **options: Any) -> None:
        self.flow, self.library, self.group = flow, dict(library), group
        self.random = seed is not None
        self.rng = random.Random(0 if seed is None else seed)
        self.machine = Machine(flow, modules or make_modules(flow), **options)
        self.contract = Contract(flow)
        self.now = 0.0
        self.wake: float | None = None
        self.runtimes: dict[str, FakeRuntime] = {}
        self.homes: dict[tuple[str, int], FakeRuntime] = {}
        self.loading: dict[tuple[str, int, int], ev.Load] = {}
        self.feeds: list[Feed] = []
        self.wishes: deque[Callable[[], None]] = deque()
        self.crashes = 0
        """How many more runtimes may be killed at random moments."""
        self.jumps = False
        """Whether the clock may also move while there is something to do."""
        self.results: list[tuple[int, str, Any]] = []
        """(run, "node.port", value), in order."""
        self._result_ids: list[str] = []
        self.ended: dict[int, ev.Ended] = {}
        self.taken: list[Taken] = []
        self.notices: list[ev.Notice] = []
        self.replies: dict[object, ev.Reply] = {}
        self.accepted: set[object] = set()
        self.log: list[ev.Event | ev.Command] = []
        self._tokens = itertools.count(1)
        self._names = itertools.count(1)

    # --- talking to the machine ---

    def handle(self, event: ev.Event) -> list[ev.Command]:
        """One event now; its commands are carried out and returned."""
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
                self.taken.append(Taken(call.node, call.lane, call.port, call.values[i], call.runs[i], call.version))
        elif isinstance(event, ev.Loaded | ev.LoadFailed):
            self.loading.pop((event.node, event.lane, event.version), None)
        elif isinstance(event, ev.Rewire):
            self.flow = event.flow

    def _carry_out(self, c: ev.Command) -> None:
        if isinstance(c, ev.Unload):
            self.loading = {k: v for k, v in self.loading.items() if k[:2] != (c.node, c.lane) or c.version not in (0, k[2])}
        match c:
            case ev.Load():
                self.loading[c.node, c.lane, c.module.version] = c
                self._home(c).inbox.append(c)
            case ev.Activate() | ev.Unload() | ev.Route() | ev.Call() | ev.Recall():
                self._to(self.homes.get((c.node, c.lane)), c)
            case ev.More():
                open_call = self.contract.calls[c.call]
                self._to(self.homes.get((open_call.node, open_call.lane)), c)
            case ev.Kill():
                self.kill(c.runtime, c.cause)
            case ev.Wake():
                self.wake = c.at
            case _:
                self._tell(c)

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
        """A step back takes its results back."""
        kept = [(result, name) for result, name in zip(self.results, self._result_ids, strict=True) if name not in ids]
        self.results, self._result_ids = [result for result, _ in kept], [name for _, name in kept]

    def _home(self, c: ev.Load) -> FakeRuntime:
        group = self.group(c.node, c.lane)
        if group not in self.runtimes:
            self.runtimes[group] = FakeRuntime(f"{group}:{next(self._names)}", lambda: self.flow, self.library, self.rng)
        self.homes[c.node, c.lane] = self.runtimes[group]
        return self.runtimes[group]

    def _to(self, runtime: FakeRuntime | None, command: ev.Command) -> None:
        assert runtime is not None or isinstance(command, ev.Unload), f"{command} for a lane that was never loaded"
        if runtime is not None and runtime.alive:
            runtime.inbox.append(command)

    def kill(self, name: str, cause: str = "killed") -> None:
        """A runtime's process ends; some of what it wrote may still be read."""
        for runtime in self.runtimes.values():
            if runtime.name == name and runtime.alive:
                runtime.alive = False
                runtime.inbox.clear()
                keep = self.rng.randint(0, len(runtime.outbox)) if self.random else len(runtime.outbox)
                runtime.outbox = deque(list(runtime.outbox)[:keep])
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
        if self.wishes:
            moves.append(self._wish)
        return moves

    def _deliver(self, runtime: FakeRuntime) -> None:
        event = runtime.outbox.popleft()
        if isinstance(event, ev.RuntimeLost):
            self._lost(event)
        else:
            self.handle(event)

    def _lost(self, event: ev.RuntimeLost) -> None:
        """What was still being loaded there is the shell's to load again; the machine hears of what it knew."""
        self.runtimes = {k: r for k, r in self.runtimes.items() if r.name != event.runtime}
        gone = [lane for lane, home in self.homes.items() if home.name == event.runtime]
        again = [load for load in self.loading.values() if (load.node, load.lane) in gone]
        known = event.runtime in self.contract.home.values()
        for lane in gone:
            del self.homes[lane]
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

    def _wish(self) -> None:
        self.wishes.popleft()()

    def _clock(self) -> bool:
        """Move the clock to the next moment at which something happens."""
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
        """Let one thing happen; False when nothing can."""
        if self.random and self.crashes and self.runtimes and self.rng.random() < 0.02:
            self.crashes -= 1
            self.kill(self.rng.choice(list(self.runtimes.values())).name)
            return True
        moves = self._moves()
        if not moves or (self.jumps and self.rng.random() < 0.01):
            return self._clock() or bool(moves)
        (self.rng.choice(moves) if self.random else moves[0])()
        return True

    def settle(self, until: Callable[[], bool] = lambda: False) -> None:
        """Go on until nothing can happen any more, or *until* holds."""
        for _ in range(LIMIT):
            if until() or not self.move():
                return
        raise AssertionError(f"still busy after {LIMIT} moves; the last were {self.log[-6:]}")

    # --- what tests say ---

    def start(self) -> Driver:
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
        """Say a wish, settle, and give its answer; an error answer is an AssertionError with its text."""
        token = f"ask-{next(self._tokens)}"
        self.handle(make(*args, **fields, token=token))
        self.settle(lambda: token in self.replies)
        assert token in self.replies, f"{make.__name__} is never answered"
        reply = self.replies[token]
        assert reply.error is None, reply.error
        return reply.value

    def refused(self, make: Callable[..., ev.Event], *args: Any, **fields: Any) -> tuple[str, str]:
        """The error (kind, message) that a wish is answered with."""
        token = f"ask-{next(self._tokens)}"
        self.handle(make(*args, **fields, token=token))
        self.settle(lambda: token in self.replies)
        assert token in self.replies, f"{make.__name__} is never answered"
        error = self.replies[token].error
        assert error is not None, f"{make.__name__} is not refused: {self.replies[token]}"
        return error

    def status(self, run: int = 1) -> str:
        """How the run ended; what it is doing where it has not."""
        return self.ended[run].status if run in self.ended else self.machine.view().runs.get(run, "unknown")

    def outputs(self, port: str, run: int = 1) -> list[Any]:
        """The results on ``node.port`` (or ``node``, for its ``out``), in order."""
        name = port if "." in port else f"{port}.out"
        return [value for r, p, value in self.results if (r, p) == (run, name)]

    def consumed(self, node: str, run: int | None = None) -> list[Any]:
        """The values that a node is known to have consumed, in order."""
        return [t.value for t in self.taken if t.node == node and run in (None, t.run)]

    def held(self, node: str = "") -> list[ev.HeldMessage]:
        return [h for h in self.machine.held() if node in ("", h.node)]

    def depth(self, node: str) -> int:
        return next(n.depth for n in self.machine.view().nodes if n.id == node)

    def calls(self, node: str) -> list[ev.Call]:
        """Every `Call` on the node so far."""
        return [c for c in self.log if isinstance(c, ev.Call) and c.node == node]


def text(value: Any) -> bytes:
    """The JSON text of an edit."""
    return orjson.dumps(value)
