"""Starting a process that dies with us, and naming how it ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def spawn(command: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int, cwd: str | None = None
          ) -> subprocess.Popen[bytes]:
    """Start *command* in a process group of its own; the kernel kills it when this process (its main thread) ends.

    Raises OSError when it cannot be started.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    # The runner's only other threads are ZeroMQ's, which hold no lock that the child takes before exec.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=dict(environment),
                            cwd=cwd, preexec_fn=die_with_parent, process_group=0)  # noqa: PLW1509


def kill_group(pid: int, number: int) -> None:
    """Signal a process and all that it started; nothing happens when they are gone."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def ending(code: int) -> str:
    """``exit code 3`` or ``killed by SIGSEGV``, with what that often means."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (often: out of memory, or killed by hand)" if -code == signal.SIGKILL else ""
    return f"killed by {name}{hint}"


def resident(pid: int) -> int:
    """Resident memory of a process, in bytes; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
