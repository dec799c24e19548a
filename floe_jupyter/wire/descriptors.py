"""File descriptors of this process: check for enough before a start, and explain a shortage."""

from __future__ import annotations

import errno
import os
import resource

FULL = (errno.EMFILE, errno.ENFILE)
"""Errors of a process, or a machine, without free descriptors."""


def require(count: int) -> None:
    """Raise OSError unless *count* more descriptors can be opened: before a start, to prevent a start that fails half-way."""
    opened: list[int] = []
    try:
        for _ in range(count):
            opened.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - those opened so far are closed
    finally:
        for descriptor in opened:
            os.close(descriptor)


def room(count: int) -> bool:
    """Return whether *count* more descriptors can be opened."""
    try:
        require(count)
    except OSError:
        return False
    return True


def none_left(who: str, what: str, cure: str) -> str:
    """Return the reason why *who* (this process) cannot have *what*, and the cure."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        f"{who} (process {os.getpid()}) has no file descriptor left for {what} (its limit is {limit}): {cure}, or start "
        "Jupyter with a higher limit, `ulimit -n 4096`"
    )
