"""Columns of objects: text as a single buffer, any other cell as a value with tags, which arrives unchanged."""

import json
from itertools import pairwise

from .values import DEPTH, SIMPLE, TAG, ValueRefused, article, name_of, tagged, too_deep, untag

INLINE = 1_000
"""Maximum number of cells in a short message text; more cells go into a buffer as JSON text."""
TEXT, NONE, NAN, NA = range(4)
"""Marks of the cells of a text column."""


def objects_of(array, buffers, place):
    """Return the header of a column of objects: text if all cells are text or missing, otherwise a tagged value for each."""
    values = array.tolist()
    marks = list(map(_mark, values))
    if values and None not in marks:
        return _texts(values, marks, buffers, place)
    return _cells(values, buffers, place)


def _mark(value):
    if type(value) is str:
        return TEXT
    if value is None:
        return NONE
    if type(value) is float and value != value:
        return NAN
    return NA if type(value).__name__ == "NAType" else None


def _texts(values, marks, buffers, place):
    """Return a buffer of text, the length of each cell, and the marks of the missing cells."""
    import numpy

    if any(marks):
        values = [value if mark == TEXT else "" for value, mark in zip(values, marks)]
    try:
        data = "".join(values).encode()
    except UnicodeEncodeError:
        raise ValueRefused(
            f"holds, in {place}, text that is no Unicode (a lone surrogate); send text.encode('utf-8', 'replace').decode()"
        ) from None
    lengths = numpy.fromiter(map(len, values), "<u4", len(values))
    found = ["text", tagged(data, buffers, 0), tagged(lengths, buffers, 0)]
    return [*found, tagged(numpy.array(marks, "u1"), buffers, 0)] if any(marks) else found


def _cells(values, buffers, place):
    found, before = [], len(buffers)
    for at, value in enumerate(values):
        found.append(_cell_at(value, buffers, f"{place}, row {at}"))
    if len(found) <= INLINE or len(buffers) > before:
        return ["cells", found]
    return ["cells", tagged(json.dumps(found).encode(), buffers, 0)]


def _cell_at(value, buffers, place):
    try:
        return cell(value, buffers, 0)
    except ValueRefused as error:
        raise ValueRefused(f"is a table that holds, in {place}, a value that cannot be sent: {error}") from error.__cause__


def cell(value, buffers, depth):
    """Return a value inside a table with tags; no value may arrive as another type, neither a tuple nor a scalar of numpy."""
    kind = type(value)
    if kind in SIMPLE:
        return SIMPLE[kind](value)
    if depth > DEPTH:
        raise too_deep()
    if kind is list:
        return [_inner(item, at, buffers, depth) for at, item in enumerate(value)]
    if kind is dict and all(type(key) is str for key in value):
        found = {key: _inner(item, key, buffers, depth) for key, item in value.items()}
        return {TAG: ["escape", found]} if len(found) == 1 and TAG in found else found
    if _is_scalar(kind):
        from .arrays import exact_scalar

        return exact_scalar(value, kind)
    if kind is not dict and (kind in (tuple, bytearray, memoryview) or issubclass(kind, (dict, list, str, int, float, tuple))):
        raise ValueRefused(f"is {article(name_of(kind))}, which would arrive as another type; {_cure(kind)}")
    return tagged(value, buffers, depth)


def _inner(item, key, buffers, depth):
    try:
        return cell(item, buffers, depth + 1)
    except ValueRefused as error:
        raise error.inside(key) from error.__cause__


def _is_scalar(kind):
    import numpy

    return issubclass(kind, numpy.generic)


def _cure(kind):
    if issubclass(kind, (tuple, list)):
        return "make it a list: frame[column].map(list)"
    return "make it bytes: frame[column].map(bytes)" if kind in (bytearray, memoryview) else "make it a plain value of Python"


def read_text(head, buffers):
    """Return the array of a text column."""
    import numpy

    text, ends = str(untag(dict(head[1]), buffers), "utf-8"), numpy.cumsum(untag(dict(head[2]), buffers), dtype="i8").tolist()
    values = [text[low:high] for low, high in zip([0, *ends], ends)]
    if len(head) > 3:
        missing = _missing()
        values = [value if mark == TEXT else missing[mark] for value, mark in zip(values, untag(dict(head[3]), buffers).tolist())]
    return _object_array(values)


def _missing():
    import pandas

    return {NONE: None, NAN: float("nan"), NA: pandas.NA}


def read_cells(head, buffers):
    """Return the array of a column of tagged cells."""
    cells = head[1] if type(head[1]) is list else json.loads(untag(dict(head[1]), buffers))
    return _object_array(untag(list(cells), buffers))


def _object_array(values):
    import numpy

    array = numpy.empty(len(values), object)
    for at, value in enumerate(values):  # numpy would make one array of lists
        array[at] = value
    return array


# --- text that Arrow keeps: its own buffers, as they are -----------------------------------------------------------------


def utf8_of(chunked, buffers):
    """Return the header of an Arrow text column: bytes, the end of each text among the bytes, and the missing cells."""
    import numpy
    import pyarrow

    chunks = [chunk.cast(pyarrow.large_string()) for chunk in chunked.chunks]
    text = pyarrow.concat_arrays(chunks or [pyarrow.array([], "large_string")])
    ends = numpy.zeros(1, "<i8")
    if len(text):
        ends = numpy.frombuffer(text.buffers()[1], "<i8")[text.offset : text.offset + len(text) + 1]
    data = memoryview(text.buffers()[2] or b"")[int(ends[0]) : int(ends[-1])]
    found = ["utf8", tagged(data, buffers, 0), tagged(ends - ends[0], buffers, 0)]
    return [*found, tagged(text.is_null().to_numpy(zero_copy_only=False), buffers, 0)] if text.null_count else found


def read_utf8(head, buffers):
    """Return the array of an Arrow text column, without Arrow."""
    data, ends = untag(dict(head[1]), buffers), untag(dict(head[2]), buffers).tolist()
    values = [str(data[low:high], "utf-8") for low, high in pairwise(ends)]
    if len(head) > 3:
        values = [None if gone else value for value, gone in zip(values, untag(dict(head[3]), buffers).tolist())]
    return _object_array(values)


def read_arrow_text(head, buffers):
    """Return an Arrow array of a text column over the message's own buffers."""
    import numpy
    import pyarrow

    from .arrays import mapped
    from .values import buffer_of

    ends = mapped(head[2][TAG], buffers)
    gone = numpy.packbits(~mapped(head[3][TAG], buffers), bitorder="little") if len(head) > 3 else None
    parts = [pyarrow.py_buffer(ends), pyarrow.py_buffer(buffer_of(head[1][TAG][1], buffers))]
    return pyarrow.LargeStringArray.from_buffers(len(ends) - 1, *parts, None if gone is None else pyarrow.py_buffer(gone))
