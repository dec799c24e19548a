"""Runs whose modules never end: cancelled, stopped, timed out, left alone and mended, with nothing left of them (A2, B5)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import REAL, Processes, batch, define, over, until, values_of
from tests.processes import gone, spins
from tests.runner.test_descendants import marked

LOAD = "while True: pass\ndef m(v):\n    return v\n"
CALL = "def m(v):\n    while True: pass\n"
MENDED = "def m(v):\n    return 'mended'\n"


def begin(client: Client, status: str, **options: object) -> str:
    """Open and feed a run whose module never ends; its ref, once its runtime is at work."""
    ref = client.call("open_run", **options).ref
    client.call("feed", ref=ref, batch=batch(1))
    client.call("close_run", ref=ref)
    if status == "loading":
        until(lambda: at_work(client, "loading"), "the load to begin")
    else:
        until(lambda: client.call("view", flow=ref).nodes[0].status == "busy", "the call to begin")
    return str(ref)


def at_work(client: Client, status: str = "") -> list[int]:
    return [r["pid"] for r in client.call("runtimes") if r["nodes"] and status in ("", r["status"])]


@pytest.mark.parametrize(("source", "status"), [(LOAD, "loading"), (CALL, "busy")], ids=["load", "call"])
def test_B5_a_run_is_cancelling_until_its_process_is_gone(real: Client, source: str, status: str) -> None:
    define(real, m=source)
    ref = begin(real, status)
    [pid] = at_work(real)
    until(lambda: spins(pid), "the module to be at work")
    answer = real.submit("cancel", ref=ref)
    seen = []
    while not answer.done():
        seen.append(real.call("run_info", ref=ref).status)
        assert seen[-1] != "cancelled" or gone(pid)
    assert list(dict.fromkeys(seen))[-1:] == ["cancelled"] or "cancelling" in seen
    assert answer.result(3.0).status == "cancelled"
    assert gone(pid)


def test_A2_ten_times_in_a_row_it_is_cancelled_and_mended(real: Client) -> None:
    for n in range(10):
        define(real, m=f"# {n}\n{LOAD}")
        ref = begin(real, "loading")
        [pid] = at_work(real, "loading")
        began = time.monotonic()
        assert real.call("cancel", ref=ref).status == "cancelled"
        assert gone(pid)
        real.call("define", module=Module("m", f"# {n}\n{MENDED}"))
        mended = real.call("open_run").ref
        real.call("feed", ref=mended, batch=batch(1))
        real.call("close_run", ref=mended)
        assert over(real, mended).status == "done"
        assert time.monotonic() - began < 3.0
        assert values_of(real, mended) == ["mended"]


def test_A2_mending_without_a_cancel_answers_at_once_and_the_run_goes_on(real: Client) -> None:
    define(real, m=LOAD)
    ref = begin(real, "loading")
    began = time.monotonic()
    answer = real.call("define", module=Module("m", MENDED))
    assert time.monotonic() - began < 3.0
    assert not answer.get("refused")
    assert over(real, ref, 3.0).status == "done"
    assert values_of(real, ref) == ["mended"]


def test_A2_a_run_that_takes_too_long_ends_what_it_loads(real: Client) -> None:
    define(real, m=LOAD)
    ref = begin(real, "loading", timeout=1.0)
    [pid] = at_work(real, "loading")
    info = over(real, ref, 5.0)
    assert (info.status, info.failures[0].kind) == ("failed", "timeout")
    until(lambda: gone(pid), "the end of the process", 3.0)


def test_A2_a_flow_that_is_up_is_stopped_with_what_it_loads(real: Client) -> None:
    define(real, m=LOAD)
    real.call("start", flow="co2")
    sent = real.submit("send", flow="co2", batch=batch(1))
    until(lambda: at_work(real, "loading"), "the load to begin")
    [pid] = at_work(real, "loading")
    real.call("stop", flow="co2")
    until(lambda: gone(pid), "the end of the process", 3.0)
    sent.result(3.0)
    real.call("define", module=Module("m", MENDED))
    real.call("start", flow="co2")
    info, results = real.call("request", flow="co2", batch=batch(1))
    assert (info.status, len(results)) == ("done", 1)


def test_A2_what_a_client_leaves_while_it_loads_ends_with_it(attach: Callable[..., Client], processes: Processes) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    define(client, m=LOAD)
    begin(client, "loading")
    processes.watch(client.pid)
    client.close()
    processes.wait_gone(3.0)


def started(client: Client, mark: str) -> int:
    """A module that has started a program in a session of its own; the process of its runner."""
    source = (
        f"import subprocess, sys\ndef m(v):\n    subprocess.Popen([sys.executable, '-c', 'while True: pass #{mark}'], "
        "start_new_session=True)\n    return v\n"
    )
    define(client, m=source)
    ref = client.call("open_run").ref
    client.call("feed", ref=ref, batch=batch(1))
    client.call("close_run", ref=ref)
    assert over(client, ref).status == "done"
    until(lambda: marked(mark), "the program")
    [runner] = {r["pid"] for r in client.call("runners") if r["runtimes"]}
    return int(runner)


def test_B5_what_modules_started_ends_with_a_runner_that_is_killed(real: Client, tmp_path: Path) -> None:
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    os.kill(started(real, mark), signal.SIGKILL)
    until(lambda: not marked(mark), "the end of the program", 3.0)


def test_B5_what_modules_started_ends_with_the_dispatcher(
    attach: Callable[..., Client], processes: Processes, tmp_path: Path
) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    started(client, mark)
    client.close()
    until(lambda: not marked(mark), "the end of the program", 3.0)


def test_B5_the_next_dispatcher_ends_what_is_left_when_dispatcher_and_runner_are_killed(
    real: Client, attach: Callable[..., Client], tmp_path: Path
) -> None:
    mark = f"mark-{os.getpid()}-{tmp_path.name}"
    runner = started(real, mark)
    dispatcher = real.pid
    os.kill(dispatcher, signal.SIGSTOP)  # it must not see the end of its runner
    os.kill(runner, signal.SIGKILL)
    os.kill(dispatcher, signal.SIGKILL)
    until(lambda: gone(dispatcher) and gone(runner), "their ends")
    assert marked(mark)
    attach("next", command=REAL)
    until(lambda: not marked(mark), "the end of the program", 5.0)
