"""References to buffers in tagged values (``{"$floe": [kind, ...]}``)."""

from __future__ import annotations

from typing import Any

import orjson

from floe_jupyter.core.messages import Batch

_WITH_BUFFER = {"bytes", "array", "table"}


def shift(message: Batch, by: int) -> bytes:
    """Return the JSON text of a single message whose buffers come after *by* others."""
    text = message.payload[1:-1]
    if not by or not message.tagged or not message.buffers:
        return text
    return orjson.dumps(_shift(orjson.loads(text), by))


def _shift(value: Any, by: int) -> Any:
    if isinstance(value, list):
        return [_shift(item, by) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get("$floe")
    if len(value) != 1 or not isinstance(tag, list):
        return {key: _shift(item, by) for key, item in value.items()}
    return {"$floe": _shift_tag(tag, by)}


def _shift_tag(tag: list[Any], by: int) -> list[Any]:
    if tag[0] in _WITH_BUFFER:
        return [tag[0], tag[1] + by, *tag[2:]]
    if tag[0] == "escape":  # a user's object of the same shape: its key has no meaning, its value may hold tags
        return ["escape", {key: _shift(item, by) for key, item in tag[1].items()}]
    return [tag[0], *(_shift(item, by) for item in tag[1:])]  # the header of a table holds tags
