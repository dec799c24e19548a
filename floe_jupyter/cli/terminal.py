"""Text for terminals: text written by others (messages, names, errors, logs) must not command the terminal."""

from __future__ import annotations

import re
import sys
from typing import TextIO

import click

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters of ASCII and of Latin-1, marks that change the direction of writing, and Unicode line separators; line
feeds and tabs stay.
"""


def escaped(text: str) -> str:
    r"""Return the text with every character that could command a terminal as an escape, as JSON and Python spell escapes.

    >>> print(escaped("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def harmless(text: str, stream: TextIO) -> str:
    """Return the text as safe to write to *stream*: unchanged for files and pipes, escaped on a terminal."""
    return escaped(text) if stream.isatty() else text


def say(text: str, *, error: bool = False) -> None:
    """Write a message for people."""
    click.echo(escaped(text) if error else harmless(text, sys.stdout), err=error)
