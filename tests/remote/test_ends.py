"""Nothing is left on the other machine, however the owner ended; and a cut network loses and doubles nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import pytest

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import REAL, Processes, batch, define, over, until, values_of
from tests.remote.cuts import outlast
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


@pytest.mark.parametrize("victim", ["dispatcher", "kernel"])
def test_kill_9_leaves_nothing_there(far: FarMachine, attach: Callable[..., Client], processes: Processes, victim: str) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    define(client, child="import subprocess\ndef child(v):\n    subprocess.Popen(['sleep', '300'])\n    return v")
    assert done(client, FAR, [1]) == [1]
    assert [p for p in far.processes() if p.name() == "sleep"]
    if victim == "kernel":
        client.close()
    else:
        psutil.Process(client.pid).kill()
    print(f"gone {_gone(far, 5.0):.2f} s after the end of the {victim}")


def _helper(client: Client) -> psutil.Process:
    [found] = [p for p in psutil.Process(client.pid).children() if "ssh.helper" in " ".join(p.cmdline())]
    return found


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_kill_9_of_the_helper_fails_the_run_and_the_lease_ends_the_runner(far: FarMachine, client: Client) -> None:
    define(client, echo="def echo(v): return v")
    assert done(client, FAR, [1]) == [1]
    helper = _helper(client)
    ssh = helper.children()[0]
    helper.kill()
    ssh.wait(5.0)
    until(lambda: not far.processes(), "the end of the lease", 45.0)


def test_a_connection_that_is_lost_is_made_again_and_the_run_goes_on(far: FarMachine, client: Client) -> None:
    define(client, count="def count(v, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return [v, ctx.state['n']]")
    info = client.call("open_run", runner=FAR)
    client.call("feed", ref=info.ref, batch=batch(0))
    until(lambda: values_of(client, info.ref) == [[0, 1]], "the first result")
    for n in range(1, 4):
        _helper(client).children()[0].kill()
        begin = time.monotonic()
        client.call("feed", ref=info.ref, batch=batch(n))
        until(lambda n=n: values_of(client, info.ref)[n:] == [[n, n + 1]], "a result over the next connection")  # type: ignore[misc]
        print(f"goes on {time.monotonic() - begin:.2f} s after the end of ssh")
    client.call("close_run", ref=info.ref)
    assert over(client, info.ref).status == "done"
    assert values_of(client, info.ref) == [[n, n + 1] for n in range(4)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seconds", [4.0, pytest.param(25.0, marks=pytest.mark.slow)])  # ssh gives up after 15 to 20 s
def test_a_cut_loses_and_doubles_nothing(client: Client, far: FarMachine, seconds: float) -> None:
    outlast(client, FAR, far, seconds)


def test_a_runner_that_hears_nothing_ends_itself_after_its_lease() -> None:
    with RunnerProcess(arguments=["--lease", "1.5", "--memory", "none"]) as runner:
        begin = time.monotonic()
        assert runner.process.wait(10) == 0
        assert 1.0 < time.monotonic() - begin < 4.0
