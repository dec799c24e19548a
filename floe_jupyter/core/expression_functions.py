"""What an expression may call, and the bounds that everything in it keeps.

The rule: no operation may cost more than its *charge*. An evaluation has `BUDGET` steps; one step is one visit of a node
inside a loop, eight items of a list or 64 characters of a text that is made or read. No number has more than `BITS` bits.
So the worst expression ends within a fraction of a second, with at most a few megabytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

BUDGET = 100_000
"""Steps of one evaluation."""
TEXT = 1_000_000
"""Characters of a text that an expression makes."""
ITEMS = 100_000
"""Items of a list that an expression makes."""
BITS = 4_096
"""Bits of an integer."""
VALUES = 200_000
"""Values inside a result ..."""
RESULT_TEXT = 16 * 1024 * 1024
"""... and characters of all its texts."""
DEPTH = 200
"""Levels of a result, and of what is compared or shown."""

KEYS: Any = type({}.keys())
"""What a set is here: the keys of a dictionary, because their order does not depend on hashes."""
SCALARS = frozenset((int, float, str, bool, type(None)))
_ITERABLE = (list, tuple, dict, str, range, KEYS)
STEPS = 3
"""The place in an evaluation's list of variables where its remaining steps stand."""
Variables = list[Any]


class Refusal(Exception):
    """The expression asks for something that is not allowed or does not exist; becomes an ExpressionError with a place."""


def charge(variables: Variables, steps: int) -> None:
    """Take *steps* off the budget; `Refusal` when it is used up."""
    variables[STEPS] -= steps
    if variables[STEPS] < 0:
        raise Refusal(f"it takes more than {BUDGET} steps; look at less of the message")


def charged(variables: Variables, value: Any) -> Any:
    """The value itself, paid for by its length."""
    kind = type(value)
    if kind is str:
        if len(value) > 64:
            charge(variables, len(value) >> 6)
    elif kind not in SCALARS and len(value) > 8:
        charge(variables, len(value) >> 3)
    return value


def measure(variables: Variables, value: Any) -> None:
    """Pay for every value inside *value*: before it is compared, sorted or shown as a whole."""
    if type(value) in SCALARS:
        return
    todo = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        if depth > DEPTH:
            raise Refusal(f"it looks at a value that is nested more than {DEPTH} levels deep")
        charge(variables, 1 + len(item))
        children = item.values() if isinstance(item, dict) else item
        if type(item) is not range:
            todo.extend((child, depth + 1) for child in children if type(child) not in SCALARS)


def plain(value: Any) -> Any:
    """A fresh copy that shares nothing with the message: lists, dictionaries and scalars only, bounded."""
    return _Copy().copy(value, 0)


class _Copy:
    def __init__(self) -> None:
        self.values, self.text = VALUES, RESULT_TEXT

    def copy(self, value: Any, depth: int) -> Any:
        self.values -= 1
        if isinstance(value, str):
            self.text -= len(value)
        if self.values < 0 or self.text < 0 or depth > DEPTH:
            raise Refusal(f"its result is too large: at most {VALUES} values, {RESULT_TEXT} characters and {DEPTH} levels")
        if isinstance(value, dict):
            return {key: self.copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, range, KEYS)):
            return [self.copy(item, depth + 1) for item in value]
        return value


def iterable(value: Any) -> Any:
    """What a loop may run over."""
    if isinstance(value, _ITERABLE):
        return value
    raise Refusal(f"cannot loop over {type_name(value)}; loops run over lists, texts, dictionaries and range()")


def type_name(value: Any) -> str:
    """``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict``, ``tuple``, ``set`` or ``range``."""
    if value is None:
        return "None"
    return "set" if isinstance(value, KEYS) else type(value).__name__


# --- operators -----------------------------------------------------------------------------------------------------------


def add(variables: Variables, left: Any, right: Any) -> Any:
    if type(left) is not type(right) or (type(left) in SCALARS and type(left) is not str):
        return left + right
    if len(left) + len(right) > (TEXT if type(left) is str else ITEMS):
        raise Refusal("the sum is too long")
    return charged(variables, left + right)


def multiply(variables: Variables, left: Any, right: Any) -> Any:
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
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and left.bit_length() * abs(right) > BITS:
        raise Refusal(f"the power has more than {BITS} bits")
    return _number(left**right)


def _number(value: Any) -> Any:
    if isinstance(value, complex):
        raise Refusal("the result is a complex number; take the root of abs(...)")
    return value


def remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        raise Refusal("% does not format text here; use an f-string")
    return left % right


def shift(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right > BITS:
        raise Refusal(f"the shifted number has more than {BITS} bits")
    return left << right


def bits(name: str, operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``& | ^ >>`` for integers and truth values; not for sets, whose order would depend on hashes."""

    def run(left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            return operation(left, right)
        raise Refusal(f"{name} works on integers; for conditions use `and` and `or`")

    return run


_SPEC = re.compile(r"(?:.?[<>=^])?[ +-]?#?0?(\d{0,3})[,_]?(?:\.\d{1,3})?[bcdeEfFgGosxX%]?\Z", re.DOTALL)


def formatted(variables: Variables, value: Any, conversion: str, spec: str) -> str:
    """A value as an f-string shows it; widths and precisions have at most three digits."""
    measure(variables, value)
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
    """Something that an expression may call with `least` to `most` arguments; `deep` ones look at whole values."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1
    keywords: tuple[str, ...] = ()
    deep: bool = False


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
    """A set: the items without duplicates, in order."""
    return dict.fromkeys(key(item) for item in items).keys()


def key(value: Any) -> Any:
    """A value that may be a key or in a set."""
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
    "set": Function(_set),
    "sin": Function(math.sin),
    "sorted": Function(sorted, 1, 1, ("reverse",), deep=True),
    "sqrt": Function(math.sqrt),
    "str": Function(_str, deep=True),
    "sum": Function(sum),
    "tan": Function(math.tan),
    "type_name": Function(type_name),
    "zip": Function(lambda *items: list(zip(*map(iterable, items), strict=False)), 1, 20),
}
"""Name -> what it calls. Nothing here keeps or changes its arguments."""


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


_PLAIN = ("capitalize", "casefold", "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace",
          "istitle", "isupper", "lower", "swapcase", "title", "upper")
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
"""Type -> method -> what it calls with the object as the first argument."""
METHOD_NAMES = tuple(sorted({name for methods in METHODS.values() for name in methods}))
