"""Python values as JSON text with tags and buffers, and back: equal, or refused with the cause and the cure.

`runtimes/README.md` lists the tags. A tuple becomes a list and numpy's numbers become Python's; nothing else changes silently.
The package uses this file too (`floe_jupyter.wire.values`), so that there is one such rule.
"""

import sys

TAG = "$floe"
DEPTH = 255
"""How deep a value may be nested: what every JSON library can read."""
DIGITS = 4300
"""The longest integer, in digits, that Python turns into text and back."""
PLAIN = frozenset({type(None), bool, int, float, str})

FIDELITY = {
    "tuple": "list", "number-of-numpy": "float or integer", "subclass-of-dict": "object", "subclass-of-list": "list",
    "bytearray": "bytes", "set": "refused", "decimal": "refused", "complex": "refused", "enum": "refused", "uuid": "refused",
    "dataclass": "refused", "time": "refused", "duration": "refused", "surrogate": "refused",
}
"""Python's kinds that do not arrive as they are; every other kind of ``runtimes/README.md`` arrives equal."""

CURES = {
    "set": "send sorted(value)", "frozenset": "send sorted(value)", "Decimal": "send str(value) or float(value)",
    "complex": "send [value.real, value.imag]", "UUID": "send str(value)", "time": "send value.isoformat()",
    "timedelta": "send value.total_seconds()", "Fraction": "send str(value)", "Series": "send value.to_frame() or value.tolist()",
    "generator": "use `yield from`, or send list(value)", "coroutine": "make the function `async def` and return its result",
    "function": "send what it returns", "module": "send plain data", "range": "send list(value)",
    "Timestamp": "send value.isoformat()", "dict_keys": "send list(value)", "dict_values": "send list(value)",
    "dict_items": "send list(value)", "map": "send list(value)",
    "PosixPath": "send str(value)", "Index": "send value.tolist()", "NaTType": "send None",
}
GENERAL_CURE = "send numbers, text, lists, dictionaries with text keys, bytes, dates, arrays or tables"


class ValueRefused(Exception):
    """A value that cannot travel. `path` is where in the message it stands, like ``['a'][3]``."""

    def __init__(self, text):
        super().__init__(text)
        self.text, self.path = text, ""
        self.emitted = False
        """It was raised inside the user's function, which has a line to point at."""

    def inside(self, key):
        """The same, seen from the container."""
        self.path = f"[{key!r}]" + self.path
        return self

    def __str__(self):
        return f"{'the value at ' + self.path if self.path else 'the value'} {self.text}"


