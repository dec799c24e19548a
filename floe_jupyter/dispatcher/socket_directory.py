"""The directory of one dispatcher's sockets: short, private, and with the process number in the name: a later dispatcher can
remove the directory of a killed dispatcher. Imports no heavy module: the directory is made first of all.
"""

from __future__ import annotations

import os
import re

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire import leftovers

PREFIX = "floe-d"
_NAME = re.compile(r"floe-d([0-9]+)-(?:(k)[0-9a-f]{7}|[0-9a-f]{8})(?:\.new)?\Z")
LONGEST = 50
"""Maximum length of the parent directory's path: a socket's path has at most 107 characters, about half of them for the rest."""


def root() -> str:
    """Return the directory for temporary files: ``TMPDIR`` if its path is short enough, else ``/tmp``."""
    given = os.environ.get("TMPDIR", "")
    return given.rstrip("/") if given and len(given) <= LONGEST and os.path.isdir(given) else "/tmp"  # noqa: S108 - our directory in it is private


def make() -> str:
    """Make a directory that is private and locked until the process ends; return its path. Raises `EnvironmentFailed`."""
    try:
        path, _ = leftovers.make_directory(root(), PREFIX)
    except OSError as error:
        raise EnvironmentFailed(
            f"{root()} cannot be written: {error.strerror}; set TMPDIR to a directory that can, with a short path"
        ) from error
    return path


def sweep() -> None:
    """Remove the user's directories of dispatchers that have ended."""
    leftovers.sweep(root(), _NAME)
