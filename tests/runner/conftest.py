from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.harness import RunnerProcess


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[RunnerProcess]:
    """Yield a runner with named pipes below the test's directory."""
    with RunnerProcess(tmp_path) as process:
        yield process
    assert_nothing_left(process, tmp_path)


def assert_nothing_left(process: RunnerProcess, directory: Path, limit: float = 5.0) -> None:
    """Fail unless no process of the runner's session, no named pipe and no segment is left."""
    deadline = time.monotonic() + limit
    while left := leftovers(process, directory):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.02)


def leftovers(process: RunnerProcess, directory: Path) -> list[str]:
    """Return the processes and files left."""
    return [
        *(f"process {pid}: {name}" for pid, name in session(process.process.pid)),
        *(str(path) for path in directory.glob("floe-*")),
        *(name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{process.process.pid}-")),
    ]


def session(leader: int) -> list[tuple[int, str]]:
    """Return the living processes of a session: (process number, name)."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                name, _, rest = Path(f"/proc/{entry}/stat").read_text().rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append((int(entry), name.partition("(")[2]))
    return found
