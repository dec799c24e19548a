"""The machine: one instance of a flow; events in, commands out (see `floe_jupyter.core.events`).

`HANDLERS` says what every event does; the parts are modules beside this one. An event is handled completely before the next:
its handler changes what it must, then the nodes that may have something to do are asked (`pump`), then runs of which
nothing is in flight end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from floe_jupyter.core import (
    crashes,
    debugger,
    delivery,
    edits,
    events,
    invariants,
    lifecycle,
    plan,
    returns,
    rewire,
    runs,
    steps,
    straight,
    updates,
    views,
)
from floe_jupyter.core.events import Command, Event, Failure, HeldMessage, Record, Reply, State, View
from floe_jupyter.core.instance import Instance
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import WIRE_BYTES, WIRE_MESSAGES, Flow, Module
from floe_jupyter.errors import DefinitionError

HANDLERS: dict[type, Callable[[Instance, Any], None]] = {
    events.Returned: returns.returned,
    events.Inject: delivery.inject,
    events.Tick: lambda instance, _: instance.debugger.clock.tick(),
    events.Loaded: updates.loaded,
    events.LoadFailed: updates.load_failed,
    events.Activated: updates.activated,
    events.Routed: updates.routed,
    events.RuntimeLost: crashes.runtime_lost,
    events.Start: lifecycle.start,
    events.Stop: lifecycle.stop,
    events.CloseRun: runs.close_run,
    events.CancelRun: runs.cancel_run,
    events.Update: updates.update,
    events.Rewire: rewire.rewire,
    events.Debug: lambda instance, event: instance.debugger.debug(event),
    events.Break: lambda instance, event: instance.debugger.add(event),
    events.Unbreak: lambda instance, event: instance.debugger.remove(event),
    events.Pause: lambda instance, event: instance.debugger.pause(event),
    events.Continue: lambda instance, event: instance.debugger.resume(event),
    events.Step: steps.wish,
    events.Back: steps.wish,
    events.Edit: edits.edit,
    events.Drop: edits.drop,
    events.Duplicate: edits.duplicate,
    events.Retry: edits.retry,
}
SHORT: dict[type, Callable[[Instance, Any], bool]] = {events.Returned: straight.returned, events.Inject: straight.inject}
"""Ways that are tried first."""


class Machine:
    """One instance of a flow. Deterministic: the same events give the same commands."""

    def __init__(self, flow: Flow, modules: Mapping[str, Module], *, debug: bool = False, hold_errors: bool = False,
                 states: Mapping[str, State] | None = None, timeout: float = 0.0, fail_fast: bool = True,
                 wire_messages: int = WIRE_MESSAGES, wire_bytes: int = WIRE_BYTES) -> None:
        self._instance = instance = Instance(flow, modules, states or {}, timeout=timeout, fail_fast=fail_fast,
                                             wire_messages=wire_messages, wire_bytes=wire_bytes)
        instance.debugger = debugger.Debugger(instance, wish=debug, hold_errors=hold_errors)
        lifecycle.build(instance)

    def handle(self, event: Event, now: float = 0.0) -> list[Command]:
        """Take one event that happened at *now* (seconds, monotonic); the commands to carry out, in order.

        A wish that cannot be granted is answered by a `Reply` with the error. Raises `DefinitionError` only for a `Start`
        of a flow that cannot run.
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
        while instance.dirty or instance.settled or instance.unplanned:
            _go_on(instance)
        if instance.timed:
            instance.debugger.clock.plan()
        if instance.debugger.attentive:
            instance.debugger.tell_idle()

    def view(self) -> View:
        """A snapshot."""
        return views.view(self._instance)

    def held(self, limit: int = 0, id: str = "", *, buffers: bool = False) -> list[HeldMessage]:  # noqa: A002
        """What is held, node by node; at most *limit* of each (0: all). Only what has this *id*; with *buffers*."""
        return views.held(self._instance, limit, id, buffers=buffers)

    def breaks(self) -> list[dict[str, Any]]:
        """Every breakpoint with how often it was met."""
        return [breakpoint_.as_dict() for breakpoint_ in self._instance.debugger.breaks.values()]

    def history(self, node: str = "", limit: int = 1_000) -> list[Record]:
        """The last *limit* recorded steps, the oldest first."""
        found = [record for record, _ in self._instance.debugger.recorder.records if node in {"", record.node}]
        return found[-limit:] if limit > 0 else []

    def dead(self) -> list[Failure]:
        """Messages that were put aside because they end their runtime; `Retry` takes their ids."""
        return [failure for _, _, failure in self._instance.dead.values()]

    def states(self) -> dict[str, State]:
        """The state of every node (lane 0) that belongs to its last acknowledged message."""
        return views.states(self._instance)

    def at(self, id: str) -> tuple[str, str, Batch, dict[str, State]]:  # noqa: A002
        """For a fork: node, port, message and all nodes' states at the moment before it was consumed (or now, if held).
        A unique beginning of an id will do. Raises UnknownName.
        """
        return views.at(self._instance, id)

    def check(self) -> None:
        """Raise `BugError` if an invariant does not hold; tests call it after every event."""
        invariants.check(self._instance)


def _go_on(instance: Instance) -> None:
    """Do what an event makes possible."""
    if instance.refused:
        updates.fail_waiting(instance)
    if instance.dirty:
        delivery.pump(instance)
    if instance.settled:
        runs.settle(instance)
    if instance.unplanned or instance.fusing:
        plan.advance(instance)
    if instance.rewires:
        rewire.advance(instance)
    if instance.debugger.attentive:
        steps.attend(instance)