def is_plain(value, depth=0):
    """Whether JSON says the value exactly as it is (lists for tuples); no 64-bit limit is checked for speed's sake."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -(1 << 63) <= value < 1 << 64
    if kind is float:
        return value - value == 0  # neither NaN nor infinite
    if depth > DEPTH:
        return False
    if kind is dict:
        return all(type(k) is str for k in value) and all(is_plain(v, depth + 1) for v in value.values())
    return (kind is list or kind is tuple) and all(is_plain(v, depth + 1) for v in value)


# --- Python to tags ------------------------------------------------------------------------------------------------------


def tag(value, buffers, depth=0):
    """The value with tags for what JSON cannot say; binary data is appended to the list *buffers* (None: refused)."""
    kind = type(value)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple(value)
    if depth > DEPTH:
        raise ValueRefused(f"is nested more than {DEPTH} deep, or contains itself; flatten it, or send it as text")
    if kind is dict:
        return _tag_dict(value, buffers, depth)
    if kind is list or kind is tuple:
        return _tag_list(value, buffers, depth)
    return _tag_rare(value, kind, buffers, depth)


def _tag_int(value):
    if -(1 << 63) <= value < 1 << 64:
        return value
    if value.bit_length() > 14_000 and abs(value) >= 10**DIGITS:
        raise ValueRefused(f"is an integer of more than {DIGITS} digits; send hex(value)")
    return {TAG: ["int", str(value)]}


def _tag_float(value):
    if value - value == 0:
        return value
    return {TAG: ["float", "nan" if value != value else "inf" if value > 0 else "-inf"]}


def _same(value):
    return value


_SIMPLE = {type(None): _same, bool: _same, str: _same, int: _tag_int, float: _tag_float}


def _tag_dict(value, buffers, depth):
    result = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise ValueRefused(f"has the key {_short(key)} of type {type(key).__name__}; only text can be a key: use str(key)")
        try:
            result[str(key)] = tag(item, buffers, depth + 1)
        except ValueRefused as error:
            raise error.inside(key) from None
    return {TAG: ["escape", result]} if len(result) == 1 and TAG in result else result


def _tag_list(value, buffers, depth):
    result = []
    for at, item in enumerate(value):
        try:
            result.append(tag(item, buffers, depth + 1))
        except ValueRefused as error:
            raise error.inside(at) from None
    return result


def _tag_rare(value, kind, buffers, depth):
    if kind is bytes or kind is bytearray or kind is memoryview:
        return _binary("bytes", value, buffers)
    if kind.__module__ == "datetime":
        tagged = _tag_datetime(value, kind.__name__)
        if tagged is not None:
            return tagged
    if hasattr(kind, "_member_map_"):
        raise ValueRefused(f"is {_short(value)}, a member of an Enum; send its .value or .name")
    if kind.__module__.partition(".")[0] == "numpy":
        return _tag_numpy(value, kind, buffers, depth)
    table = _tag_table(value, kind, buffers)
    return _tag_subclass(value, kind, buffers, depth) if table is None else table


def _binary(name, value, buffers):
    if buffers is None:
        raise ValueRefused("is binary data, which a state cannot hold; keep text or a list of numbers")
    view = memoryview(value)
    if not view.c_contiguous:
        view = memoryview(bytes(view))
    buffers.append(view.cast("B") if view.nbytes else memoryview(b""))
    return {TAG: [name, len(buffers) - 1]}


def _tag_datetime(value, name):
    if name == "datetime":
        return {TAG: ["date", value.isoformat()]}
    return {TAG: ["day", value.isoformat()]} if name == "date" else None


def _tag_subclass(value, kind, buffers, depth):
    """Values that are equal to a plain one: dictionaries with extras, lists, numbers and text of a class of their own."""
    if isinstance(value, dict):
        return _tag_dict(value, buffers, depth)
    if isinstance(value, list):
        return _tag_list(value, buffers, depth)
    if isinstance(value, tuple) and hasattr(kind, "_asdict"):
        raise ValueRefused(f"is a {kind.__name__}, whose names would be lost; send value._asdict() or list(value)")
    for plain in (str, int, float):
        if isinstance(value, plain):
            return tag(plain(value), buffers, depth)
    raise refused(value)


def refused(value):
    """The error for a value that has no way to travel, with the cure for its type."""
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return ValueRefused(f"is the dataclass {kind.__name__}; send dataclasses.asdict(value)")
    cure = CURES.get(kind.__name__, "send value.to_arrow()" if kind.__module__.startswith("polars") else GENERAL_CURE)
    article = "an" if kind.__name__[:1].lower() in "aeiou" else "a"
    return ValueRefused(f"is {article} {kind.__name__}, which cannot become a message; {cure}")


def _short(value):
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _tag_numpy(value, kind, buffers, depth):
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.generic):
        return _tag_number(value, kind, buffers, depth)
    if kind is not numpy.ndarray and kind is not getattr(numpy, "memmap", None):
        raise ValueRefused(f"is a {kind.__name__}, a special array; send numpy.asarray(value)")
    if value.dtype.hasobject or value.dtype.names is not None or value.dtype.kind == "V":
        raise ValueRefused(f"is an array of {value.dtype}; send value.tolist(), or one array for each field")
    array = numpy.ascontiguousarray(value).reshape(value.shape)
    tagged = _binary("array", array.reshape(-1).view("u1") if array.size else b"", buffers)
    tagged[TAG] += [array.dtype.str, list(array.shape)]
    return tagged


def _tag_number(value, kind, buffers, depth):
    plain = value.item()
    if (type(plain) in PLAIN or type(plain) is bytes) and value.dtype.kind in "fiubUS":
        return tag(plain, buffers, depth + 1)
    raise ValueRefused(f"is a {kind.__name__}; send value.item() or numpy.asarray(value)")


def _tag_table(value, kind, buffers):
    origin = kind.__module__.partition(".")[0]
    if origin == "pyarrow" and kind.__name__ in ("Table", "RecordBatch"):
        return _arrow(value if kind.__name__ == "Table" else _pyarrow().Table.from_batches([value]), "arrow", buffers)
    if origin == "pandas" and kind.__name__ == "DataFrame":
        try:
            table = _pyarrow().Table.from_pandas(value)
        except (TypeError, ValueError) as error:
            raise ValueRefused(f"is a DataFrame that Arrow cannot hold ({error}); send value.to_dict('records')") from None
        return _arrow(table, "pandas", buffers)
    return None


def _arrow(table, kind, buffers):
    pyarrow = _pyarrow()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    tagged = _binary("table", sink.getvalue(), buffers)
    tagged[TAG].append(kind)
    return tagged


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise ValueRefused("is a table, which travels as Arrow; add --deps pyarrow to the module") from None
    return pyarrow


# --- tags to Python ------------------------------------------------------------------------------------------------------


def untag(value, buffers):
    """The Python value; *buffers* are the message's, as read-only memoryviews. Containers are changed in place."""
    kind = type(value)
    if kind is dict:
        if len(value) == 1 and TAG in value:
            return _untag_one(value[TAG], buffers)
        for key, item in value.items():
            if type(item) is dict or type(item) is list:
                value[key] = untag(item, buffers)
    elif kind is list:
        for at, item in enumerate(value):
            if type(item) is dict or type(item) is list:
                value[at] = untag(item, buffers)
    return value


