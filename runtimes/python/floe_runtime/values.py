"""Python values as JSON text with tags and buffers, and back: equal, or refused with the cause and the cure.

`runtimes/README.md` lists the tags. A tuple becomes a list and numpy's numbers become Python's; no other kind changes silently.
Arrays, tables and moments stand in `arrays`, `frames` and `datetimes`, loaded with the first such value. Conversion runs users'
code: an error of a value's own code becomes a `ValueRefused` with the error as cause.
The package uses these files too (`floe_jupyter.wire.values`), which keeps a single set of rules.
"""

TAG = "$floe"
DEPTH = 255
"""Maximum nesting depth of a value: a depth readable by every JSON library."""
DIGITS = 4300
"""Maximum digits of an integer that Python turns into text and back."""
PLAIN = frozenset({type(None), bool, int, float, str})

FIDELITY = {
    "tuple": "list",
    "number-of-numpy": "float or integer",
    "subclass-of-dict": "object",
    "subclass-of-list": "list",
    "bytearray": "bytes",
    "set": "refused",
    "decimal": "refused",
    "complex": "refused",
    "enum": "refused",
    "uuid": "refused",
    "dataclass": "refused",
    "time": "refused",
    "duration": "refused",
    "surrogate": "refused",
    "sparse": "refused",
}
"""Python's kinds that do not arrive unchanged; every other kind of ``runtimes/README.md`` arrives equal."""

CURES = {
    "set": "send sorted(value)",
    "frozenset": "send sorted(value)",
    "Decimal": "send str(value) or float(value)",
    "complex": "send [value.real, value.imag]",
    "UUID": "send str(value)",
    "time": "send value.isoformat()",
    "timedelta": "send value.total_seconds()",
    "Fraction": "send str(value)",
    "generator": "use `yield from`, or send list(value)",
    "coroutine": "make the function `async def` and return its result",
    "function": "send what it returns",
    "module": "send plain data",
    "range": "send list(value)",
    "dict_keys": "send list(value)",
    "dict_values": "send list(value)",
    "dict_items": "send list(value)",
    "map": "send list(value)",
    "filter": "send list(value)",
    "zip": "send list(value)",
    "deque": "send list(value)",
    "mappingproxy": "send dict(value)",
    "PosixPath": "send str(value)",
    "Period": "send str(value) or value.to_timestamp()",
    "Interval": "send [value.left, value.right]",
    "Categorical": "send pandas.Series(value)",
    "ChunkedArray": "send pyarrow.table({'column': value})",
    "Schema": "send str(value)",
    "DataFrameGroupBy": "send a table, for example value.sum()",
}
CURE_OF_MISSING = {"text": "add --deps {package} to the module"}
"""Cure for a missing package; the kernel words the cure differently."""
GENERAL_CURE = "send numbers, text, lists, dictionaries with text keys, bytes, dates, arrays or tables"


class ValueRefused(Exception):
    """Error for a value that cannot travel. `path` is the value's position in the message, like ``['a'][3]``."""

    def __init__(self, text):
        super().__init__(text)
        self.text, self.path = text, ""
        self.emitted = False
        """True if raised inside the user's function, which has a line to point at."""
        self.rooted = False
        """True if the path says no more and is left out."""

    def inside(self, key):
        """Add *key* to the path, as seen from the container."""
        self.path = "" if self.rooted else f"[{_short(key)}]" + self.path
        return self

    def __str__(self):
        return f"{'the value at ' + self.path if self.path else 'the value'} {self.text}"


def not_installed(what, package):
    """Return the refusal of a value whose package is missing, with the command to install the package."""
    return ValueRefused(f"is {what}, which needs {package}; " + CURE_OF_MISSING["text"].format(package=package))


def is_plain(value, depth=0):
    """Return whether JSON expresses the value exactly (lists for tuples), integers of 64 bits included."""
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


def tag(value, buffers):
    """Return the value with tags where JSON has no equivalent; append binary data to the list *buffers* (None: refused)."""
    return tagged(value, buffers, 0)


