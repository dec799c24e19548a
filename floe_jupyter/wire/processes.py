"""Processes as shown by ``/proc``: finding, adopting and ending.

Imports stay light: dispatcher and runner need the module early.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

RUNNER_MARK = "FLOE_RUNNER"
"""Variable that identifies the runner to all processes started below: `identity` of the runner's process."""
_PR_SET_CHILD_SUBREAPER = 36


class ProcessStat(NamedTuple):
    """State of a process. The pair of `pid` and `began` is never used twice."""

    pid: int
    began: int
    parent: int
    group: int
    ended: bool


def set_subreaper() -> bool:
    """Become the parent of every orphaned process below this process; return False if unsupported by the system."""
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def read(pid: int) -> ProcessStat | None:
    """Return one process; None if no process has this number."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return ProcessStat(pid, int(fields[19]), int(fields[1]), int(fields[2]), fields[0] in (b"Z", b"X"))


def read_all() -> list[ProcessStat]:
    """Return all visible processes."""
    return [found for entry in os.listdir("/proc") if entry.isdigit() and (found := read(int(entry))) is not None]


def below(processes: list[ProcessStat], roots: Iterable[int]) -> set[ProcessStat]:
    """Return the processes *roots* and all their descendants."""
    children: dict[int, list[ProcessStat]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    waiting = list(roots)
    found = {process for process in processes if process.pid in waiting}
    while waiting:
        new = [each for each in children.get(waiting.pop(), ()) if each not in found]
        found.update(new)
        waiting.extend(each.pid for each in new)
    return found


def living(processes: Iterable[ProcessStat]) -> set[ProcessStat]:
    """Return the processes that have not ended. A zombie counts as ended."""
    found = {(process, read(process.pid)) for process in processes}
    return {process for process, now in found if now is not None and now.began == process.began and not now.ended}


def kill(processes: Iterable[ProcessStat]) -> None:
    """Kill processes at once. A number since reused by another process is left alone."""
    for process in processes:
        found = read(process.pid)
        if found is not None and found.began == process.began:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)


def reap(ours: Collection[int]) -> None:
    """Reap ended children other than *ours*, which are left for their starters to wait for."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid not in ours:
            os.waitpid(found.si_pid, os.WNOHANG)


def end_adopted(ours: Collection[int], within: float) -> None:
    """End the adopted children of this process, and all processes below; wait at most *within* seconds for their end."""
    deadline = time.monotonic() + within
    while True:
        processes = read_all()
        adopted = {each.pid for each in processes if each.parent == os.getpid() and each.pid not in ours}
        left = {each for each in below(processes, adopted) if not each.ended}
        kill(left)
        reap(ours)
        if not left or time.monotonic() > deadline:
            return
        time.sleep(0.002)


def variable(pid: int, name: str) -> str:
    """Return the value of a variable at the start of the process; empty if unset, or not visible to this user."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return ""
    start = f"{name}=".encode()
    return next((each[len(start) :].decode("utf-8", "replace") for each in variables if each.startswith(start)), "")


def identity(pid: int) -> str:
    """Return a permanently unique name of a process on the machine: number, start, and the namespace of the number."""
    found = read(pid)
    return f"{pid}.{found.began if found else 0}.{_namespace()}"


def _namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return "0"


def sweep(is_ours: Callable[[int], bool] = lambda pid: os.stat(f"/proc/{pid}").st_uid == os.getuid()) -> None:
    """End processes started below runners that are gone, after dispatcher and runner were killed at once."""
    for process in read_all():
        with contextlib.suppress(OSError):
            mark = variable(process.pid, RUNNER_MARK) if is_ours(process.pid) else ""
            if mark and has_ended(mark):
                kill([process])


def has_ended(mark: str) -> bool:
    """Return whether the process of this `identity` has ended; False for another namespace, whose processes are unknown."""
    pid, _, rest = mark.partition(".")
    began, _, namespace = rest.partition(".")
    if not (pid.isdecimal() and began.isdecimal() and namespace == _namespace()):
        return False
    found = read(int(pid))
    return found is None or str(found.began) != began or found.ended
