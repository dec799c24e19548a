"""Keys of messages: what ``key=`` of a join and ``by=`` of a node with workers say about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from floe_jupyter.core.events import Failure
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.core.runs import fail_run
from floe_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    from floe_jupyter.core.expressions import Expression
    from floe_jupyter.core.instance import Instance, NodeState


def key_of(instance: Instance, node: NodeState, expression: Expression, option: str, batch: Batch) -> list[str | None]:
    """The key of each message as text; None where the expression fails, and its run with it."""
    found: list[str | None] = []
    for i, value in enumerate(values(batch)):
        run = batch.run_of(i)
        meta = {"id": batch.ids[i] if batch.ids else "", "node": node.id, "port": "", "run": run, "hits": 0}
        try:
            found.append(_text(expression.evaluate(value, meta, node.lanes[0].state)))
        except ExpressionError as error:
            found.append(None)
            text = f"{option}= of node {node.id!r}: {error}; mend the expression, or see that every message has what it asks for"
            failure = Failure(node.id, text, kind="join" if option == "key" else "value", run=run, input=value)
            fail_run(instance, run, failure, at_once=instance.fail_fast)
    return found


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
