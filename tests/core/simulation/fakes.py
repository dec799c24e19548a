"""A fake runtime with the rules of ``runtimes/README.md``, for the modules of `tests.core.simulation.fake_modules`.

Commands come from the inbox, events go to the outbox; the driver alone says when a step is taken.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.messages import Batch, derive, encode_plain, values
from tests.core.simulation.fake_modules import Context, Fake, Given, Raised


@dataclass
class Under:
    """Call under way."""

    call: int
    port: str
    items: list[Any]
    runs: list[int]
    skip: int
    state: dict[str, Any] | None
    keys: list[str]
    at: int = 0
    flow: Iterator[Given] | None = None
    """Generator of the message under way."""
    emitted: int = 0
    window: int = 0
    began: bool = False
    recalled: bool = False
    waiting: bool = False

    @property
    def way(self) -> str:
        """Port and key of the message under way."""
        return f"{self.port}/{self.keys[self.at]}"


@dataclass
class Slot:
    """Version of a node's worker."""

    node: str
    worker: int
    version: int
    fake: Fake
    state: dict[str, Any]
    on_error: str
    commit_each: bool
    reported: dict[str, Any] = field(default_factory=dict)
    routes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: deque[Under] = field(default_factory=deque)
    stopped: bool = False
    """True after a failure, until a call brings a state to go on from."""


@dataclass
class Frame:
    """Unfinished `Returned`."""

    call: int
    base: int
    consumed: int = 0
    emitted: int = 0
    given: dict[tuple[str, str], list[tuple[Any, int, int, int]]] = field(default_factory=dict)
    """(node, port) -> (value, run, index, parent)."""
    counts: dict[str, list[int]] = field(default_factory=dict)
    skipped: list[ev.Failure] = field(default_factory=list)
    failure: ev.Failure | None = None
    left: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)
    touched: dict[str, Slot] = field(default_factory=dict)


@dataclass(frozen=True)
class Local:
    """Message on a local route."""

    wire: str
    value: Any
    run: int
    parent: int
    way: str
    """Input port and key: the same as without local routes."""


def batch_of(items: list[Any], runs: list[int]) -> Batch:
    """Return a batch of values."""
    same = len(set(runs)) == 1
    return Batch(encode_plain(items), len(items), run=runs[0] if same else 0, runs=None if same else tuple(runs))


