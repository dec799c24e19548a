"""Batches of messages: a JSON array as text, plus data of each of its values.

The payload stays text wherever no code needs its values: cost is per batch, not per message. `split` makes single messages of a
batch when a breakpoint, a join, a step or a recording needs single messages.

A value without an exact JSON form is *tagged*: an object whose only key is ``$floe`` (the list of tags is in
``runtimes/README.md``). A batch is marked if any value has a tag, so untagged batches are not searched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from typing import Any

import msgspec
import orjson

from floe_jupyter.errors import ValueRefused

TAG = "$floe"
INLINE_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of the JSON text of one message; larger data travels as buffers (bytes, arrays)."""


class Buffer(msgspec.Struct, frozen=True, omit_defaults=True, weakref=True):
    """Binary data beside a message: inline bytes, or the name of the shared-memory segment with the bytes."""

    size: int
    data: bytes | None = None
    segment: str = ""


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """*n* messages in order: all of one run (`run`), or each with its run (`runs`)."""

    payload: bytes
    """JSON array of *n* values, without white space between the values."""
    n: int
    run: int = 0
    runs: tuple[int, ...] | None = None
    ids: tuple[str, ...] | None = None
    """One id per message, where messages are recorded; None while debugging is off."""
    tagged: bool = False
    """True when a value holds a ``$floe`` tag."""
    buffers: tuple[Buffer, ...] = ()
    counts: tuple[int, ...] | None = None
    """Number of `buffers` of each message; None without buffers. Tags count from 0 within their message."""

    @property
    def size(self) -> int:
        """Bytes of the batch with its buffers, as counted by a wire's limit."""
        return len(self.payload) + sum(b.size for b in self.buffers)

    def run_of(self, index: int) -> int:
        """Return the run of a message."""
        return self.run if self.runs is None else self.runs[index]


_RAW = msgspec.json.Decoder(list[msgspec.Raw])


def texts(payload: bytes) -> list[bytes]:
    """Return the JSON text of each value of an array."""
    return [bytes(raw) for raw in _RAW.decode(payload)]


def last_text(payload: bytes) -> bytes | None:
    """Return the JSON text of the last value of an array; None for an empty array. Raises `msgspec.DecodeError`."""
    found = _RAW.decode(payload)
    return bytes(found[-1]) if found else None


