"""The directory of one dispatcher's sockets: short, private, with its process number in the name so that whoever comes
later can sweep what a killed one left. Imports nothing heavy: it is made before all else.
"""

from __future__ import annotations

import os
import re

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire import leftovers

PREFIX = "floe-d"
_NAME = re.compile(r"floe-d(\d+)-[0-9a-f]{8}\Z")
LONGEST = 50
"""A socket's path has at most 107 characters, of which we need about half."""


def root() -> str:
    """The directory for temporary files, if its path is short enough."""
    given = os.environ.get("TMPDIR", "")
    return given.rstrip("/") if given and len(given) <= LONGEST and os.path.isdir(given) else "/tmp"  # noqa: S108 - ours in it is private


def make() -> str:
    """A new directory that only this user may enter."""
    path = os.path.join(root(), f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
    try:
        os.mkdir(path, 0o700)
    except OSError as error:
        raise EnvironmentFailed(f"{root()} cannot be written: {error.strerror}; set TMPDIR to a directory that can, with a short "
                                "path") from error
    return path


def sweep() -> None:
    """Remove the directories of dispatchers that are no more, and were ours."""
    leftovers.sweep(root(), _NAME)
