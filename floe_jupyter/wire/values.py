"""Python values of a notebook as a batch, and back: by the very rules of the Python runtime, which holds them.

The file ``runtimes/python/floe_runtime/values.py`` must do without this package, so it is loaded from here and not the
other way round.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

import orjson

from floe_jupyter.core.messages import INLINE_LIMIT, Batch, Buffer
from floe_jupyter.errors import EnvironmentFailed, ValueRefused
from floe_jupyter.wire import memory

__all__ = ["decode", "encode"]


def encode(values: Iterable[Any]) -> Batch:
    """One batch of these messages, with copies of their arrays and bytes inline.

    Raises `ValueRefused` for a value that cannot travel, naming its place and what to send instead; also when there are none.
    """
    texts: list[bytes] = []
    buffers: list[Buffer] = []
    counts: list[int] = []
    for value in values:
        text, views = _encode(value)
        texts.append(text)
        counts.append(len(views))
        buffers += [Buffer(view.nbytes, view.tobytes()) for view in views]
    if not texts:
        raise ValueRefused("no messages: a batch has at least one; send [None] for one message without a value")
    payload = b"[" + b",".join(texts) + b"]"
    return Batch(payload, len(texts), tagged=b'"$floe"' in payload, buffers=tuple(buffers),
                 counts=tuple(counts) if buffers else None)


def decode(batch: Batch) -> list[Any]:
    """The messages. Arrays are read-only; those in shared memory are mapped, and stay valid while somebody refers to them.

    Raises `ValueRefused` for what this Python cannot represent, or whose shared memory is gone.
    """
    try:
        values = orjson.loads(batch.payload)
    except ValueError as error:
        raise ValueRefused(f"messages that are no JSON: {error}") from None
    assert isinstance(values, list)
    return _untagged(values, batch) if batch.tagged else values


def _encode(value: Any) -> tuple[bytes, list[memoryview]]:
    rules = _rules()
    views: list[memoryview] = []
    try:
        text = orjson.dumps(value if rules.is_plain(value) and not _is_tag(value) else rules.tag(value, views))
    except rules.ValueRefused as error:
        raise ValueRefused(str(error)) from None
    except RecursionError:
        raise ValueRefused("the value is nested too deep; flatten it, or send it as text") from None
    except TypeError as error:
        raise ValueRefused(f"the value cannot become JSON: {error}; text must be Unicode without lone surrogates") from None
    if b'"$floe"' in text and not views:
        text = orjson.dumps(rules.tag(value, views))
    if len(text) > INLINE_LIMIT:
        raise ValueRefused(f"the value is {len(text):,} bytes of JSON, and {INLINE_LIMIT:,} is the limit; send large data as "
                           "bytes or arrays")
    return text, views


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
        return memory.view(buffer.segment, buffer.size)
    except (OSError, ValueError) as error:
        raise ValueRefused(f"the shared memory {buffer.segment!r} of a message cannot be read ({error}); run it again") from None


@cache
def _rules() -> ModuleType:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_runtimes")
    runtimes = installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "runtimes")
    path = os.path.join(runtimes, "python", "floe_runtime", "values.py")
    spec = importlib.util.spec_from_file_location("floe_jupyter._value_rules", path)
    if spec is None or spec.loader is None or not os.path.exists(path):
        raise EnvironmentFailed(f"{path} is missing: reinstall floe-jupyter")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
