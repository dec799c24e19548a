"""Answers combined from the answers of several machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from floe_jupyter.errors import FloeError, from_wire


def all_of(n: int, done: Callable[[Any, FloeError | None], None] | None) -> Callable[[Any, tuple[str, str] | None], None]:
    """Return a callback that calls *done* once: at the first error, or after *n* answers."""
    left = n

    def answered(value: Any, error: tuple[str, str] | None) -> None:
        nonlocal left
        left = 0 if error and left > 0 else left - 1
        if left == 0 and done is not None:
            done(value, from_wire(*error) if error else None)
            left = -1

    return answered
