"""Frames are what they were, whatever pieces they come in; nonsense is refused, and never anything but refused."""

from __future__ import annotations

import itertools
import struct
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.runtime.frames import (
    FRAME_LIMIT,
    BatchHead,
    CallFrame,
    FromRuntime,
    LogFrame,
    OutputHead,
    ReturnedFrame,
    ToRuntime,
)
from floe_jupyter.wire.runtime.packing import Unpacker, batch_of, head_of, pack, parts_of


def _batch(n: int, buffers: tuple[Buffer, ...] = ()) -> Batch:
    payload = b"[" + b",".join(b"%d" % i for i in range(n)) + b"]"
    return Batch(
        payload, n, run=3, tagged=bool(buffers), buffers=buffers, counts=(len(buffers),) + (0,) * (n - 1) if buffers else None
    )


def _call(number: int, batch: Batch) -> bytes:
    return pack(CallFrame(call=number, slot=1, port="in", batch=head_of(batch)), parts_of(batch))


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def test_a_batch_survives_the_way() -> None:
    batch = _batch(3, (Buffer(4, b"data"), Buffer(100_000, None, "floe-1-1")))
    ((head, parts),) = Unpacker(ToRuntime).feed(_call(1, batch))
    assert batch_of(head.batch, parts) == batch
    assert parts == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.lists(st.integers(0, 1 << 20), max_size=20))
def test_frames_are_the_same_in_whatever_pieces_they_come(sizes: list[int], cuts: list[int]) -> None:
    data = b"".join(_call(i, _batch(n)) for i, n in enumerate(sizes))
    unpacker, found = Unpacker(ToRuntime), []
    for piece in _pieces(data, cuts):
        found += unpacker.feed(piece)
    assert [(head.call, batch_of(head.batch, parts)) for head, parts in found] == [(i, _batch(n)) for i, n in enumerate(sizes)]
    assert unpacker.refusals == 0


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 500), max_size=5))
def test_any_bytes_give_frames_refusals_or_a_protocol_error(data: bytes, cuts: list[int]) -> None:
    unpacker = Unpacker(FromRuntime)
    try:
        for piece in _pieces(data, cuts):
            unpacker.feed(piece)
    except ProtocolError as error:
        assert str(FRAME_LIMIT) in str(error)


@settings(max_examples=500, deadline=None)
@given(st.integers(8, 200), st.integers(0, 255), st.integers(1, 5))
def test_a_damaged_frame_is_refused_or_read_and_the_next_one_is_found(at: int, byte: int, n: int) -> None:
    data = bytearray(_call(1, _batch(n)))
    data[8 + at % (len(data) - 8)] = byte
    unpacker = Unpacker(ToRuntime)
    found = unpacker.feed(bytes(data) + _call(2, _batch(2)))
    assert found[-1][0].call == 2
    assert len(found) + unpacker.refusals == 2
    for head, parts in found[:-1]:
        if isinstance(head, CallFrame):
            _read_or_refuse(head.batch, parts)


def _read_or_refuse(head: BatchHead, parts: list[bytes]) -> None:
    try:
        batch_of(head, parts)
    except ProtocolError as error:
        assert str(error)


def test_a_torn_frame_waits_for_its_rest() -> None:
    data, unpacker = _call(1, _batch(5)), Unpacker(ToRuntime)
    for at in range(len(data) - 1):
        assert unpacker.feed(data[at : at + 1]) == []
    assert len(unpacker.feed(data[-1:])) == 1


def test_a_length_over_the_limit_loses_the_place() -> None:
    with pytest.raises(ProtocolError, match="the limit is"):
        Unpacker(ToRuntime).feed(struct.pack("<II", FRAME_LIMIT + 1, 2) + b"{}")
    with pytest.raises(ProtocolError, match="the limit is"):
        Unpacker(ToRuntime).feed(struct.pack("<II", 3, 0))


def test_a_frame_over_the_limit_is_not_packed() -> None:
    part = memoryview(b"x" * 1024)
    parts: list[Any] = [part] * (FRAME_LIMIT // 1024 + 1)
    with pytest.raises(ProtocolError, match="the limit is"):
        pack(LogFrame(slot=1, text="x"), parts)


def test_only_the_newest_refusals_are_kept() -> None:
    unpacker = Unpacker(ToRuntime)
    unpacker.feed(struct.pack("<II", 6, 2) * 1 + b"{}")
    for _ in range(150):
        unpacker.feed(struct.pack("<II", 6, 2) + b"{}")
    assert (unpacker.refusals, len(unpacker.refused)) == (151, 100)


def _seconds_to_take(size: int) -> float:
    part = bytes(size)
    head = ReturnedFrame(call=1, outputs=[OutputHead(slot=1, port="out", batch=BatchHead(n=1))])
    data, unpacker, began = memoryview(pack(head, [part])), Unpacker(FromRuntime), time.thread_time()
    found = [frame for at in range(0, len(data), 1 << 17) for frame in unpacker.feed(bytes(data[at : at + (1 << 17)]))]
    seconds = time.thread_time() - began
    assert len(found) == 1 and len(found[0][1][0]) == size
    return seconds


def test_a_large_frame_costs_time_in_proportion_to_its_size() -> None:
    """In time of this thread, both sizes by turns: what else the machine does at the moment weighs on both, or on neither.

    Both are too large for caches and for memory that the process has already; copying with every piece would cost 9 times.
    """
    _seconds_to_take(1 << 20)
    pairs = [(_seconds_to_take(40 << 20), _seconds_to_take(120 << 20)) for _ in range(4)]
    small, large = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
    assert large < 3 * small * 2, f"40 MiB took {small:.3f} s, 120 MiB {large:.3f} s"


def test_small_frames_behind_a_large_one_are_found() -> None:
    large = _call(1, _batch(2, (Buffer(1 << 20, bytes(1 << 20)),)))
    unpacker = Unpacker(ToRuntime)
    data = large + _call(2, _batch(1)) + large + _call(3, _batch(1))
    found = [head.call for at in range(0, len(data), 70_000) for head, _ in unpacker.feed(data[at : at + 70_000])]
    assert found == [1, 2, 1, 3]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n": 0}, "no JSON array"),
        ({"runs": [1]}, "1 runs"),
        ({"ids": ["a"]}, "1 ids"),
        ({"counts": [1, 0]}, "counts and buffers"),
        ({"buffers": [{"size": 3}], "counts": [1, 0]}, "without its part"),
    ],
)
def test_a_batch_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    head = msgspec.convert({"n": 2, **change}, BatchHead)
    with pytest.raises(ProtocolError, match=reason):
        batch_of(head, [b"[1,2]"])
