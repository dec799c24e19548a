"""One machine and its modules: carries out what the machine orders, and tells it what came of it."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from floe_jupyter.core.events import (
    Accepted,
    Activate,
    Activated,
    Call,
    Command,
    Ended,
    Event,
    Failure,
    Inject,
    Kill,
    Load,
    Loaded,
    LoadFailed,
    More,
    Notice,
    Recall,
    Reply,
    Result,
    Returned,
    Rewire,
    Route,
    Routed,
    RuntimeLost,
    Start,
    Stop,
    Tick,
    Unload,
    Update,
    View,
    Wake,
)
from floe_jupyter.core.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.errors import BugError, DefinitionError, ProtocolError
from floe_jupyter.runner.loop import Loop, Timer
from floe_jupyter.runner.process import Runtime
from floe_jupyter.runner.slots import Slot
from floe_jupyter.runner.translate import call_pieces, target_of
from floe_jupyter.wire.frames import ActivateFrame, MoreFrame, RecallFrame, RouteFrame, UnloadFrame


class Host(Protocol):
    """What an instance needs of its runner."""

    loop: Loop

    def new_slot(self, instance: Instance, load: Load) -> Slot:
        """Load it somewhere; `Instance.loaded` or `Instance.refused` follows."""

    def forget_slot(self, slot: Slot) -> None: ...
    def new_call(self) -> int: ...
    def kill(self, runtime: str, cause: str) -> None: ...
    def hand_over(self, batch: Batch) -> Batch:
        """The batch as it may leave the runner."""

    def has_news(self, instance: Instance) -> None:
        """`Instance.news` holds something."""

    def has_changed(self, instance: Instance) -> None:
        """Its view may differ from the one sent last."""


class Ticket:
    """A token whose answer stays in the runner."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[Reply | Accepted], None]) -> None:
        self.done = done


