"""Messages travel in batches: a JSON array as text, plus what belongs to each of its values.

The payload stays text wherever nobody needs to look into it: cost is per batch, not per message. `split` makes single
messages of a batch when a breakpoint, a join, a step or a recording needs them.

A value that JSON cannot say is *tagged*: an object whose only key is ``$floe`` (the list of tags is in
``runtimes/README.md``). A batch says whether it holds any, so that nobody searches for them in vain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from floe_jupyter.errors import ValueRefused

TAG = "$floe"
INLINE_LIMIT = 16 * 1024 * 1024
"""The largest JSON text of one message, in bytes; larger data travels as buffers (bytes, arrays)."""


class Buffer(msgspec.Struct, frozen=True, omit_defaults=True, weakref=True):
    """Binary data beside a message: inline bytes, or the name of a shared-memory segment that holds them."""

    size: int
    data: bytes | None = None
    segment: str = ""


class Batch(msgspec.Struct, frozen=True, omit_defaults=True):
    """*n* messages in order. All of one run (`run`), or each with its own (`runs`)."""

    payload: bytes
    """A JSON array of *n* values, without white space between them."""
    n: int
    run: int = 0
    runs: tuple[int, ...] | None = None
    ids: tuple[str, ...] | None = None
    """One id a message, where messages are recorded; None while nothing is being debugged."""
    tagged: bool = False
    """True when some value holds a ``$floe`` tag."""
    buffers: tuple[Buffer, ...] = ()
    counts: tuple[int, ...] | None = None
    """How many of `buffers` belong to each message; None when there are none. Tags count from 0 within their message."""

    @property
    def size(self) -> int:
        """Its size, in bytes, with its buffers: what a wire's limit counts."""
        return len(self.payload) + sum(b.size for b in self.buffers)

    def run_of(self, index: int) -> int:
        return self.run if self.runs is None else self.runs[index]


_RAW = msgspec.json.Decoder(list[msgspec.Raw])


def texts(payload: bytes) -> list[bytes]:
    """The JSON text of each value of an array."""
    return [bytes(raw) for raw in _RAW.decode(payload)]


def pieces(payload: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The same, to be used at once: they may keep the whole array in memory. Numbers and other simple values are told apart
    without reading them.
    """
    if b'"' in payload or payload.find(b"[", 1) > 0 or b"{" in payload:
        return _RAW.decode(payload)
    return payload[1:-1].split(b",")


def values(batch: Batch) -> list[Any]:
    """The values of a batch; tags stay as they are."""
    result = orjson.loads(batch.payload)
    assert isinstance(result, list)
    return result


def single(text: bytes, *, run: int = 0, id: str | None = None, tagged: bool = False, buffers: tuple[Buffer, ...] = ()) -> Batch:  # noqa: A002 - the field's name
    """A batch of one, from the JSON text of its value."""
    return Batch(b"[" + text + b"]", 1, run=run, ids=None if id is None else (id,), tagged=tagged, buffers=buffers,
                 counts=(len(buffers),) if buffers else None)


def split(batch: Batch) -> list[Batch]:
    """Batches of one message each, in order; every one keeps its own run, id and buffers."""
    if batch.n == 1:
        return [batch]
    return _parts(batch, texts(batch.payload))


def _parts(batch: Batch, payloads: list[bytes]) -> list[Batch]:
    first, result = 0, []
    for i, text in enumerate(payloads):
        size = batch.counts[i] if batch.counts else 0
        result.append(single(text, run=batch.run_of(i), id=batch.ids[i] if batch.ids else None, tagged=batch.tagged,
                             buffers=batch.buffers[first : first + size]))
        first += size
    return result


def cut(batch: Batch, at: int) -> tuple[Batch, Batch]:
    """The first *at* messages and the rest; neither may be empty."""
    assert 0 < at < batch.n, (at, batch.n)
    payloads = texts(batch.payload)
    kept = sum(batch.counts[:at]) if batch.counts else 0
    return _slice(batch, payloads, 0, at, 0, kept), _slice(batch, payloads, at, batch.n, kept, len(batch.buffers))


def _slice(batch: Batch, payloads: list[bytes], start: int, stop: int, low: int, high: int) -> Batch:
    return Batch(b"[" + b",".join(payloads[start:stop]) + b"]", stop - start, run=batch.run,
                 runs=batch.runs and batch.runs[start:stop], ids=batch.ids and batch.ids[start:stop],
                 tagged=batch.tagged, buffers=batch.buffers[low:high], counts=batch.counts and batch.counts[start:stop])


def merge(batches: list[Batch]) -> Batch:
    """One batch of all messages, in order; they need not be of one run. The list may not be empty."""
    if len(batches) == 1:
        return batches[0]
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
    """The id of the *index*-th output (over all ports, from 0) that *node* made of the message *parent*.

    Never random: what is emitted again after a crash has the same id. 12 hexadecimal digits.
    """
    return blake2b(f"{parent}/{node}/{index}".encode(), digest_size=6).hexdigest()


def encode_plain(value: Any) -> bytes:
    """The JSON text of a plain value. Raises `ValueRefused`, naming the cure, for what JSON cannot say exactly (a tuple is a
    list, as everywhere).
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
        _require_plain(value)
    except TypeError as error:
        raise ValueRefused(f"{type(value).__name__} cannot become a message: {error}; send numbers, text, lists, "
                           "dictionaries with text keys, bytes or arrays") from None
    return text


def _require_plain(value: Any) -> None:
    """Raise `TypeError` for what orjson would write as something else."""
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            _require_plain(item)
    elif isinstance(value, float):
        if value - value != 0:
            raise TypeError(f"JSON has no {value}")
    elif not isinstance(value, str | int | None) or isinstance(value, Enum):
        raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def plain_text(text: bytes, what: str = "the new value") -> bytes:
    """*text*, if it is the JSON text of one value that every runtime reads as it is written; errors call it *what*. Raises
    `ValueRefused`.
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
        raise ValueRefused(f"the integer {digits[:25]}{'...' if digits[25:] else ''} has more than 64 bits, which JSON does not "
                           f'carry safely; write it as {{"{TAG}": ["int", "its digits"]}}, or as text')
