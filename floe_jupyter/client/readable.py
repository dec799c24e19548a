"""Values of held messages and steps as Python objects: dates, large integers, bytes and arrays in place of their tags."""

from __future__ import annotations

from typing import Any

import orjson

from floe_jupyter.client.session import Session
from floe_jupyter.core.machine.events import HeldMessage, Record
from floe_jupyter.core.messages import TAG, Buffer, single, values
from floe_jupyter.errors import UnknownName, ValueRefused
from floe_jupyter.wire.values import decode


def held_value(session: Session, flow: str, message: HeldMessage) -> Any:
    """Return the value of a held message, fetching buffers if the value has any; once the message has gone on, tags remain."""
    value = readable(message.value, message.buffers)
    if value is not message.value or not _is_tagged(value):
        return value
    place = f"{message.id}@{message.node}"
    try:
        found = session.ask(list[HeldMessage], "held", flow=flow, id=place, buffers=True)
    except UnknownName:  # the dispatcher no longer knows the run
        return value
    return readable(found[0].value, found[0].buffers) if found else value


def step_values(session: Session, flow: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a step, or of its undoing, as Python objects."""
    return {node: _step(session, flow, node, step) if _is_tagged(step) else step for node, step in found.items()}


def _step(session: Session, flow: str, node: str, step: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a step, with buffers from the step's record; an undone step has no record any more."""
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
    """Return the Python object of a value received as JSON; the value itself if buffers are missing."""
    if not _is_tagged(value):
        return value
    try:
        return decode(single(orjson.dumps(value), tagged=True, buffers=buffers))[0]
    except ValueRefused:
        return value


def _is_tagged(value: Any) -> bool:
    return f'"{TAG}"'.encode() in orjson.dumps(value)
