"""What a verb takes, said once: the parser of the magic and that of the command line are both made from it."""

from __future__ import annotations

import argparse
import contextlib
import math
import numbers
import re
from typing import Any, Literal, NoReturn

import msgspec

from floe_jupyter.errors import DefinitionError, unknown
from floe_jupyter.kernel.words import split, unquote

Kind = Literal["text", "expression", "condition", "flag", "whole", "duration", "texts", "json"]
"""``expression``: Python in the notebook, JSON on the command line. ``condition``: the safe language, taken as it stands."""
Names = Literal["", "flow", "node", "module", "run", "language", "target", "topic", "file"]
"""What completes it. A ``target`` is ``FLOW[.node[.port]]``, a ``node`` may carry ``.port``."""

PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
"""A number and a unit of a duration."""


class Argument(msgspec.Struct, frozen=True):
    """One argument or option of a verb."""

    name: str
    """``flow``, or an option: ``--input``."""
    doc: str
    kind: Kind = "text"
    required: bool = False
    names: Names = ""
    short: str = ""
    many: bool = False
    """Takes all the words up to the next option; an expression joins them."""

    @property
    def key(self) -> str:
        return self.name.lstrip("-").replace("-", "_")

    @property
    def option(self) -> bool:
        return self.name.startswith("-")

    @property
    def usage(self) -> str:
        """``FLOW``, ``[FLOW]``, ``[--input EXPR]``, ``[--debug]``."""
        word = {
            "expression": "EXPR",
            "condition": "EXPR",
            "whole": "N",
            "duration": "T",
            "json": "JSON",
            "texts": "WORD ...",
        }.get(self.kind, self.key.upper())
        text = (
            (self.name if self.kind == "flag" else f"{self.name} {word}")
            if self.option
            else word
            if self.kind != "text"
            else self.key.upper()
        )
        return text if self.required else f"[{text}]"


def duration(text: str) -> float:
    """Seconds of ``30s``, ``200ms``, ``1h30m`` (as in the notation), or of a plain number of seconds."""
    from floe_jupyter.core.notation_values import UNITS

    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = PART.findall(text)
    known = {**UNITS, "ms": 0.001}
    if not parts or PART.sub("", text).strip() or any(unit not in known for _, unit in parts):
        raise DefinitionError(f"{text!r} is no duration; write a number of seconds, or 200ms, 30s, 2m, 1h30m")
    return sum(float(number) * known[unit] for number, unit in parts)


def seconds(option: str, given: Any) -> float:
    """Seconds of what Python code gave: a number, or text as on a magic's line; None and infinity are no limit, 0."""
    if isinstance(given, str):
        with contextlib.suppress(DefinitionError):
            return duration(given)
    elif given is None or given == math.inf:
        return 0.0
    elif isinstance(given, numbers.Real) and float(given) >= 0:
        return float(given)
    raise DefinitionError(f"{option}={given!r} is no duration; give a number of seconds, such as 30, or text, such as '2m'")


def whole(text: str) -> int:
    """A whole number, not negative."""
    if not text.isdigit():
        raise DefinitionError(f"{text!r} is no whole number; write 1, 2, 3 ...")
    return int(text)


class Parser(argparse.ArgumentParser):
    """Raises DefinitionError instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise DefinitionError(f"{message}; usage: {self.usage}")


def parser(verb: str, arguments: tuple[Argument, ...], prefix: str) -> Parser:
    """The parser of a magic."""
    usage = " ".join([prefix + verb, *(argument.usage for argument in arguments)])
    made = Parser(prog=prefix + verb, usage=usage, add_help=False, allow_abbrev=False)
    for argument in arguments:
        made.add_argument(*_names(argument), **_settings(argument))
    return made


def _names(argument: Argument) -> tuple[str, ...]:
    return (argument.short, argument.name) if argument.short else (argument.name,)


def _settings(argument: Argument) -> dict[str, Any]:
    if argument.kind == "flag":
        return {"action": "store_true"}
    settings: dict[str, Any] = {"dest": argument.key} if argument.option else {"metavar": argument.key.upper()}
    if argument.kind == "texts":
        settings |= {"nargs": "+", "action": "extend"} if argument.option else {"nargs": "*"}
    elif argument.kind in ("expression", "condition") or argument.many:
        settings["nargs"] = "+" if argument.option or argument.required else "*"
    elif not argument.option and not argument.required:
        settings["nargs"] = "?"
    if argument.option and argument.required:
        settings["required"] = True
    return settings


def parse(verb: str, arguments: tuple[Argument, ...], line: str, prefix: str = "%floe ") -> dict[str, Any]:
    """The arguments of a magic's line. Raises DefinitionError with the nearest valid option."""
    known, rest = parser(verb, arguments, prefix).parse_known_args(_reordered(arguments, split(line)))
    if rest:
        _refuse(verb, arguments, rest[0], prefix)
    return {argument.key: _value(argument, getattr(known, argument.key)) for argument in arguments}


def _reordered(arguments: tuple[Argument, ...], words: list[str]) -> list[str]:
    """Protect words that begin with a minus but are no options (``-x + 1``) from the parser of options."""
    options = {name for argument in arguments if argument.option for name in _names(argument)}
    return [
        word if not word.startswith("-") or word.split("=")[0] in options or re.match(r"--?[A-Za-z]", word) else " " + word
        for word in words
    ]


def _refuse(verb: str, arguments: tuple[Argument, ...], word: str, prefix: str) -> NoReturn:
    options = [argument.name for argument in arguments if argument.option]
    if word.startswith("-"):
        raise unknown(f"option of {prefix}{verb}", word.split("=", maxsplit=1)[0], options)
    usage = " ".join([prefix + verb, *(argument.usage for argument in arguments)])
    raise DefinitionError(f"{word!r} is one word too many; put an expression with blanks into brackets; usage: {usage}")


def _value(argument: Argument, given: Any) -> Any:
    """What the verb gets: text without quotes, numbers as numbers, expressions as their source."""
    if argument.kind == "flag":
        return bool(given)
    if argument.kind == "texts":
        return [unquote(word.strip()) for word in given or ()]
    text = " ".join(word.strip() for word in given) if isinstance(given, list) else given
    if text is None or text == "":
        return None if argument.kind in ("expression", "json", "whole", "duration") else ""
    if argument.kind == "expression":
        return text
    return _converted(argument, unquote(text))


def _converted(argument: Argument, text: str) -> Any:
    if argument.kind == "whole":
        return whole(text)
    return duration(text) if argument.kind == "duration" else text
