"""Breakpoints: which message they hold, and what they log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_jupyter.core.events import Break, Failure, Notice, State
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    from floe_jupyter.core.expressions import Expression
    from floe_jupyter.core.instance import Instance


class Breakpoint:
    """One breakpoint and how often a message met its condition."""

    def __init__(self, given: Break) -> None:
        self.given = given
        self.count = 0
        self.condition: Expression | None = None
        if given.when:
            from floe_jupyter.core.expressions import compile_expression
            self.condition = compile_expression(given.when)
        if given.log:
            from floe_jupyter.core.expressions import compile_template
            compile_template(given.log)  # a mistake in it is told to whoever sets it

    def at(self, node: str, side: str, port: str) -> bool:
        given = self.given
        return given.enabled and given.node == node and given.side == side and given.port in {"", port}

    def as_dict(self) -> dict[str, Any]:
        given = self.given
        return {"id": given.id, "node": given.node, "side": given.side, "port": given.port, "when": given.when,
                "hits": given.hits, "log": given.log, "enabled": given.enabled, "count": self.count}


def holding(instance: Instance, breakpoints: list[Breakpoint], batch: Batch, place: tuple[str, str, str], state: State,
            ) -> tuple[Breakpoint, Failure | None] | None:
    """The first breakpoint at *place* (node, side, port) that holds this message, if any, and why if its expression failed.
    All of them count, and those with a text log.
    """
    found: tuple[Breakpoint, Failure | None] | None = None
    for breakpoint_ in breakpoints:
        if not breakpoint_.at(*place):
            continue
        try:
            holds = _hit(instance, breakpoint_, batch, place, state)
            failure = None
        except ExpressionError as error:
            holds = True
            failure = Failure(place[0], f"breakpoint {breakpoint_.given.id!r}: {error}", kind="expression", run=batch.run,
                              id=batch.ids[0] if batch.ids else "")
        if holds and found is None:
            found = breakpoint_, failure
    return found


def _hit(instance: Instance, breakpoint_: Breakpoint, batch: Batch, place: tuple[str, str, str], state: State) -> bool:
    """Count a message that meets the condition; False for one that goes on (and is logged, where a text asks for it)."""
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
    """Its text; the problem where that cannot be made of this message, which is not worth holding it."""
    from floe_jupyter.core.expressions import render
    try:
        return render(given.log, message, meta, state)
    except ExpressionError as error:
        return f"breakpoint {given.id!r} cannot log {given.log!r}: {error}"
