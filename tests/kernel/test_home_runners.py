"""Each notebook has a home runner of its own: one that hangs or dies touches no other notebook."""

from __future__ import annotations

import ast
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import KernelManager

from tests.kernel.real import DEFINE, Kernel
from tests.kernel.waits import until


@pytest.fixture
def notebooks(home: Path) -> Iterator[list[Kernel]]:
    """Two notebooks with equal names, each with a kernel that Jupyter started for it."""
    made = []
    for name in ("a", "b"):
        manager = KernelManager(transport="ipc", connection_file=str(home / "runtime" / f"kernel-{name}.json"))
        path = home / f"{name}.ipynb"
        path.write_text("{}")
        manager.start_kernel(cwd=str(home), env={**os.environ, "JPY_SESSION_NAME": str(path)})
        made.append(Kernel(manager))
        made[-1](DEFINE)
        made[-1]("%%floe module slow\nimport time\ndef slow(msg):\n    time.sleep(msg)\n    return msg")
        made[-1]("%%floe flow one\nslow")
        made[-1]("r = %floe run one --input [0.01]\nr.results")
    yield made
    for kernel in made:
        kernel.close()


def runners(kernel: Kernel) -> dict[str, Any]:
    rows: list[dict[str, Any]] = ast.literal_eval(kernel("rows = %floe runners --json\nrows"))
    return {row["workspace"]: row for row in rows}


def test_C1_a_notebook_whose_runner_stands_still_holds_up_no_other(notebooks):
    first, second = notebooks
    found = runners(first)
    assert found["a.ipynb"]["pid"] != found["b.ipynb"]["pid"]
    quiet = duration(second)
    first("r = floe.flow('one').run([60], wait=False)")
    process = psutil.Process(found["a.ipynb"]["pid"])
    process.send_signal(signal.SIGSTOP)
    try:
        assert min(duration(second) for _ in range(5)) < max(0.2, 3 * quiet)
        until(lambda: "silent" in runners(second)["a.ipynb"]["status"], "the runner of the first to be silent")
        assert min(duration(second) for _ in range(5)) < max(0.2, 3 * quiet)
    finally:
        process.send_signal(signal.SIGCONT)


def duration(kernel: Kernel) -> float:
    """Seconds that a run of one message takes."""
    kernel("import time; began = time.monotonic()")
    return float(kernel("r = %floe run one --input [0]\ntime.monotonic() - began"))


def test_C1_a_runner_that_dies_takes_only_its_own_notebooks_runs_along(notebooks):
    first, second = notebooks
    for kernel in notebooks:
        kernel("r = floe.flow('one').run([1.5], wait=False)")
    os.kill(runners(first)["a.ipynb"]["pid"], signal.SIGKILL)
    assert "'failed'" in first("import time\nwhile r.status == 'active': time.sleep(.02)\nr.status")
    assert second("r.wait(30).results") == "[1.5]"


def test_the_runner_of_a_notebook_ends_with_its_kernel(notebooks):
    first, second = notebooks
    process = psutil.Process(runners(first)["a.ipynb"]["pid"])
    first.close()
    until(lambda: not process.is_running(), "the runner of a notebook without a kernel to end")
    assert list(runners(second)) == ["b.ipynb"]
