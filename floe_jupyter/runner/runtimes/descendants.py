"""Descendants of runtimes, also in other sessions: found in ``/proc``, and ended with the runtime.

The runner adopts every orphan below it (`adopt_orphans`). A child not started by the runner was therefore started by a runtime:
by the runtime in the inherited variable `MARK`, or by the runtime of the child's process group. A child with neither belongs to
all runtimes running when the child began, and is ended with the last of these runtimes.
"""

from __future__ import annotations

import os

from floe_jupyter.wire import processes
from floe_jupyter.wire.processes import ProcessStat

MARK = "FLOE_RUNTIME"
"""Variable with the name of the runtime, inherited by all descendants."""
_ours: dict[int, tuple[str, int]] = {}
"""Children started and not yet reaped by the runner: pid -> (name of the runtime or empty, start time)."""
_adopts = False


def adopt_orphans() -> None:
    """Make processes that lose their parent below this process children of this process from now on."""
    global _adopts
    _adopts = processes.set_subreaper()


def marks(name: str) -> dict[str, str]:
    """Return the variables by which descendants of a runtime are found."""
    return {MARK: name, processes.RUNNER_MARK: processes.identity(os.getpid())}


def started(pid: int, name: str = "") -> None:
    """Register a child of the runner, by the name of the runtime."""
    found = processes.read(pid)
    _ours[pid] = name, found.began if found else 0


def ended(pid: int) -> None:
    """Forget a reaped child of the runner."""
    _ours.pop(pid, None)
    reap()


def reap() -> None:
    """Reap ended adopted processes, to clear them from the process table."""
    if _adopts:
        processes.reap(_ours)


def family(pid: int, name: str) -> set[ProcessStat]:
    """Return all living descendants of the runtime *name*, as far as known, without the runtime itself."""
    found = processes.read_all()
    roots = {pid} & _ours.keys()
    if _adopts:
        adopted = [each for each in found if each.parent == os.getpid() and each.pid not in _ours]
        roots |= {each.pid for each in adopted if _is_of(each, pid, name)}
    return {each for each in processes.below(found, roots) if each.pid != pid and not each.ended}


def strangers() -> set[ProcessStat]:
    """Return all living descendants of lost runtimes."""
    return family(0, "") if _adopts else set()


def _is_of(orphan: ProcessStat, pid: int, name: str) -> bool:
    """Return True if an adopted process is to end with this runtime, or should have ended before."""
    owner = processes.variable(orphan.pid, MARK)
    if owner:
        return owner == name or all(owner != other for other, _ in _ours.values())
    if orphan.group == pid:
        return True
    others = [began for other, (_, began) in _ours.items() if other != pid]
    return not any(orphan.group == other for other in _ours) and not any(began <= orphan.began for began in others)