def pieces(payload: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Return the JSON texts of an array like `texts`, for immediate use: the pieces may keep the whole array in memory.

    Numbers and other simple values are separated without being parsed.
    """
    if b'"' in payload or payload.find(b"[", 1) > 0 or b"{" in payload:
        return _RAW.decode(payload)
    return payload[1:-1].split(b",")


def values(batch: Batch) -> list[Any]:
    """Return the values of a batch, with unchanged tags."""
    result = orjson.loads(batch.payload)
    assert isinstance(result, list)
    return result


def single(text: bytes, *, run: int = 0, id: str | None = None, tagged: bool = False, buffers: tuple[Buffer, ...] = ()) -> Batch:  # noqa: A002 - the field's name
    """Return a batch of one message, from the JSON text of its value."""
    return Batch(
        b"[" + text + b"]",
        1,
        run=run,
        ids=None if id is None else (id,),
        tagged=tagged,
        buffers=buffers,
        counts=(len(buffers),) if buffers else None,
    )


def split(batch: Batch) -> list[Batch]:
    """Return batches of one message each, in order, each with the run, id and buffers of its message."""
    if batch.n == 1:
        return [batch]
    return _parts(batch, texts(batch.payload))


def _parts(batch: Batch, payloads: list[bytes]) -> list[Batch]:
    first, result = 0, []
    for i, text in enumerate(payloads):
        size = batch.counts[i] if batch.counts else 0
        result.append(
            single(
                text,
                run=batch.run_of(i),
                id=batch.ids[i] if batch.ids else None,
                tagged=batch.tagged,
                buffers=batch.buffers[first : first + size],
            )
        )
        first += size
    return result


def cut(batch: Batch, at: int) -> tuple[Batch, Batch]:
    """Return the first *at* messages and the rest; neither may be empty."""
    assert 0 < at < batch.n, (at, batch.n)
    payloads = texts(batch.payload)
    kept = sum(batch.counts[:at]) if batch.counts else 0
    return _slice(batch, payloads, 0, at, 0, kept), _slice(batch, payloads, at, batch.n, kept, len(batch.buffers))


def _slice(batch: Batch, payloads: list[bytes], start: int, stop: int, low: int, high: int) -> Batch:
    return Batch(
        b"[" + b",".join(payloads[start:stop]) + b"]",
        stop - start,
        run=batch.run,
        runs=batch.runs and batch.runs[start:stop],
        ids=batch.ids and batch.ids[start:stop],
        tagged=batch.tagged,
        buffers=batch.buffers[low:high],
        counts=batch.counts and batch.counts[start:stop],
    )


def merge(batches: list[Batch]) -> Batch:
    """Return one batch of all messages, in order, also of different runs. The list may not be empty."""
    if len(batches) == 1:
        return batches[0]
    # One comprehension a field: this is on the way of every message.
    mixed = any(b.runs is not None or b.run != batches[0].run for b in batches)
    named = all(b.ids is not None for b in batches)
    heavy = any(b.buffers for b in batches)
    return Batch(
        b"[" + b",".join(b.payload[1:-1] for b in batches) + b"]",
        sum(b.n for b in batches),
        run=0 if mixed else batches[0].run,
        runs=tuple(b.run_of(i) for b in batches for i in range(b.n)) if mixed else None,
        ids=tuple(i for b in batches for i in b.ids or ()) if named else None,
        tagged=any(b.tagged for b in batches),
        buffers=tuple(x for b in batches for x in b.buffers),
        counts=tuple(c for b in batches for c in b.counts or (0,) * b.n) if heavy else None,
    )


def derive(parent: str, node: str, index: int) -> str:
    """Return the id of the *index*-th output (over all ports, from 0) which *node* made of the message *parent*.

    Never random: an output emitted again after a crash has the same id. Runtimes derive the keys of messages on local routes in
    the same way. 16 hexadecimal digits are enough for a run of millions of messages without a duplicate.
    """
    return sha256(f"{parent}/{node}/{index}".encode()).hexdigest()[:16]


def encode_plain(value: Any) -> bytes:
    """Return the JSON text of a plain value (a tuple is a list, as everywhere).

    Raises `ValueRefused`, naming the cure, for a value without an exact JSON form.
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
        _require_plain(value)
    except TypeError as error:
        raise ValueRefused(
            f"{type(value).__name__} cannot become a message: {error}; send numbers, text, lists, "
            "dictionaries with text keys, bytes or arrays"
        ) from None
    return text


def _require_plain(value: Any) -> None:
    """Raise `TypeError` for values which orjson would write as another value."""
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            _require_plain(item)
    elif isinstance(value, float):
        if value - value != 0:
            raise TypeError(f"JSON has no {value}")
    elif not isinstance(value, str | int | None) or isinstance(value, Enum):
        raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def plain_text(text: bytes, what: str = "the new value") -> bytes:
    """Return *text*, if *text* is the JSON text of one value which every runtime reads as written.

    Raises `ValueRefused`; errors name the value *what*.
    """
    try:
        orjson.loads(text)
        json.loads(text, parse_int=_require_64_bits)
    except ValueError as error:
        raise ValueRefused(f"{what} is not JSON: {error}") from None
    except RecursionError:
        raise ValueRefused(f"{what} is nested too deep; flatten it, or send it as text") from None
    return text


def _require_64_bits(digits: str) -> None:
    if len(digits) > 18 and not -(1 << 63) <= int(digits[:25]) < 1 << 64:
        raise ValueRefused(
            f"the integer {digits[:25]}{'...' if digits[25:] else ''} has more than 64 bits, which JSON does not "
            f'carry safely; write it as {{"{TAG}": ["int", "its digits"]}}, or as text'
        )
