"""Columns and indexes of pandas: each kind of array as buffers, and back as the same kind.

A column is a list of its kind and the contents: ``["plain", ARRAY]``, ``["text", ...]``, ``["cells", ...]`` etc.
"""

from .cells import cell, objects_of, read_arrow_text, read_cells, read_text, read_utf8, utf8_of
from .values import ValueRefused, tagged, untag


def plain_module(dtype):
    """Return whether the type is numpy's own."""
    return type(dtype).__module__.partition(".")[0] == "numpy"


def plain_array(dtype):
    """Return whether the type is numpy's, with values made of bytes."""
    return plain_module(dtype) and dtype.kind in "biufcmM"


def index_text(label):
    """Return a label as text for a refusal."""
    text = repr(label)
    return text if len(text) <= 60 else text[:57] + "..."


# --- any array -----------------------------------------------------------------------------------------------------------


def column_of(array, buffers, place):
    """Return the header of an array of pandas. Raises `ValueRefused` naming *place*."""
    import pandas

    if type(array) is pandas.arrays.NumpyExtensionArray:
        array = array.to_numpy()
    dtype = array.dtype
    if plain_array(dtype):
        return ["plain", tagged(_numpy(array), buffers, 0)]
    if dtype.kind == "O" and plain_module(dtype):
        return objects_of(array, buffers, place)
    for kind, write in _WRITERS:
        if isinstance(dtype, getattr(pandas, kind)):
            return write(array, dtype, buffers, place)
    if hasattr(array, "_mask") and type(dtype).__module__.partition(".")[0] == "pandas":
        return ["masked", str(dtype), tagged(array._data, buffers, 0), tagged(array._mask, buffers, 0)]
    cure = "value.sparse.to_dense()" if isinstance(dtype, pandas.SparseDtype) else "value.astype(...) of one of pandas' own types"
    raise ValueRefused(f"holds, in {place}, the type {dtype}, which cannot be sent; send {cure}")


def _numpy(array):
    return array.to_numpy() if hasattr(array, "to_numpy") else array


def array_of(head, buffers):
    """Return the array of a header."""
    return _READERS[head[0]](head, buffers)


def _text(array, dtype, buffers, place):
    import math

    value = dtype.na_value
    missing = "nan" if isinstance(value, float) and math.isnan(value) else "NA"
    if dtype.storage == "pyarrow" and _has_arrow():
        return ["string", "pyarrow", missing, utf8_of(array._pa_array, buffers)]
    return ["string", dtype.storage, missing, objects_of(array.to_numpy(dtype=object), buffers, place)]


def _category(array, dtype, buffers, place):
    categories = index_of(array.categories, buffers, f"the categories of {place}")
    return ["category", tagged(array.codes, buffers, 0), categories, array.ordered]


def _zoned(array, dtype, buffers, place):
    from .datetimes import zone_text

    return ["zoned", tagged(array.asi8, buffers, 0), dtype.unit, zone_text(dtype.tz, f"{place}.dt")]


def _period(array, dtype, buffers, place):
    return ["period", tagged(array.asi8, buffers, 0), str(dtype)]


def _interval(array, dtype, buffers, place):
    return ["interval", index_of(array.left, buffers, place), index_of(array.right, buffers, place), dtype.closed]


def _arrow(array, dtype, buffers, place):
    import pyarrow

    from .arrays import arrow

    return ["arrow", arrow(pyarrow.table({"c": array._pa_array}), "arrow", buffers)]


_WRITERS = (
    ("StringDtype", _text),
    ("CategoricalDtype", _category),
    ("DatetimeTZDtype", _zoned),
    ("PeriodDtype", _period),
    ("IntervalDtype", _interval),
    ("ArrowDtype", _arrow),
)


def _read_plain(head, buffers):
    return untag(dict(head[1]), buffers)


def _read_string(head, buffers):
    import pandas

    _, storage, missing, cells = head
    value = float("nan") if missing == "nan" else pandas.NA
    if storage == "pyarrow" and not _has_arrow():
        storage = "python"  # the same type, stored differently
    dtype = pandas.StringDtype(storage, na_value=value)
    if cells[0] == "utf8" and storage == "pyarrow":
        return dtype.__from_arrow__(read_arrow_text(cells, buffers))
    return pandas.array(array_of(cells, buffers), dtype=dtype)


def _has_arrow():
    try:
        import pyarrow  # noqa: F401 - whether it is there
    except ImportError:
        return False
    return True


