"""Functions, methods and operators of expressions, and the bounds of all operations.

The rule: no operation may cost more than its *charge*. An evaluation has `BUDGET` steps; one step is one visit of a node inside a
loop, eight items of a list, 64 characters of a text made or read, or 1,024 characters only compared. No number has more than
`BITS` bits. Therefore the worst expression ends within a fraction of a second, with at most a few megabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.core.expressions.budget import (
    BITS,
    COMPARED,
    ITEMS,
    KEYS,
    SCALARS,
    SHOWN,
    TEXT,
    Refusal,
    Variables,
    charged,
    iterable,
    measure,
    type_name,
)

# --- operators -----------------------------------------------------------------------------------------------------------


def add(variables: Variables, left: Any, right: Any) -> Any:
    """Return ``left + right`` within the bounds of texts and lists."""
    if type(left) is not type(right) or (type(left) in SCALARS and type(left) is not str):
        return left + right
    if len(left) + len(right) > (TEXT if type(left) is str else ITEMS):
        raise Refusal("the sum is too long")
    return charged(variables, left + right)


def multiply(variables: Variables, left: Any, right: Any) -> Any:
    """Return ``left * right`` within the bounds of numbers, texts and lists."""
    if isinstance(left, int) and not isinstance(right, (int, float)):
        left, right = right, left
    if isinstance(left, (int, float)):
        return _number(left * right) if isinstance(right, float) else _product(left, right)
    return _repeated(variables, left, right)


def _product(left: float, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > BITS:
        raise Refusal(f"the product has more than {BITS} bits")
    return left * right


def _repeated(variables: Variables, value: Any, times: Any) -> Any:
    if not isinstance(value, (str, list, tuple)) or not isinstance(times, int):
        raise TypeError(f"cannot multiply {type_name(value)} by {type_name(times)}")
    if len(value) * max(times, 0) > (TEXT if isinstance(value, str) else ITEMS):
        raise Refusal("the repeated value is too long")
    if not isinstance(value, str) and any(type(item) not in SCALARS for item in value):
        raise Refusal("only lists of numbers and texts can be repeated; use [... for _ in range(n)]")
    return charged(variables, value * times)


def power(left: Any, right: Any) -> Any:
    """Return ``left ** right`` within `BITS` bits."""
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and left.bit_length() * abs(right) > BITS:
        raise Refusal(f"the power has more than {BITS} bits")
    return _number(left**right)


def _number(value: Any) -> Any:
    if isinstance(value, complex):
        raise Refusal("the result is a complex number; take the root of abs(...)")
    return value


def remainder(left: Any, right: Any) -> Any:
    """Return ``left % right`` of numbers; `%` on texts is refused."""
    if isinstance(left, str):
        raise Refusal("% does not format text here; use an f-string")
    return left % right


def shift(left: Any, right: Any) -> Any:
    """Return ``left << right`` within `BITS` bits."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right > BITS:
        raise Refusal(f"the shifted number has more than {BITS} bits")
    return left << right


