"""Machine of one instance of a flow; events in, commands out (see `floe_jupyter.core.machine.events`).

`HANDLERS` maps every event to its handler; the parts are the neighbouring modules. An event is handled completely before the
next: the handler makes the necessary changes, then the nodes with possible work are asked (`pump`), then runs without messages
in flight end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_jupyter.core.flow.model import WIRE_BYTES, WIRE_MESSAGES, Flow, Module
from floe_jupyter.core.machine import clocks, events, invariants, local_routes, runs, views
from floe_jupyter.core.machine.delivery import calls, crashes, fast_path, injecting, returns, spread
from floe_jupyter.core.machine.events import Command, Event, Failure, HeldMessage, Record, Reply, State, View
from floe_jupyter.core.machine.latest import ends, latest, shorten
from floe_jupyter.core.machine.state.debugging import DebugState
from floe_jupyter.core.machine.state.instance import SPREAD, MachineState
from floe_jupyter.core.machine.stepping import edits, steps, switches
from floe_jupyter.core.machine.stepping.idle import report_idle
from floe_jupyter.core.machine.versions import giving_up, lifecycle, rewire, updates
from floe_jupyter.core.machine.wires.outbox import let_through
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import DefinitionError

HANDLERS: dict[type, Callable[[MachineState, Any], None]] = {
    events.Returned: returns.returned,
    events.Inject: injecting.inject,
    events.Tick: clocks.tick,
    events.Loaded: updates.loaded,
    events.LoadFailed: updates.load_failed,
    events.Activated: updates.activated,
    events.Routed: updates.routed,
    events.Unloaded: giving_up.unloaded,
    events.RuntimeLost: crashes.runtime_lost,
    events.Blocked: spread.blocked,
    events.Start: lifecycle.start,
    events.Stop: lifecycle.stop,
    events.CloseRun: runs.close_run,
    events.CancelRun: runs.cancel_run,
    events.Update: updates.update,
    events.Rewire: rewire.rewire,
    events.Debug: switches.debug,
    events.Break: switches.add_breakpoint,
    events.Unbreak: switches.remove_breakpoints,
    events.Pause: switches.pause,
    events.Continue: switches.resume,
    events.Step: steps.request_step,
    events.Back: steps.request_step,
    events.Edit: edits.edit,
    events.Drop: edits.drop,
    events.Undrop: edits.undrop,
    events.Duplicate: edits.duplicate,
    events.Retry: edits.retry,
}
SHORT: dict[type, Callable[[MachineState, Any], bool]] = {events.Returned: fast_path.returned, events.Inject: fast_path.inject}
"""Fast paths, tried before HANDLERS; each returns False if it does not apply."""


class Machine:
    """Instance of a flow. Deterministic: the same events give the same commands."""

    def __init__(
        self,
        flow: Flow,
        modules: Mapping[str, Module],
        *,
        debug: bool = False,
        hold_errors: bool = False,
        states: Mapping[str, State] | None = None,
        timeout: float = 0.0,
        fail_fast: bool = True,
        spreads: bool = False,
        wire_messages: int = WIRE_MESSAGES,
        wire_bytes: int = WIRE_BYTES,
    ) -> None:
        self._instance = instance = MachineState(
            flow,
            modules,
            states or {},
            timeout=timeout,
            fail_fast=fail_fast,
            wire_limits=(wire_messages, wire_bytes),
            debugger=DebugState(requested=debug, hold_errors=hold_errors),
            let_through=let_through,
        )
        instance.spreads = spreads and len(flow.nodes) <= SPREAD
        lifecycle.build(instance)

    def handle(self, event: Event, now: float = 0.0) -> list[Command]:
        """Take one event that happened at *now* (seconds, monotonic); return the commands to carry out, in order.

        A request that cannot be granted is answered by a `Reply` with the error. Raises `DefinitionError` only for a `Start` of
        a flow that cannot run.
        """
        instance = self._instance
        instance.now = now
        short = SHORT.get(type(event))
        if short is not None and short(instance, event):
            commands, instance.commands = instance.commands, []
            return commands
        try:
            HANDLERS[type(event)](instance, event)
        except DefinitionError as error:
            if not hasattr(event, "token"):
                raise
            instance.order(Reply(event.token, None, (error.kind, str(error))))
        self._settle()
        commands, instance.commands = instance.commands, []
        return commands

    def _settle(self) -> None:
        instance = self._instance
        _go_on(instance)
        while instance.awake or instance.settled or instance.routes_to_review:
            _go_on(instance)
        if instance.timed:
            clocks.plan(instance)
        if instance.debugger.has_work or instance.refused:
            report_idle(instance)

    def view(self) -> View:
        """Return a snapshot."""
        shorten(self._instance)
        return views.view(self._instance)

    def latest(self, wire: str = "") -> dict[str, str]:
        """Return the last message of each wire, or of one, as `latest.told`."""
        return latest(self._instance, wire)

    def ends(self) -> dict[str, bytes]:
        """Return the ends of the newest batches of all wires; `latest.told` finds last values in the ends."""
        return ends(self._instance)

    def held(self, limit: int = 0, id: str = "", *, buffers: bool = False) -> list[HeldMessage]:  # noqa: A002
        """Return the held messages, node by node; at most *limit* of each node (0: all). Only messages with this *id*; with
        *buffers*.
        """
        return views.held(self._instance, limit, id, buffers=buffers)

    def breaks(self) -> list[dict[str, Any]]:
        """Return every breakpoint with its number of hits."""
        return [breakpoint_.as_dict() for breakpoint_ in self._instance.debugger.breaks.values()]

    def hits(self) -> dict[str, int]:
        """Return the number of hits of each breakpoint with hits."""
        return {name: found.count for name, found in self._instance.debugger.breaks.items() if found.count}

    def history(self, node: str = "", limit: int = 1_000) -> list[Record]:
        """Return the last *limit* recorded steps, the oldest first."""
        found = [record for record, _ in self._instance.debugger.recorder.records if node in {"", record.node}]
        return found[-limit:] if limit > 0 else []

    def dead(self) -> list[Failure]:
        """Return the failures of messages put aside for ending their runtime; `Retry` takes their ids."""
        return [failure for _, _, failure in self._instance.dead.values()]

    def states(self) -> dict[str, State]:
        """Return the state of every node (worker 0) after its last acknowledged message."""
        return views.states(self._instance)

    def at(self, id: str) -> tuple[str, str, Batch, dict[str, State]]:  # noqa: A002
        """Return for a fork: node, port, message and all nodes' states just before the message was consumed (or now, if held).
        A unique beginning of an id suffices. Raises UnknownName.
        """
        return views.at(self._instance, id)

    def check(self) -> None:
        """Raise `BugError` if an invariant does not hold; tests call this method after every event."""
        invariants.check(self._instance)


def _go_on(instance: MachineState) -> None:
    """Do the work made possible by an event."""
    if instance.refused:
        giving_up.fail_waiting(instance)
    if instance.awake:
        calls.pump(instance)
    if instance.settled:
        runs.settle(instance)
    if instance.routes_to_review or instance.rested or instance.quiescing:
        local_routes.advance(instance)
    if instance.rewires:
        rewire.advance(instance)
    if instance.parked and instance.runs:
        giving_up.unpark(instance)
    if instance.debugger.has_work or instance.refused:
        steps.serve_requests(instance)
    if instance.giving_up:
        giving_up.give_up(instance)
    if instance.ending:
        runs.tell_ended(instance)
