"""Tables, Series and indexes of pandas as plain buffers, without Arrow: equal on arrival, or refused with the cure.

A frame is a header with tags inside. Columns of a common numpy type share a buffer; text is a buffer and its lengths; the cells
of any other object column are values with their own tags, each of which arrives unchanged. `runtimes/README.md` describes the
header.
"""

import sys

from .columns import array_of, column_of, described, index_of, index_text, label_of, plain_array, read_label
from .columns import read_index as array_index
from .values import TAG, ValueRefused, article, name_of, not_installed, tag, untag


def tag_pandas(value, kind, buffers, depth):
    """Return the tag of a table, a Series, an index or a moment; None for any other value of pandas."""
    pandas = sys.modules["pandas"]
    if kind is pandas.DataFrame:
        return {TAG: ["frame", _frame(value, buffers)]}
    if kind is pandas.Series:
        return {TAG: ["series", _series(value, buffers)]}
    if isinstance(value, pandas.Index):
        return {TAG: ["index", index_of(value, buffers, "index")]}
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        raise ValueRefused(f"is {article(name_of(kind))}; send pandas.Series(value)")
    from .datetimes import tag_timestamp

    return tag_timestamp(value, kind, pandas)


def _frame(frame, buffers):
    head = {
        "rows": len(frame),
        "columns": index_of(frame.columns, buffers, "columns"),
        "index": index_of(frame.index, buffers, "index"),
        "dtypes": list(map(str, frame.dtypes)),
        "blocks": [],
        "others": [],
    }
    groups = {}
    for at in range(frame.shape[1]):
        column = frame.iloc[:, at]
        if plain_array(column.dtype):
            groups.setdefault(column.dtype.str, []).append((at, column))
        else:
            head["others"].append([at, column_of(column.array, buffers, _place(frame, at))])
    for columns in groups.values():
        head["blocks"].append([[at for at, _ in columns], _block(columns, buffers)])
    return _extras(frame, head, buffers)


def _place(frame, at):
    return f"column {index_text(frame.columns[at])}"


def _block(columns, buffers):
    """Return columns of the same type below each other, as a single array."""
    import numpy

    if len(columns) == 1:
        return tag(columns[0][1].to_numpy().reshape(1, -1), buffers)
    block = numpy.empty((len(columns), len(columns[0][1])), columns[0][1].dtype)
    for row, (_, column) in enumerate(columns):
        block[row] = column.to_numpy()
    return tag(block, buffers)


def _series(series, buffers):
    head = {
        "rows": len(series),
        "dtype": str(series.dtype),
        "index": index_of(series.index, buffers, "index"),
        "name": label_of(series.name, "name"),
        "data": column_of(series.array, buffers, "cell"),
    }
    return _extras(series, head, buffers)


def _extras(value, head, buffers):
    if value.attrs:
        head["attrs"] = described(dict(value.attrs), "attrs", buffers)
    if not value.flags.allows_duplicate_labels:
        head["unique"] = True
    return head


# --- back ----------------------------------------------------------------------------------------------------------------


def read_frame(tagged, buffers):
    """Return the table of a tag."""
    pandas, head = _pandas("a table of pandas"), tagged[1]
    index, columns = array_index(head["index"], buffers), array_index(head["columns"], buffers)
    found = {}
    for positions, tag_of_block in head["blocks"]:
        block = _read_block(tag_of_block, buffers)
        found.update(zip(positions, block))
    for at, column in head["others"]:
        found[at] = _held(pandas, array_of(column, buffers), index)
    frame = pandas.DataFrame({at: found[at] for at in range(len(columns))}, index=index)
    frame.columns = columns
    return _finished(frame, head, buffers, list(map(str, frame.dtypes)), head["dtypes"])


def _read_block(tagged, buffers):
    from .arrays import mapped

    return mapped(tagged[TAG], buffers)


def _held(pandas, array, index):
    """Return a column that the table takes unchanged: pandas would look into objects, and find text in them."""
    return pandas.Series(array, index=index, dtype=array.dtype, copy=False)


def read_series(tagged, buffers):
    """Return the Series of a tag."""
    pandas, head = _pandas("a Series of pandas"), tagged[1]
    array = array_of(head["data"], buffers)
    series = pandas.Series(array, index=array_index(head["index"], buffers), dtype=array.dtype, copy=True)
    series.name = read_label(head["name"])
    return _finished(series, head, buffers, str(series.dtype), head["dtype"])


def read_index(tagged, buffers):
    """Return the index of a tag."""
    _pandas("an index of pandas")
    return array_index(tagged[1], buffers)


def _finished(value, head, buffers, dtypes, wanted):
    if dtypes != wanted:
        raise ValueRefused(
            f"is a table of {wanted}, which the pandas of this place makes {dtypes}; install the same version in both"
        )
    if "attrs" in head:
        value.attrs = untag(head["attrs"], buffers)
    return value.set_flags(allows_duplicate_labels=False) if head.get("unique") else value


def _pandas(what):
    try:
        import pandas
    except ImportError:
        raise not_installed(what, "pandas") from None
    return pandas
