"""Input of ``floe run``: the JSON lines of a file, or of a standard input that is a pipe or a file."""

from __future__ import annotations

import os
import select
import stat
import sys
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from floe_jupyter.client.stepping import NOT_GIVEN
from floe_jupyter.client.verbs.running import message_value
from floe_jupyter.errors import DefinitionError

PATIENCE = 20.0
"""Seconds in which a pipe not named by the user has to give input: many programs leave a pipe open without ever writing."""


def piped() -> Any:
    """Return the values of standard input if a program or file feeds it; NOT_GIVEN if not a single line arrives."""
    if not _is_fed(sys.stdin):
        return NOT_GIVEN
    wait_for_data(sys.stdin, PATIENCE)
    values = _values(sys.stdin.buffer, "standard input")
    first = list(islice(values, 1))
    return chain(first, values) if first else NOT_GIVEN


def read(source: str) -> Iterator[Any]:
    """Return the values of a file of JSON lines, also while the file is being written. Raises DefinitionError with the line."""
    if source == "-":
        if sys.stdin is None:
            raise DefinitionError("standard input is closed; name a file with --input FILE")
        return _values(sys.stdin.buffer, "standard input")
    try:
        return _values(open(source, "rb"), source)
    except OSError as error:
        raise DefinitionError(f"{source} cannot be read: {error.strerror}; give a file of JSON lines") from None


def _values(stream: Any, name: str) -> Iterator[Any]:
    """Yield the values of lines read as bytes, not as text: JSON lines are UTF-8 regardless of the locale."""
    with stream:
        try:
            for number, line in enumerate(stream, 1):
                text = _text(line, f"{name}, line {number},", first=number == 1)
                if text.strip():
                    yield message_value(text, f"{name}, line {number},")
        except OSError as error:
            raise DefinitionError(f"{name} cannot be read: {error.strerror}") from None


def _text(line: bytes, what: str, *, first: bool) -> str:
    if first and line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DefinitionError(f"{what} begins as UTF-16 does; save it as UTF-8")
    try:
        return line.removeprefix(BOM).decode() if first else line.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {line[error.start]:#04x} at place {error.start + 1}"
        raise DefinitionError(f"{what} is no UTF-8 text ({byte}); save it as UTF-8") from None


def _is_fed(stream: Any) -> bool:
    """Return True for a pipe or a file. A terminal, /dev/null, a socket or a closed stream counts as no input, because none was
    given there on purpose.
    """
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def wait_for_data(stream: Any, patience: float) -> None:
    """Wait for input or the end of input. Raises DefinitionError: assuming no input would feed the flow other values than a slow
    program writes, and waiting for ever would stop a machine where no person looks.
    """
    if not select.select([stream], [], [], patience)[0]:
        raise DefinitionError(
            f"standard input is a pipe that gave nothing in {patience:g} s and is still open; where a program needs longer write "
            "`--input -`, which waits for it; where no input is meant write `< /dev/null`"
        )
