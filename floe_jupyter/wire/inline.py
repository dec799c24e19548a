"""Values with buffers as one JSON text and back: output and input of `floe run`.

A tag keeps its kind; the buffer stands inside the tag in place of its number, as base64 text, or as a list of numbers for an
array of numbers. Cells of a table that travel as bytes are written as values. A value's own key ``$floe`` is escaped, as
everywhere.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

from floe_jupyter.errors import DefinitionError, ValueRefused
from floe_jupyter.wire.values import Ready, refuse_unreadable

TAG = "$floe"
CELLS = 1_000
"""Maximum number of cells of a table outside a buffer; more cells go into a buffer, as a runtime writes them."""
NUMBERS = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"} | {
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
"""Letters by which the standard library reads numpy's types."""
BROKEN = (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error, binascii.Error)
OWN = '; a value of your own whose only key is "$floe" is written {"$floe": ["escape", {"$floe": ...}]}'


def text_of(text: str | bytes, views: Sequence[memoryview]) -> str:
    """Return the JSON text of a message, with the buffers inside."""
    return dumps(_Walk(_Out(views)).value(json.loads(text)))


def dumps(value: Any) -> str:
    """Return compact JSON. Raises ValueError for NaN and infinities, which are no JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def ready(value: Any, what: str) -> Any:
    """Return a parsed value with inline tags as an argument of `encode`; the value itself if free of tags. Raises
    DefinitionError with *what*.
    """
    try:
        inside = _In()
        found = _Walk(inside).value(value)
    except ValueRefused as error:
        raise DefinitionError(f"{what} has a tag that cannot be read: {error}{OWN}") from None
    if found == value and not inside.tags:
        return value
    try:
        return Ready(dumps(found).encode(), tuple(inside.views))
    except ValueError as error:
        raise DefinitionError(f"{what} is no JSON: {error}") from None


class _Out:
    """Writer of buffers into tags."""

    def __init__(self, views: Sequence[memoryview]) -> None:
        self._views = views

    def packed(self, tag: list[Any]) -> list[Any]:
        return [tag[0], base64.b64encode(self._views[tag[1]]).decode(), *tag[2:]]

    def array(self, tag: list[Any]) -> list[Any]:
        kind = _format(tag[2])
        if kind is None:
            return self.packed(tag)
        data = self._views[tag[1]]
        count = data.nbytes // struct.calcsize(kind[0] + kind[1])
        numbers = list(map(_number, struct.unpack(f"{kind[0]}{count}{kind[1]}", data)))
        return ["array", _nested(numbers, tag[3]), *tag[2:]]

    def cells(self, given: Any, walk: Callable[[Any], Any]) -> Any:
        return walk(given) if isinstance(given, list) else json.loads(bytes(self._views[given[TAG][1]]))

    def text(self, head: list[Any]) -> list[Any]:
        """Return a column of text as single cells."""
        if head[0] == "utf8":
            return self._utf8(head)
        text = str(self._views[head[1][TAG][1]], "utf-8")
        lengths = self._whole(head[2])
        marks = self._whole(head[3]) if len(head) > 3 else [0] * len(lengths)
        found, at = [], 0
        for length, mark in zip(lengths, marks, strict=True):
            found.append(_MISSING[mark - 1] if mark else text[at : at + length])
            at += length
        return ["cells", found]

    def _utf8(self, head: list[Any]) -> list[Any]:
        data, ends = self._views[head[1][TAG][1]], self._whole(head[2])
        gone = self._whole(head[3]) if len(head) > 3 else [0] * len(ends)
        places = zip(ends, ends[1:], gone, strict=False)
        return ["cells", [None if missing else str(data[low:high], "utf-8") for low, high, missing in places]]

    def _whole(self, tag: Any) -> list[int]:
        found: list[int] = _flat(self.array(tag[TAG])[1])
        return found


_MISSING: tuple[Any, ...] = (None, {TAG: ["float", "nan"]}, {TAG: ["missing", "NA"]})


class _In:
    """Reader of buffers out of tags; refuses tags that no runtime would understand."""

    def __init__(self) -> None:
        self.views: list[memoryview] = []
        self.tags = 0

    def packed(self, tag: list[Any]) -> list[Any]:
        if not isinstance(tag[1], str):
            raise TypeError(f"{tag[1]!r} is no base64 text")
        return self._keep(tag, base64.b64decode(tag[1], validate=True))

    def array(self, tag: list[Any]) -> list[Any]:
        if isinstance(tag[1], str):
            return self.packed(tag)
        kind, numbers = _format(tag[2]), _flat(tag[1])
        if kind is None:
            raise TypeError(f"an array of {tag[2]} is written as base64 text")
        if len(numbers) != math.prod(tag[3]):
            raise ValueError(f"{len(numbers)} numbers are no array of the shape {tag[3]}")
        return self._keep(tag, struct.pack(f"{kind[0]}{len(numbers)}{kind[1]}", *map(_read, numbers)))

    def _keep(self, tag: list[Any], data: bytes) -> list[Any]:
        self.views.append(memoryview(data))
        return [tag[0], len(self.views) - 1, *tag[2:]]

    def cells(self, given: Any, walk: Callable[[Any], Any]) -> Any:
        before = len(self.views)
        found = walk(given)
        if not isinstance(found, list) or len(found) <= CELLS or len(self.views) > before:
            return found
        return {TAG: self._keep(["bytes"], dumps(found).encode())}

    def text(self, head: list[Any]) -> list[Any]:
        raise ValueError(f"{head[0]!r} is for bytes; write the text of a table as ['cells', [...]]")


class _Walk:
    """Traversal of a value with tags; *change* replaces the buffers."""

    def __init__(self, change: _Out | _In) -> None:
        self._change = change

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            return list(map(self.value, value))
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and TAG in value:
            return self._tagged(value[TAG])
        return {key: self.value(item) for key, item in value.items()}

    def _tagged(self, tag: Any) -> Any:
        try:
            return {TAG: self._tag(tag)}
        except ValueRefused:
            raise
        except BROKEN as error:
            shown = json.dumps(tag)
            raise ValueRefused(f"{shown if len(shown) < 100 else shown[:97] + '...'}: {error}") from None

    def _tag(self, tag: list[Any]) -> list[Any]:
        change, kind = self._change, tag[0]
        if isinstance(change, _In):
            change.tags += 1
        if kind in ("bytes", "table"):
            return change.packed(tag)
        if kind == "array":
            return change.array(tag)
        if kind == "escape":
            return ["escape", {key: self.value(item) for key, item in tag[1].items()}]
        if kind == "frame":
            return ["frame", self._frame(tag[1])]
        if kind == "series":
            return ["series", self._described(tag[1]) | {"data": self._column(tag[1]["data"])}]
        if kind == "index":
            return ["index", self._index(tag[1])]
        refuse_unreadable(tag)
        return tag

    def _frame(self, head: dict[str, Any]) -> dict[str, Any]:
        blocks = [[places, self.value(block)] for places, block in head["blocks"]]
        others = [[at, self._column(column)] for at, column in head["others"]]
        return self._described(head) | {"columns": self._index(head["columns"]), "blocks": blocks, "others": others}

    def _described(self, head: dict[str, Any]) -> dict[str, Any]:
        """Return the index and the other described parts of a table."""
        words = {key: self.value(head[key]) for key in ("attrs", "name") if key in head}
        return head | words | {"index": self._index(head["index"])}

    def _index(self, head: dict[str, Any]) -> dict[str, Any]:
        if "levels" in head:
            return head | {"levels": list(map(self._index, head["levels"])), "codes": self.value(head["codes"])}
        return head | {"values": self._column(head["values"])} if "values" in head else head

    def _column(self, head: list[Any]) -> list[Any]:
        kind = head[0]
        if kind in ("text", "utf8"):
            return self._change.text(head)
        if kind == "cells":
            return ["cells", self._change.cells(head[1], self.value)]
        if kind == "string":
            return [*head[:3], self._column(head[3])]
        if kind == "category":
            return [kind, self.value(head[1]), self._index(head[2]), head[3]]
        if kind == "interval":
            return [kind, self._index(head[1]), self._index(head[2]), head[3]]
        return [kind, *map(self.value, head[1:])]


def _format(dtype: str) -> tuple[str, str] | None:
    """Return byte order and letter of a type of numbers."""
    letter = NUMBERS.get(dtype[1:])
    return None if letter is None else (">" if dtype[0] == ">" else "<", letter)


def _number(number: Any) -> Any:
    if isinstance(number, float) and not math.isfinite(number):
        return {TAG: ["float", "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"]}
    return number


def _read(number: Any) -> Any:
    return float(number[TAG][1]) if isinstance(number, dict) else number


def _nested(numbers: list[Any], shape: list[int]) -> Any:
    """Return the numbers as nested lists of the given shape."""
    if not shape:
        return numbers[0]
    for side in reversed(shape[1:]):
        numbers = [numbers[at : at + side] for at in range(0, len(numbers), side)] if side else []
    return numbers


def _flat(numbers: Any) -> list[Any]:
    if not isinstance(numbers, list):
        return [numbers]
    found: list[Any] = numbers
    while found and isinstance(found[0], list):
        found = [number for row in found for number in row]
    return found
