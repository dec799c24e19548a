"""Keys of messages, from ``key=`` of a join and ``by=`` of a node with workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.machine.runs import fail_run
from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.records import NodeState, WorkerState
from floe_jupyter.core.messages import Batch, values
from floe_jupyter.errors import ExpressionError

if TYPE_CHECKING:
    from floe_jupyter.core.expressions.language import Expression


def key_of(
    instance: MachineState,
    node: NodeState,
    expression: Expression,
    option: str,
    batch: Batch,
    gone: Callable[[int], None] = lambda _: None,
) -> list[str | None]:
    """Return the key of each message as text; None where the expression fails, and the run fails with it: *gone* gets the run's
    number before the run ends.
    """
    found: list[str | None] = []
    for i, value in enumerate(values(batch)):
        run = batch.run_of(i)
        try:
            found.append(_key(node, expression, batch, i, value))
        except ExpressionError as error:
            found.append(None)
            gone(run)
            text = f"{option}= of node {node.id!r}: {error}; mend the expression, or see that every message has what it asks for"
            failure = Failure(node.id, text, kind="join" if option == "key" else "value", run=run, input=value)
            fail_run(instance, run, failure, at_once=instance.fail_fast)
    return found


def worker_of(node: NodeState, message: Batch) -> WorkerState | None:
    """Return the worker chosen for a message by the node's `by=`; None if the expression fails. Has no side effects."""
    assert node.key is not None
    try:
        return worker_for_key(node, _key(node, node.key, message, 0, values(message)[0]))
    except ExpressionError:
        return None


def worker_for_key(node: NodeState, key: str) -> WorkerState:
    """Return the worker for a key: equal keys, equal workers."""
    return node.workers[crc32(key.encode()) % len(node.workers)]


def _key(node: NodeState, expression: Expression, batch: Batch, i: int, value: Any) -> str:
    meta = {"id": batch.ids[i] if batch.ids else "", "node": node.id, "port": "", "run": batch.run_of(i), "hits": 0}
    return _text(expression.evaluate(value, meta, node.workers[0].state))


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
