"""What ``floe run`` feeds: the JSON lines of a file, or those of a standard input that is a pipe or a file."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from floe_jupyter.errors import DefinitionError, EnvironmentFailed
from floe_jupyter.kernel.debugging import NOT_GIVEN
from floe_jupyter.kernel.verbs.running import json_value

PATIENCE = 20.0
"""Seconds in which a pipe that nobody named has to give something: many a program leaves one open that it never writes to."""


def piped() -> Any:
    """The values of standard input where somebody has put something there; NOT_GIVEN where there is not one line."""
    if not _is_fed(sys.stdin):
        return NOT_GIVEN
    wait_for_something(sys.stdin, PATIENCE)
    values = _values(sys.stdin, "standard input")
    first = list(islice(values, 1))
    return chain(first, values) if first else NOT_GIVEN


def read(source: str) -> Iterator[Any]:
    """The values of a file of JSON lines, while it is being written too. Raises DefinitionError with the line."""
    if source == "-":
        return _values(sys.stdin, "standard input")
    try:
        return _values(open(source, encoding="utf-8"), source)
    except OSError as error:
        raise EnvironmentFailed(f"{source} cannot be read: {error.strerror}") from None


def _values(stream: Any, name: str) -> Iterator[Any]:
    with stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield json_value(line, f"{name}, line {number},")


def _is_fed(stream: Any) -> bool:
    """A pipe or a file; no terminal, no /dev/null, no socket, and not closed: there nobody has put anything for us."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def wait_for_something(stream: Any, patience: float) -> None:
    """Until there is something to read, or the end. Raises DefinitionError: guessing that nothing was meant would feed the flow
    something else than a slow program has to say, and waiting for ever would stop a machine where nobody looks.
    """
    if not select.select([stream], [], [], patience)[0]:
        raise DefinitionError(
            f"standard input is a pipe that gave nothing in {patience:g} s and is still open; where a program needs longer write "
            "`--input -`, which waits for it; where no input is meant write `< /dev/null`"
        )
