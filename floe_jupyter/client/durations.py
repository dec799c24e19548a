"""Durations as users write them, such as 30s and 2m, or numbers of seconds."""

from __future__ import annotations

import contextlib
import math
import numbers
import re
from typing import Any

from floe_jupyter.errors import DefinitionError

PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")
"""A number and a unit of a duration."""


def duration(text: str) -> float:
    """Return the seconds of ``30s``, ``200ms``, ``1h30m`` (as in the notation), or of a plain number of seconds."""
    from floe_jupyter.core.notation.values import UNITS

    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = PART.findall(text)
    known = {**UNITS, "ms": 0.001}
    if not parts or PART.sub("", text).strip() or any(unit not in known for _, unit in parts):
        raise DefinitionError(f"{text!r} is no duration; write a number of seconds, or 200ms, 30s, 2m, 1h30m")
    return sum(float(number) * known[unit] for number, unit in parts)


def seconds(option: str, given: Any) -> float:
    """Return the seconds of a Python argument: a number, or text as in a magic; None and infinity mean no limit, 0."""
    if isinstance(given, str):
        with contextlib.suppress(DefinitionError):
            return duration(given)
    elif given is None or given == math.inf:
        return 0.0
    elif isinstance(given, numbers.Real) and float(given) >= 0:
        return float(given)
    raise DefinitionError(f"{option}={given!r} is no duration; give a number of seconds, such as 30, or text, such as '2m'")
