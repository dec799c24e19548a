"""Waits for conditions, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(seen: Callable[[], T], what: str, timeout: float = 20.0) -> T:
    """Return the first true value of *seen*; fail with *what* was waited for."""
    ends = time.monotonic() + timeout
    while True:
        value = seen()
        if value:
            return value
        if time.monotonic() > ends:
            raise AssertionError(f"waited {timeout:g} s for {what}; at last it was {value!r}")
        time.sleep(0.05)
