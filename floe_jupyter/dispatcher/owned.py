"""The data directory: one dispatcher at a time, and what a Jupyter server that is gone has left is gone on with.

The directory bears the number of the process that started the kernel. A Jupyter server that is started again is another
process; without this its runs would be nowhere to be found, and every server would leave a directory behind. Any other program
that runs a notebook begins with nothing: what it prints must not depend on what was run before.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.connection import runtime_directory
from floe_jupyter.wire.leftovers import is_gone


def own(data: str) -> None:
    """Take the directory *data*, made or, for a Jupyter server, adopted, until this process ends. Raises `EnvironmentFailed`."""
    try:
        if not is_server(os.path.basename(data)):
            set_aside(data)
        elif adopt(data):
            return
        os.makedirs(data, mode=0o700, exist_ok=True)
        os.chmod(data, 0o700)
        taken = _lock(data) is not None
    except OSError as error:
        raise EnvironmentFailed(f"the data directory {data} cannot be written: {error.strerror}; make it writable, or set "
                                "XDG_DATA_HOME to a directory that is") from error
    if not taken:
        raise EnvironmentFailed(f"another dispatcher uses {data}; end it, or wait until it has ended") from None


def is_server(owner: str) -> bool:
    """Whether the process of this number is a Jupyter server: each writes a file of this name while it runs."""
    return os.path.exists(os.path.join(runtime_directory(), f"jpserver-{owner}.json"))


def adopt(data: str) -> bool:
    """Where this server has no directory yet, take over the one with most in it of those whose owners are gone.

    Of equal ones, the one that was used last. Programs that run a notebook leave directories, too: what is in them is mostly
    little, and must not hide the runs of many days.
    """
    parent, name = os.path.split(data)
    if not name.isdecimal() or os.path.exists(data):
        return False
    for *_, left in sorted(_left(parent), reverse=True):
        with suppress(OSError):  # another dispatcher was faster
            if _lock(left) is not None:
                os.rename(left, data)
                return True
    return False


def set_aside(data: str) -> None:
    """Numbers of processes come again: what is left by a former process of this number waits for a Jupyter server, under another
    number.
    """
    name = os.path.basename(data)
    with suppress(FileNotFoundError):
        if name.isdecimal() and os.stat(data).st_mtime < _began(name) and (lock := _lock(data)) is not None:
            os.rename(data, f"{data}{time.time_ns()}")
            os.close(lock)


def _began(process: str) -> float:
    """When the process began, in seconds of the epoch (proc(5)): up to one second early, as the time of the boot is."""
    with open(f"/proc/{process}/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/stat") as file:
        [boot] = (int(line.split()[1]) for line in file if line.startswith("btime "))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def _left(parent: str) -> Iterator[tuple[int, float, str]]:
    """The directories of owners that are gone: the bytes of their stores, and when they were last used."""
    with suppress(FileNotFoundError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False) and is_gone(entry.name):
                yield _size(os.path.join(entry.path, "store.sqlite")), entry.stat().st_mtime, entry.path


def _size(path: str) -> int:
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def _lock(data: str) -> int | None:
    """The lock of a directory, held as long as this process lives; None while another dispatcher has it."""
    file = os.open(os.path.join(data, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