def _read_category(head, buffers):
    import pandas

    _, codes, categories, ordered = head
    dtype = pandas.CategoricalDtype(read_index(categories, buffers), ordered)
    return pandas.Categorical.from_codes(untag(dict(codes), buffers), dtype=dtype)


def _read_zoned(head, buffers):
    import pandas

    from .datetimes import zone_of

    _, numbers, unit, zone = head
    moments = pandas.DatetimeIndex(untag(dict(numbers), buffers).view(f"M8[{unit}]"))
    return moments.tz_localize("UTC").tz_convert(zone_of(zone)).array


def _read_period(head, buffers):
    import pandas

    return pandas.arrays.PeriodArray(untag(dict(head[1]), buffers).copy(), dtype=pandas.api.types.pandas_dtype(head[2]))


def _read_interval(head, buffers):
    import pandas

    return pandas.arrays.IntervalArray.from_arrays(read_index(head[1], buffers), read_index(head[2], buffers), closed=head[3])


def _read_masked(head, buffers):
    import pandas

    _, dtype, data, mask = head
    kind = pandas.api.types.pandas_dtype(dtype).construct_array_type()
    return kind(untag(dict(data), buffers).copy(), untag(dict(mask), buffers).copy())


def _read_arrow(head, buffers):
    import pandas

    return pandas.arrays.ArrowExtensionArray(untag(dict(head[1]), buffers).column(0))


_READERS = {
    "plain": _read_plain,
    "string": _read_string,
    "category": _read_category,
    "zoned": _read_zoned,
    "period": _read_period,
    "interval": _read_interval,
    "masked": _read_masked,
    "arrow": _read_arrow,
    "text": read_text,
    "utf8": read_utf8,
    "cells": read_cells,
}


# --- indexes -------------------------------------------------------------------------------------------------------------


def label_of(value, place):
    """Return the name of a column or an index; a tuple, which is a valid name, as ``{"tuple": [...]}``."""
    if type(value) is tuple:
        return {"tuple": [label_of(part, place) for part in value]}
    return described(value, place, [])


def described(value, place, buffers):
    """Return a value beside the cells of a table. Raises `ValueRefused` naming *place*."""
    try:
        return cell(value, buffers, 0)
    except ValueRefused as error:
        raise ValueRefused(f"is a table whose {place} cannot be sent: {error}") from error.__cause__


def read_label(value):
    """Return the name of a column or an index from a header."""
    if type(value) is not dict:
        return value
    return tuple(map(read_label, value["tuple"])) if "tuple" in value else untag(dict(value), ())


def index_of(index, buffers, place):
    """Return the header of an index."""
    import pandas

    names = [label_of(name, f"name of {place}") for name in index.names]
    if isinstance(index, pandas.MultiIndex):
        levels = [index_of(level, buffers, f"{place}, level {at}") for at, level in enumerate(index.levels)]
        return {"levels": levels, "codes": [tagged(_numpy(codes), buffers, 0) for codes in index.codes], "names": names}
    if isinstance(index, pandas.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "name": names[0]}
    head = {"values": column_of(index.array, buffers, place), "name": names[0], "dtype": str(index.dtype)}
    freq = getattr(index, "freq", None) if isinstance(index, (pandas.DatetimeIndex, pandas.TimedeltaIndex)) else None
    if freq is not None:
        head["freq"] = _freq_text(freq, place)
    return head


def _freq_text(freq, place):
    import pandas

    try:
        again = pandas.tseries.frequencies.to_offset(freq.freqstr)
    except ValueError:
        again = None
    if again != freq:
        raise ValueRefused(
            f"is a table whose {place} has the frequency {freq!r}, which has no name that can be sent; send it with "
            "value.index.freq = None"
        )
    return freq.freqstr


def read_index(head, buffers):
    """Return the index of a header."""
    import pandas

    if "levels" in head:
        levels = [read_index(level, buffers) for level in head["levels"]]
        codes = [untag(dict(numbers), buffers) for numbers in head["codes"]]
        return pandas.MultiIndex(levels, codes, names=list(map(read_label, head["names"])), verify_integrity=False)
    if "range" in head:
        return pandas.RangeIndex(*head["range"], name=read_label(head["name"]))
    array = array_of(head["values"], buffers)
    index = pandas.Index(array, dtype=array.dtype, name=read_label(head["name"]))
    if "freq" in head:
        index.freq = pandas.tseries.frequencies.to_offset(head["freq"])
    if str(index.dtype) != head["dtype"]:
        raise ValueRefused(
            f"has an index of {head['dtype']}, which the pandas of this place makes {index.dtype}; install the "
            "same version in both"
        )
    return index
