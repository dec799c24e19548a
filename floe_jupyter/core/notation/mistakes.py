"""Explanations of parse errors: the text found, the text expected, and the probable intention."""

from __future__ import annotations

import re
from typing import Any

from floe_jupyter.errors import NotationError

_ARROWS = {"=>", "==>", "-->", "--", "-", ">", ">>", "->>", "|", "|>", "~>", "→", "⇒", "⟶", "—>", "–>", "->->"}  # noqa: RUF001 - they look alike, hence the hint
_GOT = re.compile(r"""[^\s\w"'#(),]+|[\w.]+|\S""")
_BEFORE = re.compile(r"([^\W\d](?:\w|-(?!>))*|->|\S)\s*\Z")
_GLUED = re.compile(r"[=<>|~:-]+\Z")
_SPOKEN = {
    "_ARROW": "`->`",
    "LPAR": "`(`",
    "COMMA": "`,`",
    "RPAR": "`)`",
    "QUANTITY": "a value",
    "STRING": "a value",
    "WORD": "a name",
    "DOT": "`.`",
    "EQUAL": "`=`",
    "_NL": "a line end",
    "$END": "a line end",
}
_MEANT = {
    ";": "write each statement on a line of its own",
    ":=": "did you mean `=`?",
    "==": "did you mean `=`?",
    "<-": "arrows point to the right: write `b <- a` as `a -> b`",
    "<=": "arrows point to the right: write `b <= a` as `a -> b`",
    ":": "write a port as `node.port`, and `=` for an option",
    "//": "a comment begins with #",
    "[": "write `a, b` without brackets",
    "{": "write options in ( )",
    "&": "write `a, b` for several nodes",
    "+": "write `a, b` for several nodes",
    '"': 'close the text with "',
    "'": "close the text with '",
}


def place_of(where: Any) -> tuple[int, int]:
    """Return line and column, from 1, of a token or of the first token of a tree."""
    while hasattr(where, "data"):
        where = where.children[0]
    return where.line, where.column


def mistake(error: Any, source: str) -> NotationError:
    """Return the error to show for an `UnexpectedInput` of lark's parser."""
    lines = source.split("\n")
    line, column = _spot(error, lines)
    text = lines[line - 1]
    glued = _GLUED.search(text, max(0, column - 8), column - 1)
    expected = _wanted(error)
    if glued and _GOT.match(text, column - 1) and not re.match(r"""[\w\s"'(),]""", text[column - 1 : column]):
        column, expected = glued.start() + 1, "`->` or a line end"
    got = _got(text, column)
    expected = "`=`" if got in {":=", "=="} else expected
    meant = "did you mean `->`?" if got in _ARROWS else _MEANT.get(got) or _MEANT.get(got[:1], "")
    message = f"expected {expected} {_after(text, column)}, got {f'`{got[:40]}`' if got else 'a line end'}"
    return NotationError(f"{message}; {meant}" if meant else message, line=line, column=column, source=source)


def _spot(error: Any, lines: list[str]) -> tuple[int, int]:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return len(lines), len(lines[-1].partition("#")[0].rstrip()) + 1
    return error.line, error.column


def _got(text: str, column: int) -> str:
    match = _GOT.match(text, column - 1)
    return match[0] if match else ""


def _after(text: str, column: int) -> str:
    match = _BEFORE.search(text, 0, column - 1)
    return f"after `{match[1][:40]}`" if match else "at the beginning of the line"


def _wanted(error: Any) -> str:
    names = set(getattr(error, "allowed", None) or error.expected)
    if "_ARROW" in names:
        return "`->` or a line end"
    spoken = list(dict.fromkeys(word for name, word in _SPOKEN.items() if name in names))
    if len(spoken) > 1 and "a line end" in spoken and names & {"WORD", "RPAR"}:
        spoken.remove("a line end")
    return " or ".join(spoken) if len(spoken) < 3 else f"{', '.join(spoken[:-1])} or {spoken[-1]}"
