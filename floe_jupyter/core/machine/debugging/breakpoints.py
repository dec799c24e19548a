"""Breakpoints: holding messages and logging texts about messages."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.machine.events import Break, Failure, Notice, State
from floe_jupyter.core.machine.state.debugging import ActiveBreakpoint
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.errors import ExpressionError


def holding(
    instance: MachineState, batch: Batch, place: tuple[str, str, str], state: State
) -> tuple[ActiveBreakpoint, Failure | None] | None:
    """Return the first breakpoint at *place* (node, side, port) which holds this message, with the failure of its expression if
    the expression failed; None if no breakpoint holds the message.

    All breakpoints at *place* count the message, and breakpoints with a text log the text.
    """
    found: tuple[ActiveBreakpoint, Failure | None] | None = None
    for breakpoint_ in instance.debugger.breaks.values():
        if not breakpoint_.at(*place):
            continue
        try:
            holds = _hit(instance, breakpoint_, batch, place, state)
            failure = None
        except ExpressionError as error:
            holds = True
            failure = Failure(
                place[0],
                f"breakpoint {breakpoint_.given.id!r}: {error}",
                kind="expression",
                run=batch.run,
                id=batch.ids[0] if batch.ids else "",
            )
        if holds and found is None:
            found = breakpoint_, failure
    return found


def _hit(instance: MachineState, breakpoint_: ActiveBreakpoint, batch: Batch, place: tuple[str, str, str], state: State) -> bool:
    """Count a message which meets the condition. Return False for a message not to be held (only logged, if at all)."""
    node, _, port = place
    given = breakpoint_.given
    message = values(batch)[0] if breakpoint_.condition or given.log else None
    meta = {"id": batch.ids[0] if batch.ids else "", "node": node, "port": port, "run": batch.run, "hits": breakpoint_.count + 1}
    if breakpoint_.condition is not None and not breakpoint_.condition.evaluate(message, meta, state):
        return False
    breakpoint_.count += 1
    if breakpoint_.count < given.hits:
        return False
    if not given.log:
        return True
    text = _logged(given, message, meta, state)
    instance.order(Notice("log", node, batch.run, {"text": text, "breakpoint": given.id, "id": meta["id"]}))
    return False


def _logged(given: Break, message: Any, meta: dict[str, Any], state: State) -> str:
    """Return the text for the log, or the problem if the text cannot be made of this message: no reason to hold the message."""
    from floe_jupyter.core.expressions.language import render

    try:
        return render(given.log, message, meta, state)
    except ExpressionError as error:
        return f"breakpoint {given.id!r} cannot log {given.log!r}: {error}"
