"""Batches: what is cut, split and merged is what was there, with its runs, ids and buffers."""

from __future__ import annotations

import datetime
import math
import uuid
from enum import StrEnum

import msgspec
import numpy
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_jupyter.core.messages import (
    INLINE_LIMIT,
    Batch,
    Buffer,
    cut,
    derive,
    encode_plain,
    merge,
    plain_text,
    single,
    split,
    texts,
    values,
)
from floe_jupyter.errors import ValueRefused

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
buffers = st.builds(lambda data: Buffer(len(data), data), st.binary(max_size=4)) | st.builds(
    lambda n: Buffer(100_000, None, f"floe-1-{n}"), st.integers(0, 99)
)


@st.composite
def messages(draw: st.DrawFn, named: bool | None = None) -> Batch:
    """A batch of one."""
    named = draw(st.booleans()) if named is None else named
    held = tuple(draw(st.lists(buffers, max_size=2)))
    return single(
        orjson.dumps(draw(plain)),
        run=draw(st.integers(0, 2)),
        id=draw(st.text("0af", min_size=3)) if named else None,
        tagged=bool(held),
        buffers=held,
    )


batches = st.booleans().flatmap(lambda named: st.lists(messages(named), min_size=1, max_size=6)).map(merge)


def details(batch: Batch) -> list[tuple[object, ...]]:
    """What each message of a batch is, however the batch says it."""
    counts = batch.counts or (0,) * batch.n
    starts = [sum(counts[:i]) for i in range(batch.n)]
    return [
        (text, batch.run_of(i), batch.ids[i] if batch.ids else None, batch.buffers[starts[i] : starts[i] + counts[i]])
        for i, text in enumerate(texts(batch.payload))
    ]


@given(st.booleans().flatmap(lambda named: st.lists(messages(named), min_size=1, max_size=6)))
def test_merging_keeps_every_message_with_its_run_its_id_and_its_buffers(parts):
    whole = merge(parts)
    assert whole.n == len(parts)
    assert details(whole) == [d for part in parts for d in details(part)]
    assert whole.tagged == any(p.tagged for p in parts)


@given(batches)
def test_splitting_and_merging_again_gives_the_same_messages(batch):
    parts = split(batch)
    assert [p.n for p in parts] == [1] * batch.n
    assert details(merge(parts)) == details(batch)
    assert [d for p in parts for d in details(p)] == details(batch)


@given(batches.filter(lambda b: b.n > 1), st.data())
def test_cutting_anywhere_loses_nothing(batch, data):
    at = data.draw(st.integers(1, batch.n - 1))
    first, rest = cut(batch, at)
    assert (first.n, rest.n) == (at, batch.n - at)
    assert details(first) + details(rest) == details(batch)
    assert details(merge([first, rest])) == details(batch)
    assert first.tagged == rest.tagged == batch.tagged


@given(batches)
def test_a_payload_is_an_array_of_n_values_without_white_space(batch):
    assert values(batch) == orjson.loads(batch.payload)
    assert len(values(batch)) == batch.n
    assert b"[" + b",".join(texts(batch.payload)) + b"]" == batch.payload


@given(batches)
def test_the_size_counts_the_text_and_all_buffers(batch):
    assert batch.size == len(batch.payload) + sum(b.size for b in batch.buffers)


@given(batches)
def test_a_batch_survives_the_wire(batch):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


def test_merging_messages_of_one_run_needs_no_list_of_runs():
    assert merge([single(b"1", run=7), single(b"2", run=7)]) == Batch(b"[1,2]", 2, run=7)


def test_merging_messages_of_two_runs_names_the_run_of_each():
    assert merge([single(b"1", run=7), single(b"2", run=8)]) == Batch(b"[1,2]", 2, runs=(7, 8))


def test_merging_a_named_and_an_unnamed_message_gives_an_unnamed_batch():
    assert merge([single(b"1", id="a"), single(b"2")]).ids is None


def test_buffers_stay_with_their_message_when_only_some_have_any():
    whole = merge([single(b"1"), single(b"2", buffers=(Buffer(1, b"x"), Buffer(1, b"y"))), single(b"3")])
    assert whole.counts == (0, 2, 0)
    assert [p.buffers for p in split(whole)] == [(), (Buffer(1, b"x"), Buffer(1, b"y")), ()]


