"""The data directory: used by a single dispatcher at a time, and taken over from Jupyter servers that are gone.

The directory bears the number of the process that started the kernel. A restarted Jupyter server is another process; without
adoption, former runs could not be found, and every server would leave a directory behind. Any other program that runs a notebook
begins with an empty directory: the program's output must not depend on earlier runs.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.client.connection import runtime_directory
from floe_jupyter.wire.leftovers import is_gone

ENDS_WITHIN = 5.0
"""Seconds to wait for a dispatcher that is about to end, and serves nobody any more, to give its directory up."""


def claim(data: str) -> None:
    """Take the directory *data*, made or, for a Jupyter server, adopted, until the process ends. Raises `EnvironmentFailed`."""
    try:
        if not is_server(os.path.basename(data)):
            set_aside(data)
        elif adopt(data):
            return
        os.makedirs(data, mode=0o700, exist_ok=True)
        os.chmod(data, 0o700)
        deadline = time.monotonic() + ENDS_WITHIN
        while not (taken := _lock(data) is not None) and time.monotonic() < deadline:
            time.sleep(0.01)  # no call waits for a lock with a limit
    except OSError as error:
        raise EnvironmentFailed(
            f"the data directory {data} cannot be written: {error.strerror}; make it writable, or set "
            "XDG_DATA_HOME to a directory that is"
        ) from error
    if not taken:
        raise EnvironmentFailed(f"another dispatcher uses {data}; end it, or wait until it has ended") from None


def is_server(owner: str) -> bool:
    """Return whether process *owner* is a Jupyter server: each server writes a file with its process number while running."""
    return os.path.exists(os.path.join(runtime_directory(), f"jpserver-{owner}.json"))


def adopt(data: str) -> bool:
    """Take over the fullest directory without living owner, if the server has no directory yet; return whether one was taken.

    Among equally full directories, the most recently used is taken. Programs that run a notebook leave directories, too, mostly
    nearly empty; the runs of many days must not be hidden by one of these.
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
    """Set aside the directory of a former process with the same, reused number: rename the directory for a Jupyter server to
    adopt.
    """
    name = os.path.basename(data)
    with suppress(FileNotFoundError):
        if name.isdecimal() and os.stat(data).st_mtime < _began(name) and (lock := _lock(data)) is not None:
            os.rename(data, f"{data}{time.time_ns()}")
            os.close(lock)


def _began(process: str) -> float:
    """Return the start time of a process, in seconds of the epoch (proc(5)): up to one second early, as the boot time is."""
    with open(f"/proc/{process}/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/stat") as file:
        [boot] = (int(line.split()[1]) for line in file if line.startswith("btime "))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def _left(parent: str) -> Iterator[tuple[int, float, str]]:
    """Yield the directories of owners that are gone, each as (bytes of the store, time of last use, path)."""
    with suppress(FileNotFoundError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False) and is_gone(entry.name):
                yield _size(os.path.join(entry.path, "store.sqlite")), entry.stat().st_mtime, entry.path


def _size(path: str) -> int:
    with suppress(OSError):
        return os.stat(path).st_size
    return 0


def _lock(data: str) -> int | None:
    """Return the descriptor of a directory's lock, held until the process ends; None while another dispatcher holds the lock."""
    file = os.open(os.path.join(data, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