def _untag_one(tagged, buffers):
    try:
        return _READERS[tagged[0]](tagged, buffers)
    except ValueRefused:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ValueRefused(f"has the tag {_short(tagged)}, which is none of runtimes/README.md "
                           f"({type(error).__name__}: {error})") from None


def _read_escape(tagged, buffers):
    inner = tagged[1]
    return {key: untag(item, buffers) for key, item in inner.items()}


def _read_date(tagged, buffers):
    import datetime

    return datetime.datetime.fromisoformat(tagged[1])


def _read_day(tagged, buffers):
    import datetime

    return datetime.date.fromisoformat(tagged[1])


def _read_array(tagged, buffers):
    try:
        import numpy
    except ImportError:
        raise ValueRefused("is an array, which needs numpy; add --deps numpy to the module") from None
    _, at, dtype, shape = tagged
    return numpy.frombuffer(buffers[_index(at)], dtype).reshape(shape)


def _read_table(tagged, buffers):
    pyarrow = _pyarrow()
    with pyarrow.ipc.open_stream(pyarrow.py_buffer(buffers[_index(tagged[1])])) as reader:
        table = reader.read_all()
    return table.to_pandas() if tagged[2] == "pandas" else table


def _index(at):
    if type(at) is not int or at < 0:
        raise ValueError(f"{at!r} is no number of a buffer")
    return at


_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "-0": -0.0}
_READERS = {
    "float": lambda tagged, buffers: _FLOATS[tagged[1]],
    "int": lambda tagged, buffers: int(tagged[1]),
    "date": _read_date,
    "day": _read_day,
    "bytes": lambda tagged, buffers: bytes(buffers[_index(tagged[1])]),
    "array": _read_array,
    "table": _read_table,
    "escape": _read_escape,
}
