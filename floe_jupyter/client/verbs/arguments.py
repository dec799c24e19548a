"""Arguments of verbs, declared once: the parsers of the magic and of the command line are both made from the declarations."""

from __future__ import annotations

import argparse
import re
from typing import Any, Literal, NoReturn

import msgspec

from floe_jupyter.client.durations import duration
from floe_jupyter.client.verbs.line import split, unquote
from floe_jupyter.errors import DefinitionError, unknown

Kind = Literal["text", "expression", "condition", "flag", "whole", "duration", "texts", "json"]
"""``expression``: Python in the notebook, JSON on the command line. ``condition``: the safe language, taken verbatim."""
Names = Literal["", "flow", "node", "module", "run", "language", "target", "topic", "file", "workspace", "definition", "message"]
"""Names that complete an argument. A ``target`` is ``FLOW[.node[.port]]``, a ``node`` may carry ``.port``."""


class VerbArgument(msgspec.Struct, frozen=True):
    """An argument or option of a verb."""

    name: str
    """Name: ``flow``, or of an option: ``--input``."""
    doc: str
    kind: Kind = "text"
    required: bool = False
    names: Names = ""
    short: str = ""
    many: bool = False
    """True to take all words up to the next option, as an expression does by joining words."""

    @property
    def key(self) -> str:
        """Key of the parsed value: ``host_tags`` of ``--host-tags``."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def option(self) -> bool:
        """True for an option."""
        return self.name.startswith("-")

    @property
    def usage(self) -> str:
        """Form in the usage line: ``FLOW``, ``[FLOW]``, ``[--input EXPR]``, ``[--debug]``."""
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


def whole(text: str) -> int:
    """Return the value of a whole number that is not negative."""
    if not text.isdigit():
        raise DefinitionError(f"{text!r} is no whole number; write 1, 2, 3 ...")
    return int(text)


class Parser(argparse.ArgumentParser):
    """Argument parser that raises DefinitionError instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        """Raise DefinitionError with the usage."""
        raise DefinitionError(f"{message}; usage: {self.usage}")


def parser(verb: str, arguments: tuple[VerbArgument, ...], prefix: str) -> Parser:
    """Return the parser of a magic."""
    usage = " ".join([prefix + verb, *(argument.usage for argument in arguments)])
    made = Parser(prog=prefix + verb, usage=usage, add_help=False, allow_abbrev=False)
    for argument in arguments:
        made.add_argument(*_names(argument), **_settings(argument))
    return made


def _names(argument: VerbArgument) -> tuple[str, ...]:
    return (argument.short, argument.name) if argument.short else (argument.name,)


def _settings(argument: VerbArgument) -> dict[str, Any]:
    # One branch a kind of argument, as argparse wants it.
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


def parse(verb: str, arguments: tuple[VerbArgument, ...], line: str, prefix: str = "%floe ") -> dict[str, Any]:
    """Return the arguments of a magic's line. Raises DefinitionError with the nearest valid option."""
    known, rest = parser(verb, arguments, prefix).parse_known_args(_reordered(arguments, split(line)))
    if rest:
        _refuse(verb, arguments, rest[0], prefix)
    return {argument.key: _value(argument, getattr(known, argument.key)) for argument in arguments}


def _reordered(arguments: tuple[VerbArgument, ...], words: list[str]) -> list[str]:
    """Protect words that begin with a minus but are no options (``-x + 1``) from the parser of options."""
    options = {name for argument in arguments if argument.option for name in _names(argument)}
    return [
        word if not word.startswith("-") or word.split("=")[0] in options or re.match(r"--?[A-Za-z]", word) else " " + word
        for word in words
    ]


def _refuse(verb: str, arguments: tuple[VerbArgument, ...], word: str, prefix: str) -> NoReturn:
    options = [argument.name for argument in arguments if argument.option]
    if word.startswith("-"):
        raise unknown(f"option of {prefix}{verb}", word.split("=", maxsplit=1)[0], options)
    usage = " ".join([prefix + verb, *(argument.usage for argument in arguments)])
    raise DefinitionError(f"{word!r} is one word too many; put an expression with blanks into brackets; usage: {usage}")


def _value(argument: VerbArgument, given: Any) -> Any:
    """Return the value for the verb: text without quotes, numbers as numbers, expressions as their source."""
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


def _converted(argument: VerbArgument, text: str) -> Any:
    if argument.kind == "whole":
        return whole(text)
    return duration(text) if argument.kind == "duration" else text
