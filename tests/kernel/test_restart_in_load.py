"""A kernel that is restarted while a module of it never ends to load: nothing hangs, and the mended cell runs at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_jupyter.wire.client.client import connect
from tests.kernel.real import DEFINE, Kernel
from tests.kernel.waits import until
from tests.processes import alive, family, gone

STUCK = {
    "python": "%%floe module m\nwhile True: pass\ndef m(msg):\n    return msg\n",
    "js": "%%floe module m --lang js\nwhile (true) {}\nexport default function m(msg) { return msg; }\n",
}
MENDED = {
    "python": "%%floe module m\ndef m(msg):\n    return 'mended'\n",
    "js": "%%floe module m --lang js\nexport default function m(msg) { return 'mended'; }\n",
}
BEGIN = {
    "awaited": "%floe run stuck --input [1]",
    "in the background": "run = floe.flow('stuck').run([1], wait=False)",
    "up": "%floe start stuck\n%floe send stuck 1",
}
CASES = [*(("python", how) for how in BEGIN), ("js", "awaited")]


def stuck() -> tuple[int, list[int]]:
    """The dispatcher, and the processes that load; as somebody else sees them, because a cell of the kernel may wait."""
    with connect(start=False, client="test", looks=True) as looks:
        return looks.pid, [r["pid"] for r in looks.call("runtimes") if r["status"] == "loading" and r["nodes"]]


@pytest.fixture(params=["restarted", "killed"])
def now(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the kernel is killed. It has a notebook then: names of a program end with the program."""
    if request.param == "killed":
        (home / "nb.ipynb").touch()
        monkeypatch.setenv("FLOE_WORKSPACE", str(home / "nb.ipynb"))
    return bool(request.param == "killed")


@pytest.mark.parametrize(("lang", "how"), CASES)
def test_A2_a_kernel_restarts_while_a_load_is_stuck_and_its_mended_cell_runs_at_once(
    now: bool, kernel: Kernel, need: Callable[[str, str], str], lang: str, how: str
) -> None:
    need("node", "install Node.js 20")
    kernel(STUCK[lang])
    kernel("%%floe flow stuck\nm\n")
    kernel.begin(BEGIN[how])
    until(lambda: bool(stuck()[1]), "the load to be stuck")
    dispatcher, [pid] = stuck()
    processes = family(dispatcher)
    began = time.monotonic()
    kernel.manager.restart_kernel(now=now)
    kernel.client.wait_for_ready(timeout=30)
    restarted = time.monotonic() - began
    kernel(DEFINE)
    began = time.monotonic()
    kernel(MENDED[lang])
    assert kernel("floe.flow('stuck').run([1]).results") == "['mended']"
    mended = time.monotonic() - began
    until(lambda: gone(pid), "the end of the stuck process", 3.0)
    processes += family(stuck()[0])
    kernel.close()
    until(lambda: not any(map(alive, processes)), "the dispatcher and its processes to end", 10.0)
    assert restarted < 8.0
    assert mended < 5.0
