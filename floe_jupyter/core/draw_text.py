"""Text and numbers of the still picture: escaped, cut and measured."""

from __future__ import annotations

import re
import unicodedata
from html import escape

LONGEST = 40
"""Letters of a line; longer ones are cut, the whole text is a tooltip."""
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold, and what turns the direction of all text behind it."""


def counted(number: int, what: str) -> str:
    """``1 node``, ``2,000 nodes``"""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def cut(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def safe(text: str) -> str:
    """Text as XML may hold it."""
    return escape(_UNSAFE.sub("\ufffd", text))


def length(text: str, size: float) -> float:
    """An upper estimate of the width of a text, in pixels; wide letters (East Asian, emoji) count double."""
    return sum(_letter(char) for char in text) * size


def _letter(char: str) -> float:
    if char in " .,:;'|!ijlIft()[]-":
        return 0.38
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    return 0.86 if char in "mwMW%@" else 0.74 if char.isupper() else 0.6


def number(value: float) -> str:
    """A number as short as it can be, with one digit at most behind the point."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def tag(name: str, content: str = "", **attributes: str | float) -> str:
    """An element; `kind` is its class. Values are escaped or rounded here, *content* is markup already."""
    named = (("class" if key == "kind" else key.replace("_", "-"), value) for key, value in attributes.items())
    written = "".join(f' {key}="{safe(value) if isinstance(value, str) else number(value)}"' for key, value in named)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"
