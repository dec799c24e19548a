"""Budget of an expression: the limits of its steps, texts, items and depth."""

from __future__ import annotations

from typing import Any

BUDGET = 100_000
"""Maximum number of steps of one evaluation."""


TEXT = 1_000_000
"""Maximum characters of a text made by an expression."""


ITEMS = 100_000
"""Maximum number of items of a list made by an expression."""


BITS = 4_096
"""Maximum bits of an integer."""


VALUES = 200_000
"""Maximum number of values inside a result."""


RESULT_TEXT = 16 * 1024 * 1024
"""Maximum characters of all texts of a result."""


DEPTH = 200
"""Maximum levels of a result, and of compared or shown values."""


KEYS: Any = type({}.keys())
"""Type of a set in expressions: the keys of a dictionary, because their order does not depend on hashes."""


SCALARS = frozenset((int, float, str, bool, type(None)))


_ITERABLE = (list, tuple, dict, str, range, KEYS)


STEPS = 3
"""Index of the remaining steps in an evaluation's list of variables."""


Variables = list[Any]


class Refusal(Exception):
    """Refusal of a forbidden or missing operation or name in an expression; becomes an ExpressionError with a position."""


def charge(variables: Variables, steps: int) -> None:
    """Take *steps* off the budget. Raises `Refusal` when the budget is used up."""
    variables[STEPS] -= steps
    if variables[STEPS] < 0:
        raise Refusal(f"it takes more than {BUDGET} steps; look at less of the message")


def charged(variables: Variables, value: Any) -> Any:
    """Charge for a value by its length, and return the value."""
    kind = type(value)
    if kind is str:
        if len(value) > 64:
            charge(variables, len(value) >> 6)
    elif kind not in SCALARS and len(value) > 8:
        charge(variables, len(value) >> 3)
    return value


SHOWN, COMPARED = 6, 10
"""Characters of a text per step, as powers of two: for texts to show, and for texts only to compare."""


def compared(variables: Variables, left: Any, right: Any) -> None:
    """Pay for the comparison of two scalars: of two texts, by the length of the shorter text."""
    if type(left) is str and type(right) is str:
        charge(variables, min(len(left), len(right)) >> COMPARED)


def compared_key(variables: Variables, name: Any) -> Any:
    """Charge for a key, and return the key: a dictionary or a set compares the key with an equal one, if present."""
    compared(variables, name, name)
    return name


def measure(variables: Variables, value: Any, shift: int = COMPARED, times: int = 1) -> None:
    """Pay for every value inside *value* before *value* is compared, sorted or shown as a whole.

    The characters of texts are paid for *times* times.
    """
    if type(value) in SCALARS:
        if type(value) is str:
            charge(variables, times * (len(value) >> shift))
        return
    todo = [(value, 0)]
    while todo:
        item, depth = todo.pop()
        if depth > DEPTH:
            raise Refusal(f"it looks at a value that is nested more than {DEPTH} levels deep")
        charge(variables, 1 + len(item))
        if type(item) is not range:
            children = [*item, *item.values()] if isinstance(item, dict) else item
            charge(variables, times * (sum([len(child) for child in children if type(child) is str]) >> shift))
            todo.extend((child, depth + 1) for child in children if type(child) not in SCALARS)


def plain(value: Any) -> Any:
    """Return a fresh copy which shares no object with the message: lists, dictionaries and scalars only, bounded."""
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
    """Return the value if a loop may run over the value. Raises `Refusal` if not."""
    if isinstance(value, _ITERABLE):
        return value
    raise Refusal(f"cannot loop over {type_name(value)}; loops run over lists, texts, dictionaries and range()")


def type_name(value: Any) -> str:
    """Return ``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict``, ``tuple``, ``set`` or ``range``."""
    if value is None:
        return "None"
    return "set" if isinstance(value, KEYS) else type(value).__name__
