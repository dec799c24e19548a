"""Nothing is left on the other machine, however the owner ended; and a cut network loses and doubles nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import REAL, Processes, batch, define, over, until, values_of
from tests.remote.flows import FAR, done
from tests.remote.machine import FarMachine
from tests.runner.harness import RunnerProcess


def _gone(far: FarMachine, within: float) -> float:
    """Wait until no process and no directory is left there; return the seconds."""
    begin = time.monotonic()
    until(lambda: not far.processes(), "the end of all processes on the other machine", within)
    took = time.monotonic() - begin
    until(lambda: not [name for name in far.files() if "floe" in name], "the end of all directories there", within)
    return took


@pytest.mark.parametrize("victim", ["dispatcher", "helper", "ssh", "kernel"])
def test_kill_9_leaves_nothing_there(far: FarMachine, attach: Callable[..., Client], processes: Processes, victim: str) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    define(client, child="import subprocess\ndef child(v):\n    subprocess.Popen(['sleep', '300'])\n    return v")
    assert done(client, FAR, [1]) == [1]
    assert [p for p in far.processes() if p.name() == "sleep"]
    dispatcher = psutil.Process(client.pid)
    helpers = [p for p in dispatcher.children() if "ssh.helper" in " ".join(p.cmdline())]
    if victim == "kernel":
        client.close()
    else:
        {"dispatcher": dispatcher, "helper": helpers[0], "ssh": helpers[0].children()[0]}[victim].send_signal(signal.SIGKILL)
    print(f"gone {_gone(far, 5.0):.2f} s after the end of the {victim}")


def test_a_cut_of_four_seconds_loses_and_doubles_nothing(client: Client, far: FarMachine) -> None:
    define(client, echo="def echo(v): return v")
    info = client.call("open_run", runner=FAR)
    client.call("feed", ref=info.ref, batch=batch(-1))
    until(lambda: values_of(client, info.ref) == [-1], "the first result")
    stop, sent = threading.Event(), []

    def feed() -> None:
        while not stop.wait(0.005):
            sent.append(client.submit("feed", ref=info.ref, batch=batch(len(sent))))

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(1.0)
    before = len(sent)
    with far.cut():
        noticed = time.monotonic()
        until(lambda: "silent" in client.call("runners")[-1]["status"], "the silence to be noticed", 4.0)
        noticed = time.monotonic() - noticed
        time.sleep(4.0 - noticed)
    healed, came = time.monotonic(), client.call("run_info", ref=info.ref).results
    until(lambda: client.call("run_info", ref=info.ref).results > came, "a result after the cut")
    flows = time.monotonic() - healed
    time.sleep(0.5)
    stop.set()
    feeder.join(20)
    for answer in sent:
        answer.result(20)
    client.call("close_run", ref=info.ref)
    assert over(client, info.ref).status == "done"
    assert values_of(client, info.ref) == [-1, *range(len(sent))]
    print(
        f"{len(sent)} messages ({len(sent) - before} since the cut): noticed after {noticed:.1f} s, flowing {flows:.1f} s after the cut"
    )


def test_a_runner_that_hears_nothing_ends_itself_after_its_lease() -> None:
    with RunnerProcess(arguments=["--lease", "1.5", "--memory", "none"]) as runner:
        begin = time.monotonic()
        assert runner.process.wait(10) == 0
        assert 1.0 < time.monotonic() - begin < 4.0
