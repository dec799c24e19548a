"""Bounded waits that name the awaited condition."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Return as soon as *true* is; fail after *seconds*."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)