def tagged(value, buffers, depth):
    """Tag a value *depth* levels inside another value."""
    kind = type(value)
    simple = SIMPLE.get(kind)
    if simple is not None:
        return simple(value)
    if depth > DEPTH:
        raise too_deep()
    if kind is dict:
        return _tag_dict(value, buffers, depth)
    if kind is list or kind is tuple:
        return _tag_list(value, buffers, depth)
    try:
        return _tag_rare(value, kind, buffers, depth)
    except ValueRefused:
        raise
    except BaseException as error:
        raise broken(value, error) from error


def too_deep():
    """Return the refusal of a value nested too deep, without the path, which would be as long."""
    error = ValueRefused(f"is nested more than {DEPTH} deep, or contains itself; flatten it, or send it as text")
    error.rooted = True
    return error


def broken(value, error):
    """Return the refusal of a value whose own code raised *error* during the conversion."""
    cure = "send dict(value) or list(value)" if isinstance(error, Exception) else "send plain data"
    return ValueRefused(
        f"is {article(name_of(type(value)))}, which raised {told(error)} when it was converted; {cure}, made before it is sent"
    )


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


SIMPLE = {type(None): _same, bool: _same, str: _same, int: _tag_int, float: _tag_float}


def _tag_dict(value, buffers, depth):
    result = {}
    for key, item in value.items():
        if not issubclass(type(key), str):
            raise ValueRefused(f"has the key {_short(key)} of type {name_of(type(key))}; only text can be a key: use str(key)")
        try:
            result[str.__str__(key)] = tagged(item, buffers, depth + 1)
        except ValueRefused as error:
            raise error.inside(key) from error.__cause__
    return {TAG: ["escape", result]} if len(result) == 1 and TAG in result else result


def _tag_list(value, buffers, depth):
    result = []
    for at, item in enumerate(value):
        try:
            result.append(tagged(item, buffers, depth + 1))
        except ValueRefused as error:
            raise error.inside(at) from error.__cause__
    return result


def _tag_rare(value, kind, buffers, depth):
    """Tag a value neither plain nor a plain container; may run the value's own code, and raise the code's errors."""
    if kind is bytes or kind is bytearray or kind is memoryview:
        return binary("bytes", value, buffers)
    origin = kind.__module__.partition(".")[0]
    if origin in _MODULES:
        found = _MODULES[origin](value, kind, buffers, depth)
        if found is not None:
            return found
    if hasattr(kind, "_member_map_"):
        raise ValueRefused(f"is {_short(value)}, a member of an Enum; send its .value or .name")
    return _tag_subclass(value, kind, buffers, depth)


def _tagging(origin, module, name):
    """Return a tagger for values of a package, loaded from a neighbouring file with the first value."""

    def first(value, kind, buffers, depth):
        import importlib

        _MODULES[origin] = getattr(importlib.import_module("." + module, __package__), name)
        return _MODULES[origin](value, kind, buffers, depth)

    return first


_MODULES = {
    "datetime": _tagging("datetime", "datetimes", "tag_datetime"),
    "numpy": _tagging("numpy", "arrays", "tag_numpy"),
    "pyarrow": _tagging("pyarrow", "arrays", "tag_arrow"),
    "pandas": _tagging("pandas", "frames", "tag_pandas"),
}
"""Tagger of each package's own types; a result of None means: tag like any other value."""


def binary(name, value, buffers):
    """Return the tag *name* with the value's bytes as the next buffer."""
    if buffers is None:
        raise ValueRefused("is binary data, which a state cannot hold; keep text or a list of numbers")
    view = memoryview(value)
    if not view.c_contiguous:
        view = memoryview(bytes(view))
    buffers.append(view.cast("B") if view.nbytes else memoryview(b""))
    return {TAG: [name, len(buffers) - 1]}


def _tag_subclass(value, kind, buffers, depth):
    """Tag a value equal to a plain value: dictionaries with extras, lists, numbers and text of derived classes."""
    if isinstance(value, dict):
        return _tag_dict(value, buffers, depth)
    if isinstance(value, list):
        return _tag_list(value, buffers, depth)
    if isinstance(value, tuple) and hasattr(kind, "_asdict"):
        raise ValueRefused(f"is a {kind.__name__}, whose names would be lost; send value._asdict() or list(value)")
    for plain, content in _CONTENTS:
        if issubclass(kind, plain):
            return SIMPLE[plain](content(value))
    raise refused(value)


