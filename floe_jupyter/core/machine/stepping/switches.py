"""Requests that switch debugging: breakpoints, pause and continue."""

from __future__ import annotations

from collections import deque
from typing import cast

from floe_jupyter.core.machine.debugging.holding import let_go
from floe_jupyter.core.machine.debugging.switching import refresh, stop
from floe_jupyter.core.machine.events import Break, Continue, Debug, Pause, Reply, Status, Unbreak
from floe_jupyter.core.machine.runs import end_run
from floe_jupyter.core.machine.state.debugging import ActiveBreakpoint
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.machine.wires.outbox import release
from floe_jupyter.errors import unknown


def debug(instance: MachineState, event: Debug) -> None:
    """Switch debugging by request."""
    instance.debugger.requested, instance.debugger.hold_errors = event.on, event.hold_errors
    refresh(instance)
    instance.review_routes()
    instance.order(Reply(event.token))


def add_breakpoint(instance: MachineState, event: Break) -> None:
    """Add a breakpoint. Raises DefinitionError for an unknown node."""
    if event.node not in instance.nodes:
        raise unknown("node", event.node, instance.nodes)
    instance.debugger.breaks[event.id] = ActiveBreakpoint(event)
    refresh(instance)
    instance.order(Reply(event.token))


def remove_breakpoints(instance: MachineState, event: Unbreak) -> None:
    """Remove breakpoints by id or node, and reply their number. Raises DefinitionError for an unknown id."""
    breaks = instance.debugger.breaks
    gone = [name for name, b in breaks.items() if event.id in {"", name} and event.node in {"", b.given.node}]
    if event.id and not gone:
        raise unknown("breakpoint", event.id, breaks)
    for name in gone:
        del breaks[name]
    refresh(instance)
    instance.order(Reply(event.token, len(gone)))


def pause(instance: MachineState, event: Pause) -> None:
    """Stop calling nodes, and reply when no module is at work."""
    stop(instance)
    instance.debugger.requests.append(event)


def resume(instance: MachineState, event: Continue) -> None:
    """Continue a paused flow: release held messages and call nodes again."""
    debugger = instance.debugger
    debugger.paused = debugger.stepped = False
    waiting, debugger.requests = debugger.requests, deque()
    for step in waiting:
        error = None if isinstance(step, Pause) else ("definition", "the flow was continued before that step; pause it first")
        instance.order(Reply(step.token, None, error))
    for node in instance.nodes.values():
        release(instance, node)
    _let_all_go(instance)
    refresh(instance)
    instance.wake_all()
    instance.order(Reply(event.token))


def _let_all_go(instance: MachineState) -> None:
    """Let go of all held messages, and end the runs kept open only by the debugger."""
    for queue in instance.queues():
        for item in queue.items:
            if isinstance(item, TrackedMessage) and item.held:
                let_go(item)
    instance.debugger.held = 0
    end_delayed(instance)


def end_delayed(instance: MachineState) -> None:
    """End the runs whose end stepping had delayed."""
    for number, run in list(instance.runs.items()):
        if run.ending_as or (run.closed and not instance.inflight[number]):
            end_run(instance, number, cast("Status | None", run.ending_as or None))
