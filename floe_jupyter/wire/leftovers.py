"""What killed processes leave behind: every name begins with its maker's process number, so that others can tell and remove it.

Imports nothing heavy: dispatcher and runner need it before all else.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat

_PIPES = re.compile(r"floe-(\d+)-[0-9a-f]{8}\Z")


def is_gone(process: str) -> bool:
    """Whether the process of this number has ended, even if whoever started it has not taken note of that: a dispatcher's orphan
    may stay a zombie for long.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return True
    except OSError:
        return False  # there, but not for us to look at


def remove(path: str) -> None:
    """Remove a directory that is ours."""
    import shutil  # needs much of the library, and the start does not

    with contextlib.suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            shutil.rmtree(path, ignore_errors=True)


def sweep(directory: str, name: re.Pattern[str], process: int = 0) -> None:
    """Remove those of our directories in *directory* whose *name* gives the number of this process, or of one that is gone."""
    with contextlib.suppress(OSError):
        for entry in os.listdir(directory):
            match = name.match(entry)
            if match and (int(match[1]) == process if process else is_gone(match[1])):
                remove(os.path.join(directory, entry))


def pipes_root() -> str:
    """Where runners make the directories of their named pipes."""
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        directory = os.environ.get(name, "")
        if directory and os.access(directory, os.W_OK):
            return directory
    return "/tmp"  # noqa: S108 - what is made there is a private directory, which nobody else may enter


def sweep_pipes(process: int = 0) -> None:
    """Remove the named pipes of this process, or of all that are gone: of runners that were killed while a runtime started."""
    sweep(pipes_root(), _PIPES, process)
