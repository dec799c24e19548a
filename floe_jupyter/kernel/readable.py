"""Values of held messages and of steps as Python has them: dates, large integers, bytes and arrays in place of their tags."""

from __future__ import annotations

from typing import Any

import orjson

from floe_jupyter.core.events import HeldMessage, Record
from floe_jupyter.core.messages import TAG, Buffer, single, values
from floe_jupyter.errors import UnknownName, ValueRefused
from floe_jupyter.kernel.session import Session
from floe_jupyter.wire.values import decode


def held_value(session: Session, flow: str, message: HeldMessage) -> Any:
    """The value of a held message. Its buffers are asked for if it has any; once it has gone on, tags stand for them."""
    value = readable(message.value, message.buffers)
    if value is not message.value or not _is_tagged(value):
        return value
    place = f"{message.id}@{message.node}"
    try:
        found = session.ask(list[HeldMessage], "held", flow=flow, id=place, buffers=True)
    except UnknownName:  # nothing is known of its run any more
        return value
    return readable(found[0].value, found[0].buffers) if found else value


def step_values(session: Session, flow: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a step, or its undoing, gave back."""
    return {node: _step(session, flow, node, step) if _is_tagged(step) else step for node, step in found.items()}


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
    """A value that came as JSON has it. The same value where buffers are missing."""
    if not _is_tagged(value):
        return value
    try:
        return decode(single(orjson.dumps(value), tagged=True, buffers=buffers))[0]
    except ValueRefused:
        return value


def _is_tagged(value: Any) -> bool:
    return f'"{TAG}"'.encode() in orjson.dumps(value)