class Instance:
    """A machine at work. `handle` takes an event; whatever is for the dispatcher gathers in `news`."""

    def __init__(self, name: str, prefix: str, machine: Machine, host: Host, flow: Flow, modules: Iterable[Module]) -> None:
        self.name = name
        self.prefix = prefix
        self.machine = machine
        self.flow = flow
        self.modules = {m.name: m for m in modules}
        """As they were last wished for."""
        self.news: list[Command] = []
        self.changed = False
        """The view may differ from the one sent last."""
        self.seen_at = 0.0
        self.sent_view: View | None = None
        self.stopping = False
        self.broken = ""
        self.runs: dict[int, None] = {}
        """Runs that are open, in order: should the machine break, they are told as failed."""
        self.last_run = 0
        own = name.removeprefix(prefix)
        self.own_run = int(own) if own.isdecimal() else 0
        """The run that this instance is made for, where it is for one only."""
        self.slots: dict[tuple[str, int, int], Slot] = {}
        """By node, lane and version."""
        self.active: dict[tuple[str, int], Slot] = {}
        self.calls: dict[int, tuple[Runtime, int]] = {}
        """Calls in flight: where, and under which number."""
        self._host = host
        self._events: deque[Event] = deque()
        self._busy = False
        self._wake: Timer | None = None

    def handle(self, event: Event) -> None:
        """Take an event and carry out what follows. Events that come up meanwhile wait for their turn."""
        if self._busy:
            self._events.append(event)
            return
        self._busy = True
        try:
            self._work(event)
        finally:
            self._busy = False

    def _work(self, event: Event) -> None:
        now, carry_out = self._host.loop.now, self._CARRY_OUT
        self._events.append(event)
        while self._events and not self.broken:
            event = self._events.popleft()
            try:
                for command in self.machine.handle(event, now):
                    carry_out[type(command)](self, command)
            except Exception as error:  # noqa: BLE001 - one machine's bug must not end the flows of the others
                self._break(error, event)
        if not self.changed:
            self.changed = True
            self._host.has_changed(self)

    def wish(self, event: Event) -> None:
        """`handle`, and remember what it was about."""
        if type(event) is Inject:
            for run in event.batch.runs or (event.batch.run,):
                self.runs[run] = None
                if run > self.last_run:
                    self.last_run = run
        elif isinstance(event, Update):
            self.modules[event.module.name] = event.module
        elif isinstance(event, Rewire):
            self.flow = event.flow
            self.modules |= {m.name: m for m in event.modules}
        self.handle(event)

    def start(self) -> None:
        """Load everything."""
        self.handle(Start())

    def stop(self) -> None:
        """End all runs and unload everything."""
        if not self.stopping:
            self.stopping = True
            self.handle(Stop())

    @property
    def over(self) -> bool:
        """Stopped, and nothing of it is at work any more."""
        return self.stopping and not self.calls

    # --- what runtimes tell ----------------------------------------------------------------------------------------------

    def returned(self, call: int, event: Returned) -> None:
        if event.end:
            self.calls.pop(call, None)
        self.handle(event)

    def loaded(self, slot: Slot) -> None:
        if slot.load.state is not None:
            self.active[slot.node, slot.lane] = slot
        assert slot.runtime is not None
        self.handle(Loaded(slot.node, slot.lane, slot.version, slot.runtime.name, slot.fusable, slot.follows))

    def refused(self, slot: Slot, failure: Failure) -> None:
        self._forget(slot)
        self.handle(LoadFailed(slot.node, slot.lane, slot.version, failure))

    def activated(self, slot: Slot, state: dict[str, Any]) -> None:
        self.active[slot.node, slot.lane] = slot
        self.handle(Activated(slot.node, slot.lane, slot.version, state))

    def routed(self, slot: Slot) -> None:
        self.handle(Routed(slot.node, slot.lane))

    def lost(self, runtime: Runtime, cause: str) -> None:
        """A runtime is gone, with the slots that were loaded in it. Those under way are the runner's to load again."""
        known = False
        for slot in [s for s in self.slots.values() if s.runtime is runtime and s.loaded]:
            known = True
            self._forget(slot)
        for call in [c for c, (where, _) in self.calls.items() if where is runtime]:
            del self.calls[call]
        if known:
            self.handle(RuntimeLost(runtime.name, cause))

    # --- what the machine orders -----------------------------------------------------------------------------------------

    def _call(self, command: Call) -> None:
        slot = self.active.get((command.node, command.lane))
        if slot is None or slot.runtime is None:
            self._require_loss(f"a call of {command.node!r}, lane {command.lane}")
            return
        runtime, number = slot.runtime, self._host.new_call()
        try:
            pieces = call_pieces(command, number, slot.number)
        except ProtocolError as error:
            self._too_large(command, error)
            return
        runtime.calls[number] = (self, command.call)
        self.calls[command.call] = (runtime, number)
        runtime.writer.send(pieces)

    def _too_large(self, command: Call, error: ProtocolError) -> None:
        failure = Failure(command.node, f"{error}: send large data as bytes or arrays, not as JSON", "value")
        self._events.append(Returned(command.call, failure=failure, end=True))

    def _require_loss(self, what: str) -> None:
        """A slot may be missing only if the machine is about to hear that its runtime is gone."""
        if not any(isinstance(e, RuntimeLost) for e in self._events):
            raise BugError(f"{what}, which is not loaded")

    def _more(self, command: More) -> None:
        if (found := self.calls.get(command.call)) is not None:
            found[0].send(MoreFrame(call=found[1]))

    def _recall(self, command: Recall) -> None:
        slot = self.active.get((command.node, command.lane))
        if slot is not None and slot.runtime is not None:
            slot.runtime.send(RecallFrame(slot=slot.number))

    def _kill(self, command: Kill) -> None:
        self._host.kill(command.runtime, command.cause)

    def _load(self, command: Load) -> None:
        key = (command.node, command.lane, command.module.version)
        if (former := self.slots.get(key)) is not None:
            self._unload_slot(former)
        self.slots[key] = self._host.new_slot(self, command)

    def _activate(self, command: Activate) -> None:
        slot = self.slots.get((command.node, command.lane, command.version))
        if slot is None or slot.runtime is None:
            self._require_loss(f"version {command.version} of {command.node!r} to activate")
            return
        slot.runtime.send(ActivateFrame(slot=slot.number, state=command.state))

    def _route(self, command: Route) -> None:
        slot = self.active.get((command.node, command.lane))
        if slot is None or slot.runtime is None:
            self._require_loss(f"routes of {command.node!r}")
            return
        routes = {}
        for port, wires in command.routes.items():
            ends = [(wire, *target_of(wire)) for wire in wires]
            found = [(wire, self.active.get((node, 0)), into) for wire, node, into in ends]
            if any(target is None for _, target, _ in found):
                self._require_loss(f"an end of the routes of {command.node!r}")
                return
            routes[port] = [(wire, target.number, into) for wire, target, into in found if target is not None]
        slot.runtime.send(RouteFrame(slot=slot.number, routes=routes))

    def _unload(self, command: Unload) -> None:
        for slot in [s for (node, lane, version), s in self.slots.items()
                     if (node, lane) == (command.node, command.lane) and command.version in (0, version)]:
            self._unload_slot(slot)

    def _unload_slot(self, slot: Slot) -> None:
        if slot.runtime is not None:
            slot.runtime.send(UnloadFrame(slot=slot.number))
        self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        self.slots.pop((slot.node, slot.lane, slot.version), None)
        if self.active.get((slot.node, slot.lane)) is slot:
            del self.active[slot.node, slot.lane]
        self._host.forget_slot(slot)

    def _wake_at(self, command: Wake) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._host.loop.at(command.at, self._tick)

    def _tick(self) -> None:
        self._wake = None
        self.handle(Tick())

    def _result(self, command: Result) -> None:
        batch = self._host.hand_over(command.batch) if command.batch.buffers else command.batch
        self._tell(command if batch is command.batch else Result(command.node, command.port, batch))

    def _ended(self, command: Ended) -> None:
        self.runs.pop(command.run, None)
        self._tell(command)

    def _answer(self, command: Reply | Accepted) -> None:
        if isinstance(command.token, Ticket):
            command.token.done(command)
        elif command.token is not None:  # else nobody asked to be told
            self._tell(command)

    def _tell(self, command: Command) -> None:
        if not self.news:
            self._host.has_news(self)
        self.news.append(command)

    # --- the end ---------------------------------------------------------------------------------------------------------

    def _break(self, error: Exception, event: Event) -> None:
        """A flow that cannot run, or a machine whose state can no longer be trusted: its runs have failed, its modules go."""
        self.stopping = True
        text, trace = str(error), ""
        if not isinstance(error, DefinitionError):
            trace = "".join(traceback.format_exception(error))
            text = (f"the engine broke on {type(event).__name__}: {type(error).__name__}: {error}; please report this with its "
                    "trace, and run the flow again")
        self.broken = text
        failure = Failure("", text, "bug" if trace else "load", trace=trace)
        self._tell(Notice("failure", data={"message": text, "trace": trace}))
        for run in self.runs:
            self._tell(Ended(run, "failed", (failure,)))
        self.runs.clear()
        self._answer_tokens(text)
        self.discard()

    def _answer_tokens(self, text: str) -> None:
        """Whoever waits for an answer to an event that was not taken gets one."""
        for event in self._events:
            token = getattr(event, "token", None)
            if token is not None:
                self._answer(Reply(token, error=("bug", text)))
        self._events.clear()

    def discard(self) -> None:
        """Unload what is left, without asking the machine."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        for slot in list(self.slots.values()):
            self._unload_slot(slot)

    _CARRY_OUT: ClassVar[dict[type, Callable[[Instance, Any], None]]] = {
        Call: _call,
        Result: _result,
        Accepted: _answer,
        More: _more,
        Wake: _wake_at,
        Ended: _ended,
        Notice: _tell,
        Reply: _answer,
        Load: _load,
        Activate: _activate,
        Unload: _unload,
        Route: _route,
        Recall: _recall,
        Kill: _kill,
    }
