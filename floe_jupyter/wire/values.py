"""Python values of a notebook as a batch, and back, by the rules of the Python runtime itself.

The files in ``runtimes/python/floe_runtime`` must work without the package; the package loads the files, not the reverse.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import orjson

from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.core.messages import INLINE_LIMIT, Batch, Buffer, texts
from floe_jupyter.errors import EnvironmentFailed, ValueRefused
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.shipped import runtimes_directory

__all__ = ["Ready", "decode", "encode", "parts", "refuse_unreadable"]

RULES = "floe_jupyter._value_rules"


@dataclass(frozen=True, slots=True)
class Ready:
    """Message already encoded; `encode` takes the text unchanged."""

    text: bytes
    views: tuple[memoryview, ...]


def encode(values: Iterable[Any]) -> Batch:
    """Return one batch of the given values, with copies of arrays and bytes inline.

    Raises `ValueRefused` for a value that cannot travel, with the position in the value and a cure; also for no values.
    """
    found: list[bytes] = []
    buffers: list[Buffer] = []
    counts: list[int] = []
    for value in values:
        text, views = _encode(value)
        found.append(text)
        counts.append(len(views))
        buffers += [Buffer(view.nbytes, view.tobytes()) for view in views]
    if not found:
        raise ValueRefused("no messages: a batch has at least one; send [None] for one message without a value")
    payload = b"[" + b",".join(found) + b"]"
    return Batch(
        payload, len(found), tagged=b'"$floe"' in payload, buffers=tuple(buffers), counts=tuple(counts) if buffers else None
    )


def decode(batch: Batch) -> list[Any]:
    """Return the messages. Large arrays are read-only; arrays in shared memory are mapped, and valid as long as referenced.

    Raises `ValueRefused` for values that Python cannot represent in this environment, or whose shared memory is gone.
    """
    try:
        values = orjson.loads(batch.payload)
    except ValueError as error:
        raise ValueRefused(f"messages that are no JSON: {error}") from None
    assert isinstance(values, list)
    return _untagged(values, batch) if batch.tagged else values


def parts(batch: Batch) -> Iterator[tuple[bytes, list[memoryview]]]:
    """Yield the JSON text of each message, with the buffers. Raises `ValueRefused` if shared memory is gone."""
    low = 0
    for at, text in enumerate(texts(batch.payload)):
        size = batch.counts[at] if batch.counts else 0
        yield text, [_view(buffer) for buffer in batch.buffers[low : low + size]]
        low += size


def refuse_unreadable(tag: list[Any]) -> None:
    """Raise `ValueRefused` for an unreadable tag without buffers; a tag for which a package is missing passes."""
    rules = _rules()
    try:
        rules.untag({"$floe": tag}, ())
    except rules.ValueRefused as error:
        if "which needs" not in str(error):
            raise ValueRefused(str(error)) from None


def _encode(value: Any) -> tuple[bytes, Sequence[memoryview]]:
    if type(value) is Ready:
        if len(value.text) > INLINE_LIMIT:
            raise _too_long(value.text)
        return value.text, value.views
    rules = _rules()
    views: list[memoryview] = []
    try:
        text = orjson.dumps(value if rules.is_plain(value) and not _is_tag(value) else rules.tag(value, views))
    except rules.ValueRefused as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        raise ValueRefused(str(error)) from error.__cause__
    except RecursionError:
        raise ValueRefused("the value is nested too deep; flatten it, or send it as text") from None
    except TypeError as error:
        raise ValueRefused(f"the value cannot become JSON: {error}; text must be Unicode without lone surrogates") from None
    if b'"$floe"' in text and not views:
        text = orjson.dumps(rules.tag(value, views))
    if len(text) > INLINE_LIMIT:
        raise _too_long(text)
    return text, views


def _too_long(text: bytes) -> ValueRefused:
    return ValueRefused(
        f"the value is {len(text):,} bytes of JSON, and {INLINE_LIMIT:,} is the limit; send large data as bytes or arrays"
    )


def _is_tag(value: Any) -> bool:
    return isinstance(value, dict) and "$floe" in value


def _untagged(values: list[Any], batch: Batch) -> list[Any]:
    rules, low, result = _rules(), 0, []
    for at, value in enumerate(values):
        size = batch.counts[at] if batch.counts else 0
        try:
            result.append(rules.untag(value, [_view(b) for b in batch.buffers[low : low + size]]))
        except rules.ValueRefused as error:
            raise ValueRefused(f"message {at}: {error}") from None
        low += size
    return result


def _view(buffer: Buffer) -> memoryview:
    if not buffer.segment:
        return memoryview(buffer.data or b"")
    try:
        return shared_memory.view(buffer.segment, buffer.size)
    except (OSError, ValueError) as error:
        raise ValueRefused(f"the shared memory {buffer.segment!r} of a message cannot be read ({error}); run it again") from None


@cache
def _rules() -> ModuleType:
    """Return the runtime's own rules, loaded as a package of their own so the files can import each other."""
    folder = os.path.join(runtimes_directory(), DEFAULT_LANGUAGE, "floe_runtime")
    if not os.path.exists(os.path.join(folder, "values.py")):
        raise EnvironmentFailed(f"{folder} is missing: reinstall floe-jupyter")
    parent = ModuleType(RULES)
    parent.__path__ = [folder]
    sys.modules[RULES] = parent
    rules = importlib.import_module(f"{RULES}.values")
    rules.CURE_OF_MISSING["text"] = f"install it in the environment of this process ({sys.prefix}): pip install {{package}}"
    return rules