def bits(name: str, operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return ``& | ^ >>`` for integers and truth values; not for sets, whose order would depend on hashes."""

    def run(left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            return operation(left, right)
        raise Refusal(f"{name} works on integers; for conditions use `and` and `or`")

    return run


_SPEC = re.compile(r"(?:.?[<>=^])?[ +-]?#?0?(\d{0,3})[,_]?(?:\.\d{1,3})?[bcdeEfFgGosxX%]?\Z", re.DOTALL)


def formatted(variables: Variables, value: Any, conversion: str, spec: str) -> str:
    """Return a value in the format of an f-string; widths and precisions have at most three digits."""
    measure(variables, value, SHOWN)
    if isinstance(value, KEYS):
        value = list(value)
    if conversion:
        value = repr(value) if conversion == "r" else ascii(value) if conversion == "a" else str(value)
    if not _SPEC.match(spec):
        raise Refusal(f"the format {spec[:40]!r} is not allowed; formats look like .2f, >10 or 08d")
    return str(charged(variables, _text(format(value, spec))))


def _text(value: str) -> str:
    if len(value) > TEXT:
        raise Refusal(f"the text has more than {TEXT} characters")
    return value


# --- functions -----------------------------------------------------------------------------------------------------------


class Function(msgspec.Struct, frozen=True):
    """A function for expressions, with `least` to `most` arguments; `deep` functions look at whole values, `shows` makes text of
    the values, `sorts` compares each value several times.
    """

    call: Callable[..., Any]
    least: int = 1
    most: int = 1
    keywords: tuple[str, ...] = ()
    deep: bool = False
    shows: bool = False
    sorts: bool = False


def pay(variables: Variables, function: Function, value: Any) -> None:
    """Pay for one argument of a function."""
    if not function.deep:
        charged(variables, value)
        return
    times = len(value).bit_length() if function.sorts and type(value) not in SCALARS else 1
    measure(variables, value, SHOWN if function.shows else COMPARED, times)


def _range(*bounds: Any) -> range:
    result = range(*bounds)
    if abs((result.stop - result.start) // result.step) > ITEMS:
        raise Refusal(f"range() gives at most {ITEMS} numbers")
    return result


def _round(value: Any, digits: Any = None) -> Any:
    if isinstance(digits, int) and abs(digits) > 400:
        raise Refusal("round() takes at most 400 digits")
    return round(value, digits)


def _int(value: Any, base: Any = None) -> Any:
    if isinstance(value, str) and len(value) > 1_000:
        raise Refusal("int() reads at most 1000 digits")
    result = int(value) if base is None else int(value, base)
    if result.bit_length() > BITS:
        raise Refusal(f"the number has more than {BITS} bits")
    return result


def _str(value: Any) -> str:
    return _text(str(list(value) if isinstance(value, KEYS) else value))


def _list(value: Any) -> list[Any]:
    return list(iterable(value))


def _set(value: Any) -> Any:
    return keys_of(iterable(value))


def keys_of(items: Any) -> Any:
    """Return a set: the items without duplicates, in order."""
    return dict.fromkeys(key(item) for item in items).keys()


def key(value: Any) -> Any:
    """Return the value if allowed as a key or in a set. Raises `Refusal` if not."""
    if type(value) in SCALARS:
        return value
    raise Refusal(f"{type_name(value)} cannot be a key or in a set; use texts and numbers")


FUNCTIONS: dict[str, Function] = {
    "abs": Function(abs),
    "all": Function(all),
    "any": Function(any),
    "bool": Function(bool),
    "ceil": Function(math.ceil),
    "cos": Function(math.cos),
    "enumerate": Function(lambda items, start=0: list(enumerate(iterable(items), start)), 1, 2, ("start",)),
    "exp": Function(math.exp),
    "float": Function(float),
    "floor": Function(math.floor),
    "int": Function(_int, 1, 2),
    "isfinite": Function(math.isfinite),
    "isinf": Function(math.isinf),
    "isnan": Function(math.isnan),
    "len": Function(len),
    "list": Function(_list),
    "log": Function(math.log, 1, 2),
    "log10": Function(math.log10),
    "log2": Function(math.log2),
    "max": Function(max, 1, 20, ("default",), deep=True),
    "min": Function(min, 1, 20, ("default",), deep=True),
    "range": Function(_range, 1, 3),
    "reversed": Function(lambda items: list(reversed(iterable(items)))),
    "round": Function(_round, 1, 2),
    "set": Function(_set, deep=True),
    "sin": Function(math.sin),
    "sorted": Function(sorted, 1, 1, ("reverse",), deep=True, sorts=True),
    "sqrt": Function(math.sqrt),
    "str": Function(_str, deep=True, shows=True),
    "sum": Function(sum),
    "tan": Function(math.tan),
    "type_name": Function(type_name),
    "zip": Function(lambda *items: list(zip(*map(iterable, items), strict=False)), 1, 20),
}
"""Functions by name. No function keeps or changes its arguments."""


# --- methods -------------------------------------------------------------------------------------------------------------


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = text.count(old) if count < 0 else min(count, text.count(old))
    if len(text) + found * len(new) > TEXT:
        raise Refusal(f"the text has more than {TEXT} characters")
    return text.replace(old, new, count)


def _join(text: str, items: Any) -> str:
    parts = list(iterable(items))
    if sum(map(len, parts)) + len(text) * len(parts) > TEXT:
        raise Refusal(f"the text has more than {TEXT} characters")
    return text.join(parts)


def _pieces(method: Callable[..., list[str]]) -> Callable[..., list[str]]:
    def run(text: str, *arguments: Any) -> list[str]:
        if len(text) > TEXT:
            raise Refusal(f"texts of more than {TEXT} characters cannot be split here")
        return method(text, *arguments)

    return run


def _padded(method: Callable[..., str]) -> Callable[..., str]:
    def run(text: str, width: int, *fill: str) -> str:
        if width > 10_000:
            raise Refusal("a text is padded to at most 10000 characters")
        return method(text, width, *fill)

    return run


_PLAIN = (
    "capitalize",
    "casefold",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "lower",
    "swapcase",
    "title",
    "upper",
)
_SEARCHES = ("count", "endswith", "find", "index", "rfind", "rindex", "startswith")

METHODS: dict[type, dict[str, Function]] = {
    str: {
        **{name: Function(getattr(str, name), 0, 0) for name in _PLAIN},
        **{name: Function(getattr(str, name), 1, 3) for name in _SEARCHES},
        **{name: Function(getattr(str, name), 0, 1) for name in ("lstrip", "rstrip", "strip")},
        **{name: Function(_pieces(getattr(str, name)), 0, 2) for name in ("rsplit", "split")},
        **{name: Function(_padded(getattr(str, name)), 1, 2) for name in ("center", "ljust", "rjust")},
        **{name: Function(getattr(str, name)) for name in ("partition", "removeprefix", "removesuffix", "rpartition")},
        "join": Function(_join),
        "replace": Function(_replace, 2, 3),
        "splitlines": Function(_pieces(str.splitlines), 0, 1),
        "zfill": Function(_padded(str.zfill)),
    },
    dict: {
        "get": Function(lambda self, name, *default: self.get(key(name), *default), 1, 2),
        "items": Function(lambda self: list(self.items()), 0, 0),
        "keys": Function(list, 0, 0),
        "values": Function(lambda self: list(self.values()), 0, 0),
    },
    list: {"count": Function(list.count, 1, 1, deep=True), "index": Function(list.index, 1, 3, deep=True)},
}
"""Functions by type and method, called with the object as the first argument."""
METHOD_NAMES = tuple(sorted({name for methods in METHODS.values() for name in methods}))