class FakeRuntime:
    """Process; single-threaded, as real ones are."""

    def __init__(self, name: str, flow: Callable[[], Flow], library: Mapping[str, Fake], rng: random.Random) -> None:
        self.name, self.flow, self.library, self.rng = name, flow, library, rng
        self.runner = ""
        """URL of the outpost where the process is; empty at home."""
        self.inbox: deque[ev.Command] = deque()
        self.outbox: deque[ev.Event] = deque()
        self.slots: dict[tuple[str, int], Slot] = {}
        self.beside: dict[tuple[str, int, int], Slot] = {}
        self.former: dict[tuple[str, int], Slot] = {}
        """Versions in use before the last activation: in use again when the activation is taken back."""
        self.alive = True
        self.busy_until = 0.0

    # --- commands ---

    def receive(self) -> None:
        """Take one command."""
        command = self.inbox.popleft()
        getattr(self, "_" + type(command).__name__.lower())(command)

    def _load(self, c: ev.Load) -> None:
        fake = self.library[c.module.source]
        if not fake.loads:
            self.outbox.append(ev.LoadFailed(c.node, c.worker, c.module.version, ev.Failure(c.node, "SyntaxError", "load")))
            return
        slot = Slot(c.node, c.worker, c.module.version, fake, copy.deepcopy(c.state or {}), c.on_error, c.commit_each)
        slot.reported = copy.deepcopy(slot.state)
        if c.state is None:
            self.beside[c.node, c.worker, slot.version] = slot
        else:
            self.slots[c.node, c.worker] = slot
        self.outbox.append(ev.Loaded(c.node, c.worker, slot.version, self.name, fake.fusable))

    def _activate(self, c: ev.Activate) -> None:
        into = [w.name for w in self.flow().wires if w.target == c.node]
        live = [s.node for s in self.slots.values() for names in s.routes.values() if set(names) & set(into)]
        assert not live, f"{c.node} is swapped while {live} follows a local route into it"
        slot = self.beside.pop((c.node, c.worker, c.version))
        old = self.slots.get((c.node, c.worker))
        assert old is None or not old.calls, f"{c.node} is swapped while a call of it is in flight"
        try:
            slot.state = slot.fake.migrate(copy.deepcopy(c.state)) if slot.fake.migrate else copy.deepcopy(c.state)
        except Raised as error:
            failure = ev.Failure(c.node, str(error), "load")
            self.outbox.append(ev.LoadFailed(c.node, c.worker, c.version, failure))
            return
        slot.reported = copy.deepcopy(slot.state)
        if old is not None:
            self.former[c.node, c.worker] = old
        self.slots[c.node, c.worker] = slot
        self.outbox.append(ev.Activated(c.node, c.worker, c.version, copy.deepcopy(slot.state)))

    def _unload(self, c: ev.Unload) -> None:
        for key in [k for k in self.beside if k[:2] == (c.node, c.worker) and c.version in (0, k[2])]:
            del self.beside[key]
        slot = self.slots.get((c.node, c.worker))
        if slot and c.version in (0, slot.version):
            former = self.former.pop((c.node, c.worker), None)
            del self.slots[c.node, c.worker]
            if c.version and former is not None and former.version != c.version:
                self.slots[c.node, c.worker] = former
        if c.version:
            self.outbox.append(ev.Unloaded(c.node, c.worker, c.version))

    def _route(self, c: ev.Route) -> None:
        self.slots[c.node, c.worker].routes = dict(c.routes)
        self.outbox.append(ev.Routed(c.node, c.worker))

    def _call(self, c: ev.Call) -> None:
        items = values(c.batch)
        runs = [c.batch.run_of(i) for i in range(c.batch.n)]
        slot = self.slots[c.node, c.worker]
        slot.stopped = slot.stopped and c.state is None
        if slot.stopped:
            self.outbox.append(ev.Returned(c.call, end=True))
            return
        keys = list(c.batch.ids or map(str, range(c.first, c.first + c.batch.n)))
        slot.calls.append(Under(c.call, c.port, items, runs, c.skip, c.state, keys))

    def _more(self, c: ev.More) -> None:
        for slot in self.slots.values():
            for under in slot.calls:
                if under.call == c.call:
                    under.window, under.waiting = 0, False

    def _recall(self, c: ev.Recall) -> None:
        slot = self.slots.get((c.node, c.worker))
        idle = [u for u in slot.calls if u.flow is None and not u.began] if slot else []
        for under in slot.calls if slot else ():
            under.recalled = True
        if self.rng.random() < 0.5:
            idle.reverse()
        for under in idle:
            assert slot is not None
            slot.calls.remove(under)
            self.outbox.append(ev.Returned(under.call, end=True))

    # --- work ---

    def ready(self) -> list[Slot]:
        """Return the slots with work to do."""
        return [s for s in self.slots.values() if s.calls and not s.calls[0].waiting]

    def calls_open(self) -> bool:
        """Return whether any slot has a call."""
        return any(s.calls for s in self.slots.values())

    def work(self, now: float) -> None:
        """Work on a chunk of a slot; a module that takes time keeps the process busy first."""
        slot = self.rng.choice(self.ready())
        under = slot.calls[0]
        if under.at == 0 and under.state is not None and under.flow is None and not under.began:
            slot.state, slot.reported = copy.deepcopy(under.state), copy.deepcopy(under.state)
        if slot.fake.takes and not under.began:
            under.began, self.busy_until = True, now + slot.fake.takes
            return
        frame = Frame(under.call, under.at)
        self._chunk(slot, under, frame)
        self._write(slot, under, frame)

    def _chunk(self, slot: Slot, under: Under, frame: Frame) -> None:
        limit = 1 if slot.fake.takes else self.rng.randint(1, ev.CHUNK)
        queue: deque[Local] = deque()
        eager = self.rng.random() < 0.5
        while under.at < len(under.items) and frame.consumed < limit and frame.failure is None:
            if not self._message(slot, under, frame, queue):
                break
            if eager:
                self._follow(frame, queue)
            if under.recalled:
                break
        self._follow(frame, queue)

    def _message(self, slot: Slot, under: Under, frame: Frame, queue: deque[Local]) -> bool:
        """Work on the message under way; return True when consumed."""
        before = copy.deepcopy(slot.state)
        context = Context(slot.state, slot.node, slot.worker, under.runs[under.at], slot.version, under.way)
        try:
            if under.flow is None:
                given = slot.fake.call(under.items[under.at], context)
                if not inspect.isgenerator(given):
                    self._give(slot, frame, queue, list(given), under)
                    return self._consumed(slot, under, frame)
                under.flow, under.emitted, under.window = given, 0, 0
            return self._stream(slot, under, frame, queue)
        except Raised as error:
            if slot.commit_each or slot.on_error == "skip":
                slot.state.clear()
                slot.state.update(before)
            failure = ev.Failure(slot.node, f"Raised: {error}", run=context.run, input=under.items[under.at])
            if slot.on_error == "skip":
                frame.skipped.append(failure)
                return self._consumed(slot, under, frame)
            frame.failure, frame.emitted = failure, under.emitted
            frame.touched[slot.node] = slot
            return False

    def _give(self, slot: Slot, frame: Frame, queue: deque[Local], given: list[Given], under: Under) -> None:
        skip = under.skip if under.at == 0 else 0
        for index, (port, value) in enumerate(given):
            if index >= skip:
                self._output(slot, frame, queue, port, value, under.runs[under.at], index, under.at, under.way)

    def _output(
        self, slot: Slot, frame: Frame, queue: deque[Local], port: str, value: Any, run: int, index: int, parent: int, way: str
    ) -> None:
        if port in slot.routes:
            own = derive(way, slot.node, index)
            for wire in [w for w in self.flow().wires if w.name in slot.routes[port]]:
                queue.append(Local(wire.name, copy.deepcopy(value), run, parent, f"{wire.target_port}/{own}"))
        else:
            frame.given.setdefault((slot.node, port), []).append((value, run, index, parent))

    def _stream(self, slot: Slot, under: Under, frame: Frame, queue: deque[Local]) -> bool:
        assert under.flow is not None
        burst = self.rng.choice((1, 3, 100, 100_000))
        for port, value in under.flow:
            index = under.emitted
            under.emitted += 1
            if under.at > 0 or index >= under.skip:
                self._output(slot, frame, queue, port, value, under.runs[under.at], index, under.at, under.way)
                under.window += 1
                burst -= 1
            if under.window >= ev.WINDOW or burst <= 0:
                under.waiting = under.window >= ev.WINDOW
                frame.emitted = under.emitted
                return False
        return self._consumed(slot, under, frame)

    def _consumed(self, slot: Slot, under: Under, frame: Frame) -> bool:
        frame.touched[slot.node] = slot
        frame.consumed += 1
        frame.emitted = 0
        under.at += 1
        under.flow, under.emitted, under.began = None, 0, False
        return True

    def _follow(self, frame: Frame, queue: deque[Local]) -> None:
        """Run all messages on local routes through."""
        targets = {w.name: w.target for w in self.flow().wires}
        while queue:
            local = queue.popleft()
            if frame.failure is not None:
                frame.left.setdefault(local.wire, []).append((local.value, local.run))
                continue
            slot = self.slots[targets[local.wire], 0]
            if self._local(slot, local, frame, queue):
                count = frame.counts.setdefault(local.wire, [0, 0])
                count[0] += 1
                count[1] += len(encode_plain(local.value))

    def _local(self, slot: Slot, local: Local, frame: Frame, queue: deque[Local]) -> bool:
        before = copy.deepcopy(slot.state)
        frame.touched[slot.node] = slot
        try:
            context = Context(slot.state, slot.node, slot.worker, local.run, slot.version, local.way)
            given = list(slot.fake.call(copy.deepcopy(local.value), context))
        except Raised as error:
            slot.state.clear()
            slot.state.update(before)
            failure = ev.Failure(slot.node, f"Raised: {error}", run=local.run, input=local.value)
            if slot.on_error == "skip":
                frame.skipped.append(failure)
                return True
            frame.failure = failure
            frame.left.setdefault(local.wire, []).insert(0, (local.value, local.run))
            return False
        for index, (port, value) in enumerate(given):
            self._output(slot, frame, queue, port, value, local.run, index, local.parent, local.way)
        return True

    # --- frames ---

    def _write(self, slot: Slot, under: Under, frame: Frame) -> None:
        end = under.at == len(under.items) or frame.failure is not None or (under.recalled and under.flow is None)
        apart = end and frame.failure is None and self.rng.random() < 0.2
        self.outbox.append(
            ev.Returned(
                under.call,
                frame.consumed,
                frame.emitted,
                self._outputs(slot, frame),
                tuple(ev.Count(wire, n, size) for wire, (n, size) in frame.counts.items()),
                tuple(self._changes(frame)),
                tuple(frame.skipped),
                frame.failure,
                tuple(ev.Left(wire, batch_of([v for v, _ in left], [r for _, r in left])) for wire, left in frame.left.items()),
                end and not apart,
            )
        )
        if apart:
            self.outbox.append(ev.Returned(under.call, end=True))
        if end:
            slot.calls.popleft()
        if frame.failure is not None:
            self._stopped(slot, set(frame.left))

    def _stopped(self, slot: Slot, left: set[str]) -> None:
        """Give back the calls of a failed slot until a call brings a state, and cut the routes over the wires *left*.

        New messages must not overtake messages handed back.
        """
        slot.stopped = True
        while slot.calls:
            self.outbox.append(ev.Returned(slot.calls.popleft().call, end=True))
        for other in self.slots.values():
            other.routes = {port: wires for port, wires in other.routes.items() if not left & set(wires)}

    def _outputs(self, slot: Slot, frame: Frame) -> tuple[ev.Output, ...]:
        result = []
        simple = list(range(frame.base, frame.base + frame.consumed))
        for (node, port), given in frame.given.items():
            batch = batch_of([g[0] for g in given], [g[1] for g in given])
            index, parent = tuple(g[2] for g in given), tuple(g[3] for g in given)
            bare = (
                len(frame.given) == 1
                and node == slot.node
                and not any(index)
                and list(parent) == simple
                and not frame.emitted
                and self.rng.random() < 0.8
            )
            result.append(ev.Output(node, port, batch, None if bare else index, None if bare else parent))
        return tuple(result)

    def _changes(self, frame: Frame) -> Iterator[ev.StateChange]:
        for slot in frame.touched.values():
            old, new = slot.reported, slot.state
            changed = {k: copy.deepcopy(v) for k, v in new.items() if k not in old or old[k] != v}
            unset = tuple(k for k in old if k not in new)
            if changed or unset:
                slot.reported = copy.deepcopy(new)
                yield ev.StateChange(slot.node, slot.worker, changed, unset)
