"""Durations as arguments: as in the notation, such as 30s and 2m, or numbers of seconds."""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

from floe_jupyter.core.notation.values import seconds_of
from floe_jupyter.errors import DefinitionError

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def duration(text: str) -> float:
    """Return the seconds of a duration as in the notation, or of a plain number of seconds. Raises DefinitionError."""
    return seconds_of(f"{text}s" if _NUMBER.fullmatch(text) else text)


def seconds(option: str, given: Any) -> float:
    """Return the seconds of a Python argument: a number, or text as in a magic; None and infinity mean no limit, 0."""
    if isinstance(given, str):
        try:
            return duration(given)
        except DefinitionError as error:
            raise DefinitionError(f"{option}={given!r}: {error}") from None
    if given is None or given == math.inf:
        return 0.0
    if isinstance(given, numbers.Real) and float(given) >= 0:
        return float(given)
    raise DefinitionError(f"{option}={given!r} is no duration; give a number of seconds, such as 30, or text, such as '2m'")
