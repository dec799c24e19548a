"""A runner that has no descriptor left says so to the run that needs another process, and runs it once there are some."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runner.harness import RunnerProcess, flow_of, js, python
from tests.runner.test_environments import wheel

JS = js("m", "export default function m(v) { return v + 1; }\n")
CAUSE = r"has no file descriptor left for {} \(its limit is \d+\): stop flows that are up, .*ulimit -n 4096"


@pytest.fixture
def full(runner: RunnerProcess, need: Callable[[str, str], str]) -> Iterator[Callable[[int], None]]:
    """Leaves a runner so many descriptors that are free; it has run a Python module."""
    need("node", "install Node.js 20")
    runner.open(flow_of("p"), [python("p", "def p(v):\n    return v\n")], "before")
    assert runner.run("p", [1], instance="before") == [1]
    before = resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE)

    def limit(more: int) -> None:
        used = set(map(int, descriptors(runner)))
        free = [number for number in range(len(used) + more + 1) if number not in used]  # also those between others
        resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, (free[more], before[1]))

    yield limit
    resource.prlimit(runner.process.pid, resource.RLIMIT_NOFILE, before)


def descriptors(runner: RunnerProcess) -> list[str]:
    return sorted(os.listdir(f"/proc/{runner.process.pid}/fd"))


@pytest.mark.parametrize("more", [0, 1, 2, 4, 6, 8, 13])
def test_B11_a_run_that_needs_another_process_starts_or_is_told_the_cause(
    runner: RunnerProcess, full: Callable[[int], None], more: int
):
    full(more)
    before = descriptors(runner)
    runner.open(flow_of("m"), [JS])
    runner.feed("m", [1], run=7)
    ended = runner.end(7, limit=5.0)
    if ended.status == "failed":
        assert ended.failures[0].kind == "load"
        # without a descriptor not even the name of the program can be read
        assert re.search(CAUSE.format("('.*node'|'js' modules)"), ended.failures[0].message)
        assert descriptors(runner) == before
    else:
        assert more > 3
    runner.shut()
    full(50)
    runner.open(flow_of("m"), [JS], "again")
    assert runner.run("m", [1], run=8, instance="again")[-1:] == [2]


def test_B11_a_run_whose_packages_are_not_installed_is_told_the_cause(
    runner: RunnerProcess, full: Callable[[int], None], tmp_path: Path
):
    full(3)
    used = python("m", "def m(v):\n    return v\n", deps=(wheel(tmp_path, "tiny", "1.0", "v = 1"),))
    runner.open(flow_of("m"), [used])
    runner.feed("m", [1], run=7)
    ended = runner.end(7, limit=5.0)
    assert ended.status == "failed"
    assert re.search(CAUSE.format("the installation of packages"), ended.failures[0].message)
