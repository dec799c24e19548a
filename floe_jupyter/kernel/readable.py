"""Values of held messages and of steps as Python has them: dates, large integers, bytes and arrays in place of their tags."""

from __future__ import annotations

from typing import Any

import orjson

from floe_jupyter.core.events import HeldMessage, Record
from floe_jupyter.core.messages import Batch, Buffer, values
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.session import Session
from floe_jupyter.wire.values import decode

MARK = b'"$floe"'


def held_value(message: HeldMessage) -> Any:
    """The value of a held message; as JSON has it where its buffers are gone, because the message went on meanwhile."""
    return readable(message.value, message.buffers)


def step_values(session: Session, flow: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a step, or its undoing, gave back."""
    return {node: _step(session, flow, node, step) if MARK in _text(step) else step for node, step in found.items()}


def _step(session: Session, flow: str, node: str, step: dict[str, Any]) -> dict[str, Any]:
    """The record of the step knows the buffers; that of one that was taken back is no more."""
    for record in session.ask(list[Record], "history", flow=flow, node=node, limit=1):
        if values(record.input) == [*step["inputStates"].values()]:
            return {**step, "inputStates": {record.port: decode(record.input)[0]}, "outputStates": _outputs(record)}
    inputs = {port: readable(value) for port, value in step["inputStates"].items()}
    outputs = {port: [readable(value) for value in given] for port, given in step["outputStates"].items()}
    return {**step, "inputStates": inputs, "outputStates": outputs}


def _outputs(record: Record) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for port, batch in record.outputs:
        found.setdefault(port, []).extend(decode(batch))
    return found


def readable(value: Any, buffers: tuple[Buffer, ...] = ()) -> Any:
    """A value that came as JSON has it. Tags stay whose buffers are not there."""
    text = _text(value)
    if MARK not in text:
        return value
    try:
        return decode(Batch(b"[" + text + b"]", 1, tagged=True, buffers=buffers, counts=(len(buffers),) if buffers else None))[0]
    except (FloeError, OSError):
        return value


def _text(value: Any) -> bytes:
    return orjson.dumps(value)
