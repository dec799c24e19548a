"""Numpy's arrays and scalars and Arrow's tables: as buffers, exact or refused.

An array that arrives belongs to its receiver, up to `COPIED` bytes; a larger array is mapped, at no cost, and read-only.
"""

import sys

from .values import TAG, ValueRefused, article, binary, buffer_of, name_of, not_installed, tagged

COPIED = 512 * 1024
"""Maximum bytes of an array copied on arrival, to make it writable."""
NUMBERS = "fiubUS"
"""Kinds of numpy's scalars that arrive as Python's equal types."""


def tag_numpy(value, kind, buffers, depth):
    """Return the tag of an array or a scalar."""
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic):
        return _tag_scalar(value, kind, buffers, depth)
    if kind is not numpy.ndarray and kind is not getattr(numpy, "memmap", None):
        if isinstance(value, numpy.ndarray):
            raise ValueRefused(f"is {article(name_of(kind))}, a special array; send numpy.asarray(value)")
        return None
    if value.dtype.hasobject or value.dtype.names is not None or value.dtype.kind in "VT":
        raise ValueRefused(f"is an array of {value.dtype}; send value.tolist(), or one array for each field")
    array = numpy.ascontiguousarray(value).reshape(value.shape)
    found = binary("array", array.reshape(-1).view("u1") if array.size and array.dtype.itemsize else b"", buffers)
    found[TAG] += [array.dtype.str, list(array.shape)]
    return found


def _tag_scalar(value, kind, buffers, depth):
    plain = value.item()
    if value.dtype.kind in NUMBERS and type(plain) in (bool, int, float, str, bytes):
        return tagged(plain, buffers, depth + 1)
    return exact_scalar(value, kind)


def exact_scalar(value, kind):
    """Return the tag of a scalar of numpy that arrives as the same scalar of numpy."""
    dtype = value.dtype
    if dtype.kind in "OV" or dtype.hasobject:
        raise ValueRefused(f"is {article(name_of(kind))}; send value.item()")
    text = str(value) if dtype.kind == "M" else str(value.astype("i8")) if dtype.kind == "m" else value.tobytes().hex()
    return {TAG: ["scalar", dtype.str, text]}


def read_scalar(tagged, buffers):
    """Return the scalar of a tag."""
    numpy = _numpy("a scalar of numpy")
    dtype = numpy.dtype(tagged[1])
    if dtype.kind == "M":
        return numpy.datetime64(tagged[2], numpy.datetime_data(dtype))
    if dtype.kind == "m":
        return numpy.array(int(tagged[2]), "i8").view(dtype)[()]
    return numpy.frombuffer(bytes.fromhex(tagged[2]) or bytes(1), dtype, 1)[0] if dtype.itemsize else dtype.type()


def read_array(tagged, buffers):
    """Return the array of a tag, copied up to `COPIED` bytes."""
    array = mapped(tagged, buffers)
    return array if array.nbytes > COPIED else array.copy()


def mapped(tagged, buffers):
    """Return the array over its buffer, read-only."""
    numpy = _numpy("an array")
    _, at, dtype, shape = tagged
    data, dtype = buffer_of(at, buffers), numpy.dtype(dtype)
    if not dtype.itemsize:
        return numpy.empty(shape, dtype)
    return numpy.frombuffer(data, dtype).reshape(shape)


def _numpy(what):
    try:
        import numpy
    except ImportError:
        raise not_installed(what, "numpy") from None
    return numpy


# --- Arrow ---------------------------------------------------------------------------------------------------------------


def tag_arrow(value, kind, buffers, depth):
    """Return the tag of a table or a record batch; None for any other value of Arrow."""
    pyarrow = sys.modules["pyarrow"]
    if kind is pyarrow.Table:
        return arrow(value, "arrow", buffers)
    if kind is pyarrow.RecordBatch:
        return arrow(value, "batch", buffers)
    if hasattr(kind, "as_py"):
        raise ValueRefused(f"is {article(name_of(kind))}; send value.as_py()")
    if hasattr(kind, "to_pylist"):
        raise ValueRefused(f"is {article(name_of(kind))}; send pyarrow.table({{'column': value}}) or value.to_pylist()")
    return None


def arrow(table, kind, buffers):
    """Return the tag of a table as an Arrow stream."""
    pyarrow = _pyarrow()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    found = binary("table", sink.getvalue(), buffers)
    found[TAG].append(kind)
    return found


def read_table(tagged, buffers):
    """Return the table or record batch of a tag."""
    pyarrow = _pyarrow()
    with pyarrow.ipc.open_stream(pyarrow.py_buffer(buffer_of(tagged[1], buffers))) as reader:
        if tagged[2] == "batch":
            return reader.read_next_batch()
        table = reader.read_all()
    return table.to_pandas() if tagged[2] == "pandas" else table


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise not_installed("a table of Arrow", "pyarrow") from None
    return pyarrow
