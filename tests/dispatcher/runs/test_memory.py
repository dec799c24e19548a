"""What the dispatcher keeps is bounded in bytes, and what it forgets is free at once."""

from __future__ import annotations

import gc
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.dispatcher.runs import logs
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import FAILURE_BYTES, FAILURES, KnownInstance, KnownRun, kept
from floe_jupyter.dispatcher.runs.logs import AllLogs, Log
from floe_jupyter.dispatcher.runs.results import Results
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import Processes, define, run, until

PRINTED = 200_000
"""Bytes that each run prints."""


def line(text: str, node: str = "a") -> dict[str, Any]:
    return {"node": node, "stream": "stdout", "text": text, "time": 1.0}


def texts(log: Log) -> list[str]:
    return [entry["text"] for entry in log.lines("", 10_000)]


def test_B4_logs_are_bounded_in_bytes_and_say_how_many_lines_are_gone() -> None:
    everything = AllLogs()
    log = everything.new()
    for n in range(100):
        log.append(line(f"{n:05}" * 10_000))
    assert everything.size <= logs.BYTES
    first, *rest = texts(log)
    assert first == f"... {100 - len(rest)} older lines are no longer kept"
    assert rest[-1] == "00099" * 10_000
    assert len(log.lines("", 3)) == 3
    assert log.lines("b", 10)[1:] == []


def test_B4_wide_characters_count_as_the_bytes_that_they_take() -> None:
    everything = AllLogs()
    log = everything.new()
    log.append(line("\U0001f600" * 1_000))
    assert everything.size >= sys.getsizeof("\U0001f600" * 1_000) >= 4_000


def test_B4_logs_of_all_are_bounded_together_and_those_that_were_silent_for_longest_go_first() -> None:
    everything = AllLogs(most=100_000)
    made = [everything.new() for _ in range(50)]
    for log in made:
        log.append(line("x" * 10_000))
    made[0].append(line("new"))
    assert everything.size <= 100_000
    assert texts(made[0])[-1] == "new"
    assert texts(made[1]) == ["... 1 older lines are no longer kept"]
    assert texts(made[49]) == ["x" * 10_000]
    for log in made:
        log.clear()
    assert everything.size == 0


def test_logs_are_bounded_in_lines() -> None:
    log = AllLogs().new()
    for n in range(logs.LINES + 50):
        log.append(line(str(n)))
    assert texts(log)[:2] == ["... 50 older lines are no longer kept", "50"]


def test_B4_failures_of_a_run_are_bounded_in_bytes_and_the_first_stays_whole() -> None:
    whole = Failure("a", "ValueError: x", trace="t" * 500_000, input="i" * 2_000, cell=3, line=4)
    found = kept([whole] * 3)
    assert found[0] == whole
    assert found[1] == found[2] == Failure("a", "ValueError: x", cell=3, line=4)
    small = Failure("a", "x", trace="t" * 1_000)
    assert kept([small] * 500)[:10] == (small,) * 10
    assert len(kept([small] * 500)) == FAILURES
    assert sum(len(failure.trace) for failure in kept([small] * 500)) <= FAILURE_BYTES + 1_000


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_B4_a_forgotten_run_and_its_instance_are_free_at_once(tmp_path: Path) -> None:
    hub: Any = Hub.__new__(Hub)
    hub.instances, hub._debugged = {}, deque()
    instance = KnownInstance(
        "f.1.local.1",
        Flow("f"),
        (),
        SimpleNamespace(),
        None,
        SimpleNamespace(workspace=None),  # type: ignore[arg-type]
        AllLogs().new(),
    )
    made = KnownRun("f.1.local.1", "f", 1, 1, instance, Results(str(tmp_path / "r")))
    instance.newest = made
    instance.ended = True
    hub.instances[instance.name] = instance
    seen = [weakref.ref(instance), weakref.ref(made.results)]
    hub.forget(made)
    del instance, made
    assert [reference() for reference in seen] == [None, None]
    assert hub.instances == {}


def print_much(client: Client, runs: int) -> None:
    define(client, a="lambda x: x")
    for n in range(runs):
        ended = run(client, f"print {PRINTED}")
        assert ended.status == "done", n
        client.call("results", ref=ended.ref)


def grown(client: Client, processes: Processes, runs: int) -> tuple[int, int]:
    """Bytes of memory that the dispatcher took before and after so many runs that print."""
    processes.watch(client.pid)
    print_much(client, 5)
    before = psutil.Process(client.pid).memory_info().rss
    print_much(client, runs)
    last = client.call("runs", limit=1)[0].ref
    assert until(lambda: client.call("logs", flow=last), "its log")[-1]["text"].startswith("x" * 999)
    return before, psutil.Process(client.pid).memory_info().rss


def test_B4_runs_that_print_take_a_bounded_part_of_the_memory(client: Client, processes: Processes) -> None:
    before, after = grown(client, processes, 500)
    assert after - before < logs.ALL_BYTES + 25_000_000, f"{500 * PRINTED:,} bytes were printed"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_B4_ten_thousand_runs_that_print_take_less_than_150_megabytes(
    attach: Callable[..., Client], processes: Processes
) -> None:
    assert grown(attach(), processes, 10_000)[1] < 150_000_000
