"""Processes as tests look at them: each may end while it is looked at, and a zombie counts as gone."""

from __future__ import annotations

import time

import psutil


def alive(process: psutil.Process) -> bool:
    """Whether *process* is at work; a zombie is not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def gone(pid: int) -> bool:
    """Whether the process *pid* has ended, be it that nobody has taken note of it."""
    try:
        return not alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def family(pid: int) -> list[psutil.Process]:
    """The process *pid* and all of its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def zombies(parent: int) -> list[int]:
    """Children of *parent* that have ended and that it has not taken note of."""
    return [child.pid for child in psutil.Process(parent).children() if not alive(child)]


def spins(pid: int) -> bool:
    """Return whether the process computes without an end: a call that was not begun is given back, and ends no process."""
    process = psutil.Process(pid)
    before = process.cpu_times().user
    deadline = time.monotonic() + 1.0
    while process.cpu_times().user < before + 0.05 and time.monotonic() < deadline:
        time.sleep(0.01)
    return process.cpu_times().user >= before + 0.05
