"""Buffers to and from a runner with which no memory is shared: carried in the messages, in parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import psutil
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.conftest import missing as skip
from tests.dispatcher.kit import Processes, batch, over
from tests.e2e.flows import define as notate
from tests.e2e.flows import results
from tests.remote.flows import done
from tests.remote.machine import missing

COMMAND = (sys.executable, "-m", "tests.remote.with_other_memory")
KIB, MIB = 1024, 1024 * 1024
LOCAL = "local:"


@pytest.fixture
def apart(attach: Callable[..., Client], processes: Processes) -> Client:
    """Return a client of a dispatcher that shares no memory with its runner."""
    if problem := missing():
        skip("a runner with memory of its own", problem)
    made = attach(command=COMMAND)
    processes.watch(made.pid)
    return made


@pytest.mark.parametrize("lang", ["python", "js"])
@pytest.mark.parametrize("size", [0, 64 * KIB, 64 * KIB + 1, 5 * MIB])
def test_bytes_of_any_size_arrive_as_they_were(apart: Client, size: int, lang: str) -> None:
    sources = {"python": "def one(v): return v", "js": "export default v => v"}
    notate(apart, "echo", "one -> two", Module("one", sources[lang], lang), Module("two", "def two(v): return v"))
    data = [os.urandom(size) for _ in range(3)]
    assert done(apart, LOCAL, data, flow="echo") == data


def test_arrays_made_there_arrive_in_order(apart: Client) -> None:
    source = "import numpy as np\ndef make(v):\n    for n in range(v): yield np.full(50_000, n)"
    notate(apart, "arrays", "make", Module("make", source))
    found = done(apart, LOCAL, [12], flow="arrays")
    assert [(int(array[0]), array.nbytes) for array in found] == [(n, 400_000) for n in range(12)]


def test_results_beyond_the_window_stay_bounded_in_memory(apart: Client) -> None:
    source = "def make(v):\n    for n in range(v): yield bytes([n]) * (4 << 20)"
    notate(apart, "many", "make", Module("make", source))
    info = apart.call("open_run", flow="many")
    apart.call("feed", ref=info.ref, batch=batch(60))
    apart.call("close_run", ref=info.ref)
    peak: dict[str, float] = {}
    while apart.call("wait", ref=info.ref, timeout=0.05).status not in ("done", "failed"):
        family = [psutil.Process(apart.pid), *psutil.Process(apart.pid).children()]
        for process in family:
            memory = process.memory_info()
            name = " ".join(process.cmdline()[1:5])
            peak[name] = max(peak.get(name, 0), (memory.rss - memory.shared) / MIB)
    info = over(apart, info.ref)
    assert info.status == "done", info
    found = results(apart, info)
    assert [(data[0], len(data)) for data in found] == [(n, 4 * MIB) for n in range(60)]
    assert max(peak.values()) < 160, f"MiB at most in each process, for 240 MiB of results: {peak}"


def test_no_segment_stays_when_the_runner_dies_while_it_sends(apart: Client) -> None:
    source = "import os\ndef make(v):\n    for n in range(40): yield bytes(4 << 20)\n    os.kill(os.getppid(), 9)"
    notate(apart, "dies", "make", Module("make", source))
    info = apart.call("open_run", flow="dies")
    apart.call("feed", ref=info.ref, batch=batch(1))
    assert over(apart, info.ref).status == "failed"
    apart.call("shutdown")
    left = [name for name in os.listdir("/dev/shm") if name.startswith((f"floe-{apart.pid}-", f"floe-{os.getpid()}-"))]
    assert left == []


def test_a_table_goes_there_and_back(apart: Client) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": range(40_000), "text": ["é" * (n % 7) for n in range(40_000)]})
    notate(apart, "table", "double", Module("double", "def double(v):\n    v['n'] = v['n'] * 2\n    return v"))
    [found] = done(apart, LOCAL, [frame], flow="table")
    assert found.equals(frame.assign(n=frame["n"] * 2))
