"""Values of a notebook: equal behind a batch, or refused with their place and the cure."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.messages import Buffer, split
from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.values import decode, encode

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC)).map(lambda moment: moment.replace(fold=0)),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["$floe", "a", "", "ключ"]) | st.text("ab", max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int


class Pair(NamedTuple):
    a: int
    b: int


@settings(max_examples=300, deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_plain_values_come_back_equal(values: list[Any]) -> None:
    back = decode(encode(values))
    assert back == values
    assert list(map(repr, back)) == list(map(repr, values))


def test_numbers_json_has_no_text_for_come_back() -> None:
    nan, inf, zero = decode(encode([math.nan, -math.inf, -0.0]))
    assert math.isnan(nan)
    assert inf == -math.inf
    assert math.copysign(1, zero) == -1


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5.0),
        np.arange(6, dtype="i4").reshape(2, 3),
        np.arange(12).reshape(3, 4).T,
        np.arange(10)[::2],
        np.zeros((0, 3)),
        np.array(3.5),
        np.array([1, 2], dtype=">i8"),
        np.array(["a", "日本"]),
        np.array([1 + 2j]),
        np.array(["2026-11-21", "NaT"], dtype="M8[ns]"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.array([1.5], dtype="f2"),
    ],
)
def test_A16_arrays_come_back_equal_and_may_be_changed_unless_they_are_large(array: np.ndarray[Any, Any]) -> None:
    (back,) = decode(encode([array]))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    (large,) = decode(encode([np.zeros(70_000)]))
    assert not large.flags.writeable


def test_tables_come_back_equal() -> None:
    frame = pd.DataFrame({"ppm": [421.5, np.nan], "site": ["mlo", None]}, index=pd.Index(["a", "b"], name="k"))
    table = pa.table({"t": pa.array([0, 1], pa.timestamp("ms", "UTC")), "l": [[1], [2, 3]]})
    back, arrow = decode(encode([frame, {"inside": table}]))
    pd.testing.assert_frame_equal(back, frame)
    assert arrow["inside"].equals(table)


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ((1, (2,)), [1, [2]]),
        (np.float64(1.5), 1.5),
        (np.int64(-3), -3),
        (np.bool_(True), True),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.str_("x"), "x"),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (bytearray(b"x"), b"x"),
        (memoryview(b"abcd")[::2], b"ac"),
    ],
)
def test_what_arrives_as_another_type_is_equal_to_it(value: Any, arrives: Any) -> None:
    (back,) = decode(encode([value]))
    assert back == arrives
    assert type(back) is type(arrives)


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ({1, 2}, "sorted"),
        (frozenset(), "sorted"),
        (1j, "real"),
        (decimal.Decimal("1.1"), "str(value)"),
        (Fraction(1, 3), "str(value)"),
        (Colour.RED, ".value"),
        (Number.ONE, ".value"),
        (uuid.uuid4(), "str(value)"),
        (Point(1), "asdict"),
        (Pair(1, 2), "_asdict"),
        (datetime.time(1), "isoformat"),
        (datetime.timedelta(1), "total_seconds"),
        (object(), "numbers, text"),
        (len, "numbers, text"),
        (Path("x"), "str(value)"),
        (range(3), "list(value)"),
        ((x for x in ()), "yield from"),
        ({1: 2}, "str(key)"),
        ("\ud800", "surrogate"),
        pytest.param(1 << 20_000, "hex(value)", id="huge"),
        (np.array([object()]), "tolist"),
        (np.zeros(2, dtype=[("a", "i4")]), "field"),
        (np.ma.masked_array([1]), "asarray"),
        (pd.Period("2026-11"), "str(value)"),
        (pd.Interval(0, 1), "value.left"),
        (pd.array([1]), "pandas.Series(value)"),
        ("x" * 17_000_000, "limit"),
        (pa.array([1]), "to_pylist"),
        (pa.scalar(1), "as_py"),
        ({}.keys(), "list(value)"),
    ],
)
def test_what_cannot_travel_is_refused_with_its_place_and_the_cure(value: Any, cure: str) -> None:
    with pytest.raises(ValueRefused, match=r"value") as caught:
        encode([{"a": [0, value]}])
    assert cure in str(caught.value)


def test_the_place_of_what_is_refused_is_named() -> None:
    with pytest.raises(ValueRefused, match=r"the value at \['a'\]\[1\] is a set"):
        encode([{"a": [0, {1}]}])


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueRefused, match="contains itself"):
        encode([loop])


def test_no_messages_at_all_are_refused() -> None:
    with pytest.raises(ValueRefused, match="no messages"):
        encode([])


def test_messages_of_a_batch_keep_their_buffers_when_it_is_split() -> None:
    parts = split(encode([b"a", 1, [b"b", b"c"]]))
    assert [decode(part) for part in parts] == [[b"a"], [1], [[b"b", b"c"]]]


def test_an_array_in_shared_memory_is_mapped() -> None:
    batch = encode([np.arange(20_000.0)])
    name = shared_memory.create(batch.buffers[0].data or b"", f"floe-{__import__('os').getpid()}-t")
    moved = type(batch)(batch.payload, 1, tagged=True, buffers=(Buffer(160_000, None, name),), counts=(1,))
    (back,) = decode(moved)
    shared_memory.remove(name)
    assert back.sum() == 19_999 * 10_000
    with pytest.raises(ValueRefused, match="run it again"):
        decode(moved)


@pytest.mark.parametrize(
    "text",
    [
        '{"$floe":["new"]}',
        '{"$floe":[]}',
        '{"$floe":1}',
        '{"$floe":["bytes",0]}',
        '{"$floe":["date","x"]}',
        '{"$floe":["bytes",-1]}',
    ],
)
def test_an_unknown_tag_is_refused_and_not_passed_on_as_a_value(text: str) -> None:
    batch = type(encode([1]))(b"[" + text.encode() + b"]", 1, tagged=True)
    with pytest.raises(ValueRefused, match="has the tag"):
        decode(batch)


def test_the_corpus_of_the_runtimes_reads_and_writes_the_same() -> None:
    corpus = json.loads((Path(__file__).parents[1] / "vectors" / "runtime" / "values.json").read_text())["values"]
    for entry in corpus:
        if "buffers" in entry or entry["kind"] == "surrogate":
            continue
        batch = type(encode([1]))(b"[" + entry["text"].encode() + b"]", 1, tagged="$floe" in entry["text"])
        (value,) = decode(batch)
        (again,) = decode(encode([value]))
        assert repr(again) == repr(value), entry