_CONTENTS = ((str, str.__str__), (int, int.__pos__), (float, float.__pos__))
"""Plain content of a derived class's value, independent of the class's ``str(value)``."""


def refused(value):
    """Return the error for a value that cannot travel, with the cure for the type."""
    kind = type(value)
    name = name_of(kind)
    if hasattr(kind, "__dataclass_fields__"):
        return ValueRefused(f"is the dataclass {name}; send dataclasses.asdict(value)")
    return ValueRefused(f"is {article(name)}, which cannot become a message; {CURES.get(name) or _general_cure(kind)}")


def _general_cure(kind):
    origin = kind.__module__.partition(".")[0]
    if origin == "polars":
        return "send value.to_arrow()"
    if origin == "pandas":
        return "send pandas.DataFrame(value), pandas.Series(value) or str(value)"
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return "send dict(value)"
    return GENERAL_CURE


def name_of(kind):
    """Return the name of a type, regardless of its metaclass."""
    return _NAME(kind)


_NAME = type.__dict__["__name__"].__get__


def article(name):
    """Return the name with ``a`` or ``an`` before it."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def told(error):
    """Return an error of foreign code as a bounded line."""
    try:
        text = str(error).strip().split("\n", 1)[0][:300]
    except BaseException:
        text = ""
    return f"{name_of(type(error))}: {text}" if text else name_of(type(error))


def _short(value):
    try:
        text = repr(value)
    except BaseException:
        text = object.__repr__(value)
    return text if len(text) <= 60 else text[:57] + "..."


# --- tags to Python ------------------------------------------------------------------------------------------------------


def untag(value, buffers):
    """Return the Python value; *buffers* are the message's, as read-only memoryviews. Containers are changed in place."""
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
        reader = _READERS[tagged[0]]
    except (KeyError, IndexError, TypeError) as error:
        raise _unknown(tagged, error) from None
    try:
        return reader(tagged, buffers)
    except ValueRefused:
        raise
    except Exception as error:
        raise _unknown(tagged, error) from error


def _unknown(tagged, error):
    return ValueRefused(f"has the tag {_short(tagged)}, which is none of runtimes/README.md ({told(error)})")


def _read_escape(tagged, buffers):
    inner = tagged[1]
    return {key: untag(item, buffers) for key, item in inner.items()}


def buffer_of(at, buffers):
    """Return the buffer that a tag names. Raises ValueError if *at* is no number of a buffer."""
    if type(at) is not int or at < 0:
        raise ValueError(f"{at!r} is no number of a buffer")
    return buffers[at]


def _later(kind, module, name):
    """Return the reader *name* of a neighbouring file, loaded with the first tag of the kind."""

    def read(tagged, buffers):
        import importlib

        _READERS[kind] = getattr(importlib.import_module("." + module, __package__), name)
        return _READERS[kind](tagged, buffers)

    return read


_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "-0": -0.0}
_READERS = {
    "float": lambda tagged, buffers: _FLOATS[tagged[1]],
    "int": lambda tagged, buffers: int(tagged[1]),
    "date": _later("date", "datetimes", "read_date"),
    "day": _later("day", "datetimes", "read_day"),
    "bytes": lambda tagged, buffers: bytes(buffer_of(tagged[1], buffers)),
    "array": _later("array", "arrays", "read_array"),
    "scalar": _later("scalar", "arrays", "read_scalar"),
    "table": _later("table", "arrays", "read_table"),
    "timestamp": _later("timestamp", "datetimes", "read_timestamp"),
    "timedelta": _later("timedelta", "datetimes", "read_timedelta"),
    "missing": _later("missing", "datetimes", "read_missing"),
    "frame": _later("frame", "frames", "read_frame"),
    "series": _later("series", "frames", "read_series"),
    "index": _later("index", "frames", "read_index"),
    "escape": _read_escape,
}
