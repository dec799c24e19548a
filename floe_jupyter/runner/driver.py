"""Driver of a machine and the machine's modules: carries out commands, and reports their outcomes to the machine."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import (
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
    Unloaded,
    Update,
    View,
    Wake,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.errors import BugError, DefinitionError, ProtocolError
from floe_jupyter.runner.host import Host, LocalToken
from floe_jupyter.runner.runtimes.busy import Busy
from floe_jupyter.runner.runtimes.slots import Slot, SlotRuntime
from floe_jupyter.runner.runtimes.translate import target_of
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.runtime.frames import ActivateFrame, MoreFrame, RecallFrame, RouteFrame, UnloadFrame
from floe_jupyter.wire.transport.loop import Timer


class MachineDriver:
    """Machine at work. `handle` takes an event; `commands` collects the commands for the dispatcher."""

    def __init__(
        self,
        name: str,
        prefix: str,
        machine: Machine,
        host: Host[MachineDriver],
        flow: Flow,
        modules: Iterable[Module],
        context: ProcessContext = INHERITED,
    ) -> None:
        self.name = name
        self.prefix = prefix
        self.machine = machine
        self.flow = flow
        self.context = context
        """Process context in which the modules run."""
        self.modules = {m.name: m for m in modules}
        """Modules by name, as last requested."""
        self.outgoing: list[Command] = []
        self.changed = False
        """True if the view may differ from the view sent last."""
        self.seen_at = self.view_cost = 0.0
        """Time of the last sent view, and seconds spent on making the last view."""
        self.sent_view: View | None = None
        self.stopping = False
        self.broken = ""
        self.runs: dict[int, None] = {}
        """Open runs, in order. If the machine breaks, the open runs are reported as failed."""
        self.last_run = 0
        own = name.removeprefix(prefix)
        self.timeout = 0.0
        """Seconds that a run of the instance may take; 0: no limit."""
        self.own_run = int(own) if own.isdecimal() else 0
        """Run for which the instance was made, for an instance of a single run; else 0."""
        self.slots: dict[tuple[str, int], dict[int, Slot]] = {}
        """Slots by node and worker, then by version."""
        self.active: dict[tuple[str, int], Slot] = {}
        self.leaving: dict[tuple[str, int], Slot] = {}
        """Slots in use until the same version is loaded elsewhere; if the new load fails, the old slot stays in use."""
        self.calls: dict[int, tuple[SlotRuntime, int]] = {}
        """Calls in flight: runtime, and number of the call in the runtime."""
        self._host = host
        self._events: deque[Event] = deque()
        self._busy = False
        self._wake: Timer | None = None

    def handle(self, event: Event) -> None:
        """Handle an event and carry out the resulting commands. Events raised during handling are queued."""
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
            except Exception as error:  # noqa: BLE001 - a bug in one machine must not end the flows of other machines
                self._break(error, event)
        if not self.changed:
            self.changed = True
            self._host.has_changed(self)

    def request(self, event: Event) -> None:
        """Handle a requested event, and record the runs, modules and flow of the event."""
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
        """Load all modules."""
        self.handle(Start())

    def stop(self) -> None:
        """End all runs and unload all modules."""
        if not self.stopping:
            self.stopping = True
            self.handle(Stop())

    @property
    def over(self) -> bool:
        """True if the instance is stopped and has no call in flight."""
        return self.stopping and not self.calls

    # --- reports of runtimes ---------------------------------------------------------------------------------------------

    def returned(self, call: int, event: Returned) -> None:
        """Handle the answer to a call."""
        if event.end:
            self.calls.pop(call, None)
        self.handle(event)

    def loaded(self, slot: Slot) -> None:
        """Report a loaded slot to the machine."""
        if slot.load.state is not None:
            self._unload_former(slot.node, slot.worker)
            self.active[slot.node, slot.worker] = slot
        assert slot.runtime is not None
        self.handle(Loaded(slot.node, slot.worker, slot.version, slot.runtime.name, slot.fusable, slot.follows))

    def refused(self, slot: Slot, failure: Failure) -> None:
        """Report a failed load to the machine, or go on with the former slot if the load was a move to another runtime."""
        self._forget(slot)
        former = self.leaving.pop((slot.node, slot.worker), None)
        if former is None:
            self.handle(LoadFailed(slot.node, slot.worker, slot.version, failure))
        else:  # the module may need a resource that exists only once: go on with the former slot
            self.slots.setdefault((slot.node, slot.worker), {})[former.version] = former
            self.loaded(former)

    def activated(self, slot: Slot, state: dict[str, Any]) -> None:
        """Report an active slot to the machine, with the state of the module."""
        self.active[slot.node, slot.worker] = slot
        self.handle(Activated(slot.node, slot.worker, slot.version, state))

    def unloaded_of(self, slot: Slot) -> Callable[[], None]:
        """Return a callback to report an abandoned load or activation as no longer at work."""
        return lambda: self.handle(Unloaded(slot.node, slot.worker, slot.version))

    def routed(self, slot: Slot) -> None:
        """Report to the machine that a slot has taken its routes."""
        self.handle(Routed(slot.node, slot.worker))

    def lost(self, runtime: SlotRuntime, cause: str) -> None:
        """Forget a lost runtime and the slots loaded in the runtime. Slots still loading are loaded again by the runner."""
        known = False
        for slot in [s for s in self._all_slots() if s.runtime is runtime and s.loaded]:
            known = True
            self._forget(slot)
        for node, worker in [worker for worker, former in self.leaving.items() if former.runtime is runtime]:
            self._unload_former(node, worker)
        for call in [c for c, (where, _) in self.calls.items() if where is runtime]:
            del self.calls[call]
        if known:
            self.handle(RuntimeLost(runtime.name, cause))

    # --- commands of the machine -----------------------------------------------------------------------------------------

    def _call(self, command: Call) -> None:
        slot = self.active.get((command.node, command.worker))
        if slot is None or slot.runtime is None:
            self._require_loss(f"a call of {command.node!r}, worker {command.worker}")
            return
        runtime, number = slot.runtime, self._host.new_call()
        try:
            pieces = runtime.call_pieces(command, number, slot.number)
        except ProtocolError as error:
            self._too_large(command, error)
            return
        runtime.calls[number] = (self, command.call)
        if runtime.busy is None and len(runtime.calls) > 1:
            Busy(self._host.loop, runtime)
        self.calls[command.call] = (runtime, number)
        runtime.writer.send(pieces)

    def _too_large(self, command: Call, error: ProtocolError) -> None:
        failure = Failure(command.node, f"{error}: send large data as bytes or arrays, not as JSON", "value")
        self._events.append(Returned(command.call, failure=failure, end=True))

    def _require_loss(self, what: str) -> None:
        """Raise BugError unless the loss of a runtime is queued for the machine: only a loss explains a missing slot."""
        if not any(isinstance(e, RuntimeLost) for e in self._events):
            raise BugError(f"{what}, which is not loaded")

    def _more(self, command: More) -> None:
        if (found := self.calls.get(command.call)) is not None:
            found[0].send(MoreFrame(call=found[1]))

    def _recall(self, command: Recall) -> None:
        slot = self.active.get((command.node, command.worker))
        if slot is not None and slot.runtime is not None:
            slot.runtime.send(RecallFrame(slot=slot.number))

    def _kill(self, command: Kill) -> None:
        self._host.kill(command.runtime, command.cause)

    def _load(self, command: Load) -> None:
        version = command.module.version
        former = self._versions(command).get(version)
        if former is not None and command.elsewhere and former.loaded:
            self.leaving[command.node, command.worker] = former
        elif former is not None:
            self._unload_slot(former)
        self.slots.setdefault((command.node, command.worker), {})[version] = self._host.new_slot(self, command)

    def _activate(self, command: Activate) -> None:
        slot = self._versions(command).get(command.version)
        if slot is None or slot.runtime is None:
            self._require_loss(f"version {command.version} of {command.node!r} to activate")
            return
        slot.runtime.loads.add(slot)
        slot.runtime.send(ActivateFrame(slot=slot.number, state=command.state))

    def _route(self, command: Route) -> None:
        slot = self.active.get((command.node, command.worker))
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
        for slot in [s for version, s in self._versions(command).items() if command.version in (0, version)]:
            self._unload_slot(slot)
        self._unload_former(command.node, command.worker)

    def _unload_former(self, node: str, worker: int) -> None:
        if (former := self.leaving.pop((node, worker), None)) is not None:
            self._unload_slot(former)

    def _versions(self, command: Load | Activate | Unload) -> dict[int, Slot]:
        return self.slots.get((command.node, command.worker), {})

    def _all_slots(self) -> list[Slot]:
        return [slot for versions in self.slots.values() for slot in versions.values()]

    def _unload_slot(self, slot: Slot) -> None:
        if slot.runtime is not None:
            slot.runtime.send(UnloadFrame(slot=slot.number))
        self._forget(slot)

    def _forget(self, slot: Slot) -> None:
        versions = self.slots.get((slot.node, slot.worker), {})
        if versions.get(slot.version) is slot:
            del versions[slot.version]
        if not versions:
            self.slots.pop((slot.node, slot.worker), None)
        if self.active.get((slot.node, slot.worker)) is slot:
            del self.active[slot.node, slot.worker]
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
        if isinstance(command.token, LocalToken):
            command.token.done(command)
        elif command.token is not None:  # else no answer was asked for
            self._tell(command)

    def _tell(self, command: Command) -> None:
        if not self.outgoing:
            self._host.has_outgoing(self)
        self.outgoing.append(command)

    # --- the end ---------------------------------------------------------------------------------------------------------

    def _break(self, error: Exception, event: Event) -> None:
        """Report all runs as failed and unload all modules, after a flow that cannot run or a machine whose state cannot be
        trusted.
        """
        self.stopping = True
        text, trace = str(error), ""
        if not isinstance(error, DefinitionError):
            trace = "".join(traceback.format_exception(error))
            text = (
                f"the engine failed on {type(event).__name__}: {type(error).__name__}: {error}; please report this with its "
                "trace, and run the flow again"
            )
        self.broken = text
        failure = Failure("", text, "bug" if trace else "load", trace=trace)
        self._tell(Notice("failure", data={"message": text, "trace": trace}))
        for run in self.runs:
            self._tell(Ended(run, "failed", (failure,)))
        self.runs.clear()
        self._answer_tokens(text)
        self.discard()

    def _answer_tokens(self, text: str) -> None:
        """Answer the tokens of all queued events, which will not be handled, with an error."""
        for event in self._events:
            token = getattr(event, "token", None)
            if token is not None:
                self._answer(Reply(token, error=("bug", text)))
        self._events.clear()

    def discard(self) -> None:
        """Unload all remaining slots without consulting the machine."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        for slot in [*self._all_slots(), *self.leaving.values()]:
            self._unload_slot(slot)
        self.leaving.clear()

    _CARRY_OUT: ClassVar[dict[type, Callable[[MachineDriver, Any], None]]] = {
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
