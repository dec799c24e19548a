"""The values of options and arguments in the notation: texts, numbers, durations, words and ``retry(...)``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from floe_jupyter.core.flow.model import NodeKind, RetryPolicy
from floe_jupyter.core.flow.options import JOINS, LONGEST_DURATION, OPTIONS, POLICIES, RETRY, ValueKind, built_in
from floe_jupyter.errors import DefinitionError, NotationError, nearest

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
"""Seconds per unit of time."""
_INTEGER = re.compile(r"[-+]?\d{1,18}\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:[eE][-+]?\d{1,3})?\Z", re.ASCII)
_PART = re.compile(r"(\d{1,300}(?:\.\d{1,300})?(?:[eE][-+]?\d{1,3})?)\s*([a-z]+)", re.ASCII)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "0": "\0"}
_WANTED: dict[ValueKind, str] = {
    "text": "a text in quotes",
    "duration": "a duration like 10s",
    "number": "a number like 0.5",
    "count": "a whole number like 2",
    "switch": "true or false",
    "join": "all, any or each",
    "policy": "fail, skip, hold or retry(3, backoff=1s)",
    "expression": "an expression in quotes like \"msg['id']\"",
}


class Mistakes(Protocol):
    """Maker of the errors for mistakes at a token or tree."""

    def error(self, message: str, where: Any) -> NotationError:
        """Return the error for a mistake at *where*."""


def shown(value: Any) -> str:
    """Return a value as typed, cut to a length which fits a sentence."""
    text = f"{value.children[0]}(...)" if hasattr(value, "data") else str(value)
    return text if len(text) <= 40 else text[:37] + "..."


def arguments_of(module: str, kind: NodeKind, given: list[Any], mistakes: Mistakes) -> list[list[Any]]:
    """Return [name, value] of all arguments of a built-in; the first needs no name."""
    known = built_in(module, kind)
    assert known is not None, (module, kind)
    result = []
    for index, argument in enumerate(given):
        name, value = argument.children[0], argument.children[-1]
        if argument.data == "positional":
            if index or not known.arguments:
                raise mistakes.error(
                    f"{shown(value)} needs a name: write `name={shown(value)}`; "
                    f"{nearest('', [*known.arguments, *known.options])}",
                    value,
                )
            name = next(iter(known.arguments))
        elif str(name) not in known.arguments and str(name) not in known.options:
            raise mistakes.error(
                f"{module} has no argument or option {str(name)[:100]!r}; "
                f"{nearest(str(name)[:100], [*known.arguments, *known.options])}",
                name,
            )
        result.append([name, value])
    return result


def options_of(given: Sequence[Sequence[Any]], mistakes: Mistakes, module: str = "", kind: NodeKind = "module") -> dict[str, Any]:
    """Return the fields of `Node` for the given [name, value] pairs."""
    known = built_in(module, kind)
    fields: dict[str, Any] = {}
    for name, value in given:
        if known is not None and str(name) in known.arguments:
            fields.setdefault("args", {})[str(name)] = value_of(known.arguments[str(name)].kind, str(name), value, mistakes)
            continue
        fields[str(name)] = read = value_of(OPTIONS[str(name)], str(name), value, mistakes)
        if isinstance(read, RetryPolicy):
            fields.update(on_error="retry", retry=read)
    return fields


def value_of(kind: ValueKind, name: str, value: Any, mistakes: Mistakes) -> Any:
    """Return the value as a Python value. The error of a mistake names the wanted kind."""
    if hasattr(value, "data"):
        if kind == "policy" and str(value.children[0]) == "retry":
            return _retry(value, mistakes)
        raise mistakes.error(f"{name} wants {_WANTED[kind]}, not {shown(value)}", value)
    if value.type == "STRING":
        return _quoted(kind, name, value, mistakes)
    if value.type == "WORD":
        return _word(kind, name, value, mistakes)
    return _quantity(kind, name, value, mistakes)


def _quoted(kind: ValueKind, name: str, value: Any, mistakes: Mistakes) -> str:
    if kind not in {"text", "expression"}:
        raise mistakes.error(f"{name} wants {_WANTED[kind]}, not a text; leave the quotes out", value)
    text = unquoted(str(value))
    if kind == "expression" and not text.strip():
        raise mistakes.error(f"{name} wants {_WANTED[kind]}, not an empty text", value)
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise mistakes.error("half of a character (a surrogate) stands in this text; write the whole one", value)
    return text


def _word(kind: ValueKind, name: str, value: Any, mistakes: Mistakes) -> Any:
    word = str(value)
    if kind == "switch" and word.lower() in {"true", "false"}:
        return word.lower() == "true"
    if kind == "policy" and word == "retry":
        raise mistakes.error("retry needs to know how often: write retry(3) or retry(3, backoff=1s)", value)
    valid = {"switch": ("true", "false"), "join": JOINS, "policy": POLICIES}.get(kind, ())
    if kind in {"join", "policy"} and word in valid:
        return word
    if kind in {"text", "expression"}:
        raise mistakes.error(f"{name} wants {_WANTED[kind]}: write {name}={quoted(word[:100])}", value)
    hint = f"; {nearest(word[:100], valid)}" if valid else ""
    raise mistakes.error(f"{name} wants {_WANTED[kind]}, not {shown(value)}{hint}", value)


def _quantity(kind: ValueKind, name: str, value: Any, mistakes: Mistakes) -> float:
    text = str(value)
    if kind == "duration":
        return _duration(name, value, mistakes)
    if kind == "count" and _INTEGER.match(text):
        return int(text)
    if kind == "number" and _FLOAT.match(text):
        return float(text)
    if kind in {"text", "expression"}:
        raise mistakes.error(f"{name} wants {_WANTED[kind]}: write {name}={quoted(text[:100])}", value)
    raise mistakes.error(f"{name} wants {_WANTED[kind]}, not {shown(value)}", value)


def _duration(name: str, value: Any, mistakes: Mistakes) -> float:
    text = str(value)
    if _FLOAT.match(text):
        raise mistakes.error(f"{name} needs a unit: write {text[:40]}s (or ms, m, h, d)", value)
    try:
        return seconds_of(text)
    except DefinitionError as error:
        raise mistakes.error(str(error), value) from None


def seconds_of(text: str) -> float:
    """Return the seconds of a duration such as ``500ms``, ``10s`` or ``1h30m``. Raises DefinitionError.

    The only parser of durations: of the notation, and of the arguments of magics, Python and the command line.
    """
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        given = shown(text.strip()) or "an empty text"
        raise DefinitionError(f"{given} is no duration; write one like 500ms, 10s, 2m, 1h30m or 1d")
    for _, unit in parts:
        if unit not in UNITS:
            raise DefinitionError(f"no unit of time {unit[:40]!r}; {nearest(unit[:40], UNITS)}")
    seconds = sum(float(number) / 1_000 if unit == "ms" else float(number) * UNITS[unit] for number, unit in parts)
    if seconds > LONGEST_DURATION:
        raise DefinitionError(f"{shown(text)} is too long; the longest duration is 10000d")
    return seconds


def _retry(call: Any, mistakes: Mistakes) -> RetryPolicy:
    fields: dict[str, Any] = {}
    for index, item in enumerate(call.children[1:]):
        name, value = item.children[0], item.children[-1]
        if item.data == "positional":
            if index:
                raise mistakes.error(f"{shown(value)} needs a name: {nearest('', RETRY)}", value)
            name = "times"
        if str(name) not in RETRY:
            raise mistakes.error(f"retry has no argument {str(name)[:100]!r}; {nearest(str(name)[:100], RETRY)}", name)
        if str(name) in fields:
            raise mistakes.error(f"{name!s} is given twice; remove one", value)
        fields[str(name)] = value_of(RETRY[str(name)], str(name), value, mistakes)
    if "times" not in fields:
        raise mistakes.error("retry needs to know how often: write retry(3) or retry(3, backoff=1s)", call)
    return RetryPolicy(**fields)


def unquoted(text: str) -> str:
    r"""Return the content of a quoted text; replaces ``\n \t \r \\ \' \" \0 \xhh \uhhhh \Uhhhhhhhh`` and keeps all other text."""
    return _ESCAPE.sub(_sign, text[1:-1]) if "\\" in text else text[1:-1]


def _sign(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _SIGNS.get(match[4], match[0])
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match[0]


def quoted(text: str) -> str:
    """Return the text in quotes on one line, the inverse of `unquoted`."""
    sign = "'" if '"' in text and "'" not in text else '"'
    return sign + "".join(_escaped(c) if c in {sign, "\\"} or not c.isprintable() else c for c in text) + sign


def _escaped(char: str) -> str:
    code = ord(char)
    if char in "\\'\"":
        return "\\" + char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def duration_text(seconds: float) -> str:
    """Return the shortest notation of a duration which is read back as exactly the same number."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / UNITS[unit]
        if count >= 1 and count == int(count) and int(count) * UNITS[unit] == seconds:
            return f"{int(count)}{unit}"
    count = round(seconds * 1_000)
    return f"{count}ms" if count / 1_000 == seconds else f"{seconds!r}s"