def test_one_batch_alone_is_neither_split_nor_merged_but_itself():
    one = single(b'{"a":1}', run=3, id="abc")
    assert split(one) == [one]
    assert merge([one]) is one


@pytest.mark.parametrize("at", [0, 2, -1])
def test_a_cut_that_would_leave_one_side_empty_is_a_mistake(at):
    with pytest.raises(AssertionError):
        cut(Batch(b"[1,2]", 2), at)


@pytest.mark.parametrize("text", [b'[[1,[2]],{"a":[3]},"],[",null]', b'["\\"],",-0.0,1e400,12345678901234567890]'])
def test_texts_are_the_values_letter_by_letter(text):
    assert b"[" + b",".join(texts(text)) + b"]" == text


@given(st.text(), st.text(), st.integers(0, 10_000))
def test_an_id_is_twelve_hexadecimal_digits_and_always_the_same(parent, node, index):
    assert derive(parent, node, index) == derive(parent, node, index)
    assert len(derive(parent, node, index)) == 16
    int(derive(parent, node, index), 16)


def test_ids_differ_by_parent_by_node_and_by_index():
    assert len({derive(p, n, i) for p in ("x", "y") for n in ("a", "b") for i in range(100)}) == 400


@given(plain)
def test_plain_values_arrive_as_they_were(value):
    assert orjson.loads(encode_plain(value)) == value


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", 1j, {"a": [object()]}, math, 2**64, "\ud800"])
def test_a_value_that_json_cannot_say_is_refused_with_its_cure(value):
    with pytest.raises(ValueRefused, match=r"cannot become a message.*send numbers, text"):
        encode_plain(value)


def test_a_cyclic_value_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueRefused):
        encode_plain(loop)


def test_the_limit_of_a_text_is_16_mebibytes():
    assert INLINE_LIMIT == 16 * 1024 * 1024


class Colour(StrEnum):
    red = "red"


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        [{"a": -math.inf}],
        datetime.datetime(2026, 1, 2, 3),
        datetime.date(2026, 1, 2),
        datetime.time(3),
        uuid.UUID(int=1),
        Colour.red,
        {"a": (1, Colour.red)},
        1 << 64,
        -(1 << 63) - 1,
        b"x",
        numpy.float64(1.5),
        numpy.int64(3),
        numpy.zeros(2),
        {1: 2},
        {1, 2},
        "\ud800",
    ],
    ids=repr,
)
def test_what_json_would_change_is_refused_with_the_cure(value: object):
    with pytest.raises(ValueRefused, match=r"cannot become a message: .*; send numbers, text, lists"):
        encode_plain(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, b"-0.0"),
        ((1, 2), b"[1,2]"),
        (1 << 63, b"9223372036854775808"),
        (True, b"true"),
        (0.1, b"0.1"),
        ({"a": None}, b'{"a":null}'),
    ],
)
def test_what_json_can_say_is_said_exactly(value: object, text: bytes):
    assert encode_plain(value) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"NaN", "is not JSON"),
        (b"1,2", "is not JSON"),
        (b"1e999", "is not JSON"),
        (b"", "is not JSON"),
        (b'"\\ud800"', "is not JSON"),
        (b"18446744073709551616", "18446744073709551616 has more than 64 bits"),
        (b"[-9223372036854775809]", "-9223372036854775809 has more"),
        (b"1" * 300, r"1111111111111111111111111\.\.\. has more than 64 bits"),
        (b"[" * 1_020 + b"]" * 1_020, "nested too deep"),
    ],
)
def test_a_text_that_a_runtime_would_read_as_another_value_is_refused(text: bytes, said: str):
    with pytest.raises(ValueRefused, match=said):
        plain_text(text)


@pytest.mark.parametrize(
    "text", [b"-0.0", b"18446744073709551615", b"-9223372036854775808", b'{"n": "123456789012345678901234567890"}', b" 1 "]
)
def test_a_text_that_every_runtime_reads_alike_is_taken_as_it_is(text: bytes):
    assert plain_text(text) == text
