"""Start of a process that dies with the runner, and names of exit codes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from floe_jupyter.wire.descriptors import none_left

KILLED_HINT = "FLOE_KILLED_HINT"
"""Variable with the usual reason for a kill, where the starter of the runner knows better."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def wake_with_parent() -> None:
    """Have the kernel continue this process, if stopped, when its parent ends: the process then notices the end, and ends too."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def spawn(
    command: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int, cwd: str | None = None
) -> subprocess.Popen[bytes]:
    """Start *command* in a separate process group; the kernel kills the process when this process (the main thread) ends.

    Raises OSError when the process cannot be started.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    # The runner's only other threads are ZeroMQ's, which hold no lock that the child takes before exec.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=dict(environment),
        cwd=cwd,
        preexec_fn=die_with_parent,  # noqa: PLW1509
        process_group=0,
    )


def no_descriptor(program: str) -> str:
    """Return the reason why *program* cannot be started, and the cure."""
    return none_left("the runner", program, f"stop flows that are up, end the runner (`%floe runners --end {os.getpid()}`)")


def kill_group(pid: int, number: int) -> None:
    """Signal a process and its process group; no effect on ended processes."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def ending(code: int) -> str:
    """Return ``exit code 3`` or ``killed by SIGSEGV``, with the usual reason if known."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    known = os.environ.get(KILLED_HINT, "often: out of memory, or killed by hand")
    hint = f" ({known})" if -code == signal.SIGKILL else ""
    return f"killed by {name}{hint}"


def resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes; 0 when the process is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
