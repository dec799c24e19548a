"""Text and numbers of the still picture: escaped, cut and measured."""

from __future__ import annotations

import re
import unicodedata
from html import escape

LONGEST = 40
"""Maximum number of letters of a line; longer lines are cut, the whole text is a tooltip."""
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Characters which XML cannot hold, and characters which turn the direction of the text behind."""


def counted(number: int, what: str) -> str:
    """Return ``1 node``, ``2,000 nodes``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def cut(text: str, most: int = LONGEST) -> str:
    """Return a text cut to at most *most* letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def safe(text: str) -> str:
    """Return text which XML may hold."""
    return escape(_UNSAFE.sub("\ufffd", text))


def length(text: str, size: float) -> float:
    """Return an upper estimate of the width of a text, in pixels; wide letters (East Asian, emoji) count double."""
    return sum(_letter(char) for char in text) * size


def _letter(char: str) -> float:
    if char in " .,:;'|!ijlIft()[]-":
        return 0.38
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    return 0.86 if char in "mwMW%@" else 0.74 if char.isupper() else 0.6


def number(value: float) -> str:
    """Return a number in the shortest form, with at most one digit behind the point."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def tag(name: str, content: str = "", **attributes: str | float) -> str:
    """Return an element; `kind` is its class. Values are escaped or rounded here, *content* is markup already."""
    named = (("class" if key == "kind" else key.replace("_", "-"), value) for key, value in attributes.items())
    written = "".join(f' {key}="{safe(value) if isinstance(value, str) else number(value)}"' for key, value in named)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"
