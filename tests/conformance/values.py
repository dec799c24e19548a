"""When two values with tags are equal, whatever the language that wrote them."""

from __future__ import annotations

import datetime
import json
import math
from fractions import Fraction
from typing import Any


def canonical(text: str | bytes, buffers: list[bytes]) -> Any:
    """Something that compares equal for equal values: exact numbers, buffers in place of their numbers, moments as moments."""
    value = json.loads(text, parse_float=lambda digits: ("float", _exact(float(digits))))
    return _of(value, buffers)


def _exact(number: float) -> Any:
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return "-0" if number == 0 and math.copysign(1, number) < 0 else Fraction(number)


def _of(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return ("plain", value)
    if isinstance(value, int):
        return ("number", Fraction(value))
    if isinstance(value, tuple):
        return ("number", value[1])
    if isinstance(value, list):
        return ("list", tuple(_of(item, buffers) for item in value))
    if len(value) == 1 and "$floe" in value:
        return _tagged(value["$floe"], buffers)
    return ("object", tuple(sorted((key, _of(item, buffers)) for key, item in value.items())))


def _tagged(tag: list[Any], buffers: list[bytes]) -> Any:
    kind = tag[0]
    if kind == "float":
        return ("number", tag[1])
    if kind == "int":
        return ("number", Fraction(int(tag[1])))
    if kind == "date":
        moment = datetime.datetime.fromisoformat(tag[1])
        return ("date", moment.isoformat() if moment.tzinfo is None else moment.astimezone(datetime.UTC).isoformat(), *tag[2:])
    if kind == "escape":
        return ("object", tuple(sorted((key, _of(item, buffers)) for key, item in tag[1].items())))
    if kind == "bytes":
        return ("bytes", buffers[tag[1]])
    if kind == "array":
        return ("array", buffers[tag[1]], tag[2], tuple(_number(n) for n in tag[3]))
    return ("table", _table(buffers[tag[1]]), tag[2]) if kind == "table" else (kind, *(_of(part, buffers) for part in tag[1:]))


def _number(value: Any) -> int:
    return int(value[1]) if isinstance(value, tuple) else value


def _table(data: bytes) -> Any:
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(data) as reader:
        table = reader.read_all()
    return (tuple(table.schema.names), tuple(map(str, table.schema.types)), json.dumps(table.to_pydict(), default=str))
