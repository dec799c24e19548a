"""Tables, Series, indexes and moments of pandas: equal behind a batch in every particular, or refused with the cure."""

from __future__ import annotations

import builtins
import datetime
import math
import sys
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire.values import decode, encode

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def back(value: Any) -> Any:
    return decode(encode([value]))[0]


def same_cell(a: Any, b: Any) -> bool:
    """Equal and of one type, to the last level; what is missing is the same kind of missing."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_cell, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_cell(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a is b or bool(a == b) or (isinstance(a, np.generic) and a.tobytes() == b.tobytes())


def same_index(a: pd.Index, b: pd.Index) -> None:
    pd.testing.assert_index_equal(a, b, exact=True, check_exact=True)
    assert a.dtype == b.dtype
    assert [same_cell(x, y) for x, y in zip(a.names, b.names, strict=True)] == [True] * a.nlevels
    assert getattr(a, "freq", None) == getattr(b, "freq", None)
    assert all(map(same_cell, a.tolist(), b.tolist()))


def same_frame(a: pd.DataFrame, b: pd.DataFrame) -> None:
    same_index(a.columns, b.columns)
    same_index(a.index, b.index)
    assert list(a.dtypes) == list(b.dtypes)
    pd.testing.assert_frame_equal(a, b, check_exact=True, check_column_type=True, check_index_type=True)
    for at in range(a.shape[1]):
        assert all(map(same_cell, a.iloc[:, at].tolist(), b.iloc[:, at].tolist())), a.columns[at]
    assert a.attrs == b.attrs
    assert a.flags.allows_duplicate_labels == b.flags.allows_duplicate_labels


FRAMES = {
    "plain": pd.DataFrame({"i": [1, 2], "f": [0.5, np.nan], "b": [True, False], "s": ["a", "ü"]}),
    "small numbers": pd.DataFrame({k: np.array([0, 1], k) for k in ("i1", "u1", "i2", "u4", "u8", "f4", "c8", "c16", "g")}),
    "big-endian": pd.DataFrame({"x": np.array([1, 2], ">i4")}),
    "dictionaries": pd.DataFrame({"meta": [{"x": 1}, {"y": 2}]}),
    "lists and arrays": pd.DataFrame({"l": [[1, 2], [3, 4]], "a": [np.arange(3), np.zeros((2, 2))], "b": [b"x", b""]}),
    "escaped": pd.DataFrame({"m": [{"$floe": ["int", "1"]}, {"$floe": 1}]}),
    "big integers": pd.DataFrame({"id": [1, 2**64]}),
    "mixed names": pd.DataFrame([[1, 2]], columns=["a", 1]),
    "no names": pd.DataFrame([[1, 2]], columns=[None, None]),
    "twice the same name": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "numbers as names": pd.DataFrame([[1, 2.0]], columns=[3, 1]),
    "missing in objects": pd.DataFrame({"o": pd.Series(["a", None, np.nan, pd.NA, pd.NaT], dtype=object)}),
    "text and None": pd.DataFrame({"o": pd.Series(["a", None], dtype=object), "p": pd.Series([None, None], dtype=object)}),
    "moments": pd.DataFrame(
        {
            "t": pd.to_datetime(["2026-01-01T00:00:00.123456789", None]),
            "s": np.array(["2026", "NaT"], "M8[s]"),
            "d": pd.to_timedelta([1, None], "ns"),
            "z": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Berlin"),
        }
    ),
    "utc": pd.DataFrame({"t": pd.to_datetime(["2026-01-01"], utc=True).as_unit("ms")}),
    "fixed offset": pd.DataFrame({"t": pd.to_datetime(["2026-01-01T00:00:00+05:30"])}),
    "moments in objects": pd.DataFrame(
        {
            "o": pd.Series(
                [
                    pd.Timestamp(1),
                    pd.Timedelta(5),
                    datetime.date(2026, 1, 1),
                    datetime.datetime(2026, 1, 1),
                    np.float32(0.1),
                    np.int64(3),
                    np.str_("x"),
                    True,
                ],
                dtype=object,
            )
        }
    ),
    "nullable": pd.DataFrame({k: pd.array([1, None, 0], k) for k in ("Int8", "UInt64", "Float32", "boolean")}),
    "string": pd.DataFrame(
        {
            "n": pd.array(["a", None], pd.StringDtype("python", na_value=np.nan)),
            "a": pd.array(["a", None], "string[python]"),
            "p": pd.array(["a", None], "string[pyarrow]"),
            "q": pd.array(["a", None], pd.StringDtype("pyarrow", na_value=np.nan)),
        }
    ),
    "categories": pd.DataFrame(
        {"c": pd.Categorical(["a", None, "b"], categories=["b", "a", "x"], ordered=True), "n": pd.Categorical([1.5, 2.5, 1.5])}
    ),
    "periods and intervals": pd.DataFrame(
        {
            "p": pd.period_range("2026-01", periods=2, freq="M"),
            "i": pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed="left"),
            "j": pd.arrays.IntervalArray.from_tuples([(0.5, 1.0), np.nan]),
        }
    ),
    "arrow": pd.DataFrame(
        {"a": pd.array([1, None], dtype="int64[pyarrow]"), "l": pd.array([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int32())))}
    ),
    "an index": pd.DataFrame({"x": [1, 2]}, index=pd.Index(["b", "a"], name="k")),
    "a tuple as name": pd.DataFrame({"x": [1]}, index=pd.Index([1], name=("a", 1))),
    "a range": pd.DataFrame({"x": [1, 2]}, index=pd.RangeIndex(4, 0, -2, name=7)),
    "a date index": pd.DataFrame(
        {"x": [1, 2]}, index=pd.date_range("2026-01-01", periods=2, freq="W-SUN", tz="Europe/Berlin", name="t")
    ),
    "a duration index": pd.DataFrame({"x": [1, 2]}, index=pd.timedelta_range("1h", periods=2, freq="h")),
    "a deep index": pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", np.nan)], names=["k", None])),
    "deep columns": pd.DataFrame([[1, 2.5]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
    "category index": pd.DataFrame({"x": [1, 2]}, index=pd.CategoricalIndex(["a", "b"])),
    "duplicate index": pd.DataFrame({"x": ["a", "b"], "o": [[1], [2]]}, index=[7, 7]),
    "no rows": pd.DataFrame({"x": pd.Series([], dtype="i8"), "s": pd.Series([], dtype="str"), "o": pd.Series([], dtype=object)}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "nothing": pd.DataFrame(),
    "fortran": pd.DataFrame(np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    "sliced text": pd.DataFrame(
        {"s": ["ab", None, "üx", "", "yz"], "n": pd.array([None, "a", "b", None, "c"], "string[pyarrow]")}, index=list("abcde")
    ).iloc[1:4],
    "chunks of text": pd.concat(
        [pd.DataFrame({"s": ["a", None]}), pd.DataFrame({"s": ["b"]}), pd.DataFrame({"s": pd.Series([], dtype="str")})],
        ignore_index=True,
    ),
    "a slice": pd.DataFrame(np.arange(20).reshape(4, 5)).iloc[::2, ::-1],
}


@pytest.mark.parametrize("name", FRAMES)
def test_A7_tables_come_back_equal_in_every_particular(name: str) -> None:
    frame = FRAMES[name]
    again = back({"inside": [frame]})["inside"][0]
    same_frame(frame, again)
    if len(again) and again.shape[1] and again.columns.is_unique and again.index.is_unique:
        again.isetitem(0, again.iloc[:, 0])
    for at in range(frame.shape[1]):
        one = frame.iloc[:, at]
        series = back(one)
        pd.testing.assert_series_equal(series, one, check_exact=True, check_index_type=True)
        assert all(map(same_cell, series.tolist(), one.tolist()))
        assert same_cell(series.name, one.name) or (series.name, one.name) == (None, None)
    same_index(back(frame.index), frame.index)


def test_A7_attributes_and_flags_come_back() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "ppm", "n": [1, {"k": None}]}
    same_frame(frame.set_flags(allows_duplicate_labels=False), back(frame.set_flags(allows_duplicate_labels=False)))
    series = frame["a"]
    series.attrs = {"x": 1}
    assert back(series).attrs == {"x": 1}


def test_A7_a_table_may_be_changed_when_it_arrives() -> None:
    for frame in (
        pd.DataFrame({"a": np.arange(100_000.0)}),
        pd.DataFrame({"a": np.arange(100_000.0), "b": 1}),
        pd.DataFrame({"s": ["x"], "i": [1]}),
    ):
        again = back(frame)
        again.iloc[0, 0] = again.iloc[-1, 0]
        again["new"] = 1
        series = back(frame.iloc[:, 0])
        series.iloc[0] = series.iloc[-1]


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"meta": [{1}, {2}]}), r"column 'meta', row 0.*set.*sorted"),
        (pd.DataFrame({"meta": [None, {"deep": [(1, 2)]}]}), r"column 'meta', row 1.*tuple.*list"),
        (pd.DataFrame({"m": [{1: 2}]}), r"column 'm', row 0.*key 1"),
        (pd.DataFrame({"m": [object()]}), r"column 'm', row 0.*object"),
        (pd.DataFrame({"m": [pd.Interval(0, 1), 1]}), r"column 'm', row 0.*Interval.*left"),
        (pd.DataFrame({"m": ["\ud800", 1]}), r"surrogate"),
        (pd.DataFrame({"m": pd.Series(["\ud800", "a"], dtype=object)}), r"column 'm'.*surrogate"),
        (pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}), r"column 's'.*Sparse.*to_dense"),
        (pd.DataFrame({"x": [1]}, index=pd.Index([("a", 1)], tupleize_cols=False)), r"index, row 0.*tuple"),
        (pd.DataFrame({"x": [1]}, index=pd.Index([1], name=frozenset("a"))), r"name of index.*frozenset"),
        (
            pd.DataFrame(
                {"x": [1]}, index=pd.DatetimeIndex(["2026-01-01"], freq=pd.offsets.CustomBusinessDay(holidays=["2026-05-01"]))
            ),
            r"frequency.*freq = None",
        ),
    ],
)
def test_A7_what_would_be_changed_is_refused_with_its_place_and_the_cure(frame: pd.DataFrame, says: str) -> None:
    with pytest.raises(ValueRefused, match=says):
        encode([frame])
    series = frame.reset_index(drop=True).iloc[:, 0] if "index" not in says and "freq" not in says else None
    if series is not None:
        with pytest.raises(ValueRefused, match=r"to_dense|row|surrogate"):
            encode([series])


def test_A7_tables_of_arrow_keep_their_kind() -> None:
    table = pa.table(
        {"t": pa.array([0, 1], pa.timestamp("ms", "UTC")), "l": [[1], [2, 3]], "d": pa.array(["a", "b"]).dictionary_encode()}
    )
    assert back(table).equals(table)
    batch = pa.RecordBatch.from_pydict({"a": [1, 2]}, metadata={"k": "v"})
    assert type(back(batch)) is pa.RecordBatch
    assert back(batch).equals(batch, check_metadata=True)
    empty = pa.RecordBatch.from_pydict({"a": pa.array([], pa.int8())})
    assert back(empty).equals(empty)


COLUMNS = {
    "i8": st.integers(-(2**63), 2**63 - 1),
    "f8": st.floats(),
    "f4": st.floats(width=32),
    "bool": st.booleans(),
    "u1": st.integers(0, 255),
    "M8[ns]": st.integers(-(2**62), 2**62),
    "m8[us]": st.integers(-(2**40), 2**40),
    "Int64": st.none() | st.integers(-5, 5),
    "str": st.none() | st.text(max_size=5),
    "string": st.none() | st.text(max_size=5),
    "category": st.none() | st.sampled_from("abc"),
    "object": st.none()
    | st.text(max_size=4)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.binary(max_size=3)
    | st.dates()
    | st.just(pd.NA)
    | st.just(pd.NaT)
    | st.lists(st.integers() | st.none() | st.text(max_size=2), max_size=3)
    | st.dictionaries(st.sampled_from(["a", "$floe"]), st.integers(), max_size=2)
    | st.integers(0, 9).map(np.int16)
    | st.floats(width=32).map(np.float32)
    | st.sets(st.integers(), max_size=1)
    | st.tuples(st.integers()),
}
LABELS = st.text(max_size=3) | st.integers(-3, 3) | st.none() | st.floats(allow_nan=False, width=16) | st.booleans()


@st.composite
def frames(draw: Any) -> pd.DataFrame:
    """Tables of all types and labels, some of which cannot travel."""
    rows = draw(st.integers(0, 4))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4))
    index = draw(st.none() | st.lists(LABELS, min_size=rows, max_size=rows))
    data = {}
    for at, kind in enumerate(kinds):
        cells = draw(
            st.lists(COLUMNS[kind].filter(lambda v: not isinstance(v, str) or v.isprintable()), min_size=rows, max_size=rows)
        )
        array = np.empty(rows, object)
        array[:] = cells if kind != "object" else array
        for row, cell in enumerate(cells):
            array[row] = cell
        data[at] = pd.Series(array.astype("i8").view(kind) if kind[:2] in ("M8", "m8") else array, dtype=kind, copy=True)
    frame = pd.DataFrame(data, index=range(rows))
    frame.index = pd.RangeIndex(rows) if index is None else pd.Index(index, dtype=object if draw(st.booleans()) else None)
    frame.columns = pd.Index(draw(st.lists(LABELS, min_size=len(kinds), max_size=len(kinds))), dtype=object)
    frame.columns.name, frame.index.name = draw(LABELS), draw(LABELS)
    return frame


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(frames())
def test_A7_any_table_comes_back_equal_or_is_refused(frame: pd.DataFrame) -> None:
    cells = [cell for at in range(frame.shape[1]) for cell in frame.iloc[:, at].tolist()]
    try:
        batch = encode([frame])
    except ValueRefused:
        assert any(isinstance(cell, (set, tuple)) for cell in cells)
        return
    assert not any(isinstance(cell, (set, tuple)) for cell in cells)
    same_frame(frame, decode(batch)[0])


def test_E8_series_and_indexes_travel() -> None:
    series = pd.Series([1, 2], name="x", index=pd.Index(["a", "b"], name="k"))
    pd.testing.assert_series_equal(back(series), series)
    for name in (None, "x", 3, 1.5):
        assert same_cell(back(pd.Series([1], name=name)).name, name)
    pd.testing.assert_index_equal(back(pd.date_range("2026", periods=3)), pd.date_range("2026", periods=3))


@pytest.mark.parametrize(
    "moment",
    [
        pd.Timestamp("2026-11-21T04:05:06.123456789"),
        pd.Timestamp("2026-11-21"),
        pd.Timestamp("2026-11-21").as_unit("ns"),
        pd.Timestamp("2026-11-21", tz="UTC"),
        pd.Timestamp("2026-11-21", tz="Europe/Berlin"),
        pd.Timestamp("2026-11-21T00:00:00+05:30"),
        pd.Timestamp(1_792_888_200, unit="s", tz=BERLIN),
        pd.Timestamp("2026-10-25T02:30:00+01:00").tz_convert(BERLIN),
        pd.Timestamp.min,
        pd.Timestamp.max,
        pd.Timedelta(5, "ns"),
        pd.Timedelta(-1, "D").as_unit("s"),
        pd.Timedelta.max,
        np.datetime64("2026-11-21"),
        np.datetime64("2026-11-21T00:00:00.000000001"),
        np.datetime64("2026", "M"),
        np.timedelta64(3, "D"),
        np.timedelta64(7, "ns"),
        np.datetime64(3, "25s"),
        np.complex64(1 + 2j),
        np.longdouble("0.1"),
        np.clongdouble(1j),
        pd.NA,
        pd.NaT,
        datetime.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    ],
    ids=repr,
)
def test_A17_moments_come_back_as_what_they_were(moment: Any) -> None:
    again = back([moment])[0]
    assert type(again) is type(moment)
    assert again is moment or again == moment
    assert repr(again) == repr(moment)
    for name in ("unit", "dtype", "fold"):
        assert getattr(again, name, None) == getattr(moment, name, None)
    assert str(getattr(again, "tzinfo", "")) == str(getattr(moment, "tzinfo", ""))


def test_A17_what_numpy_has_no_moment_for_comes_back_missing() -> None:
    for value in (np.datetime64("NaT"), np.timedelta64("NaT"), np.datetime64("NaT", "ns")):
        again = back(value)
        assert (type(again), again.dtype, np.isnat(again)) == (type(value), value.dtype, True)


def _without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    real = builtins.__import__

    def load(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in names:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.partition(".")[0] in names]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", load)


def test_C6_plain_tables_need_no_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, table = FRAMES["plain"], encode([pa.table({"a": [1]})])
    _without(monkeypatch, "pyarrow")
    found = back(frame)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False, check_index_type=False, check_column_type=False)
    assert list(map(str, found.dtypes)) == list(map(str, frame.dtypes))  # the same type of text, kept without Arrow
    with pytest.raises(ValueRefused, match=r"pyarrow.*environment of this process.*pip install pyarrow") as caught:
        decode(table)
    assert "--deps" not in str(caught.value)
    assert sys.prefix in str(caught.value)


@pytest.mark.parametrize(
    ("value", "package"),
    [
        (FRAMES["plain"], "pandas"),
        (pd.Series([1]), "pandas"),
        (pd.Timestamp(0), "pandas"),
        (pd.NA, "pandas"),
        (np.zeros(2), "numpy"),
    ],
)
def test_C6_the_cure_names_what_is_missing_and_where(value: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = encode([value])
    _without(monkeypatch, package)
    with pytest.raises(ValueRefused, match=f"needs {package}.*pip install {package}"):
        decode(batch)
