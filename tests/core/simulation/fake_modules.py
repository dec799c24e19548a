"""Fake modules: a Python function of (value, context) that gives a list of (port, value), or a generator of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Given = tuple[str, Any]
"""One output: (port, value)."""


class Raised(Exception):
    """What a fake module raises to fail."""


class Crash(BaseException):
    """What a fake module raises to take its process with it."""


@dataclass
class Context:
    """What a module sees beside its message."""

    state: dict[str, Any]
    node: str
    worker: int
    run: int
    version: int
    key: str = ""
    """What the idempotency key ends in: the port, and what tells the message from others there."""


@dataclass(frozen=True)
class Fake:
    """A module for tests; `Module.source` is its name in the library."""

    call: Callable[[Any, Context], Iterable[Given]]
    migrate: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    loads: bool = True
    fusable: bool = True
    takes: float = 0.0
    """Virtual seconds that one message takes."""


def plain(function: Callable[[Any], Any], **options: Any) -> Fake:
    """A module of one output on ``out``."""
    return Fake(lambda value, context: [("out", function(value))], **options)
