"""Nothing is left of joined runners, however their owner, their process or the connection ends; and nothing is lost by a cut."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import msgspec
import psutil
import pytest

from floe_jupyter._version import __version__
from floe_jupyter.core.machine.commands import Result
from floe_jupyter.core.messages import Batch
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.join_files import read_join_file
from floe_jupyter.wire.joining import frame_of
from floe_jupyter.wire.runner_messages import PROTOCOL, Out, RunnerHello
from floe_jupyter.wire.transport.reliable import Link
from tests.dispatcher.kit import REAL, batch, define, over, until, values_of
from tests.joined.kit import LAB, Joined, peer
from tests.processes import alive
from tests.remote.cuts import outlast
from tests.remote.flows import done
from tests.remote.machine import FarMachine

LEASE = 2.0
CHILD = "import subprocess\ndef child(v):\n    subprocess.Popen(['sleep', '300'])\n    return v"


def _gone(found: list[psutil.Process], within: float) -> float:
    begin = time.monotonic()
    until(lambda: not [p for p in found if alive(p)], f"the end of {found}", within)
    return time.monotonic() - begin


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_joined_process_with_all_runners_and_the_run_is_told(
    client: Client, join: Callable[..., Joined], sign: int
) -> None:
    joined = join()
    define(
        client,
        slow="import time, subprocess\ndef slow(v):\n    subprocess.Popen(['sleep', '300'])\n    time.sleep(v)\n    return v",
    )
    assert done(client, LAB, [0]) == [0]
    info = client.call("open_run", runner=LAB)
    client.call("feed", ref=info.ref, batch=batch(60))
    found = joined.all()
    joined.process.send_signal(sign)
    print(f"ended {_gone(found, 4.0):.2f} s after the signal")
    assert joined.process.wait(5) == 0
    assert "ended, with all runners" in joined.said
    info = over(client, info.ref)
    assert info.status == "failed"
    assert f"`floe runner` was ended on {os.uname().nodename}" in info.failures[0].message


@pytest.mark.parametrize("victim", ["dispatcher", "kernel"])
def test_runners_end_within_the_lease_after_a_kill_9_and_the_process_joins_the_next_dispatcher(
    client: Client, join: Callable[..., Joined], attach: Callable[..., Client], victim: str
) -> None:
    joined = join(lease=LEASE)
    define(client, child=CHILD)
    assert done(client, LAB, [1]) == [1]
    below = joined.all()[1:]
    listens = client.call("keys")["listens"]
    pid = client.pid
    if victim == "dispatcher":
        os.kill(pid, signal.SIGKILL)
    else:
        client.close()
    print(f"gone {_gone(below, LEASE + 2.0):.2f} s after the end of the {victim}")
    until(lambda: not alive(psutil.Process(pid)) if psutil.pid_exists(pid) else True, "the end of the dispatcher", 5.0)
    again = attach("again", command=REAL)
    assert again.call("keys")["listens"] == listens
    until(lambda: again.call("keys")["keys"][0]["status"] == "connected", "the process to join again", 10.0)
    define(again, child=CHILD)
    assert done(again, LAB, [2]) == [2]
    again.call("shutdown")


def test_a_kill_9_of_the_joined_process_leaves_nothing_and_another_one_serves(
    client: Client, join: Callable[..., Joined]
) -> None:
    joined = join()
    define(client, child=CHILD)
    assert done(client, LAB, [1]) == [1]
    below = joined.all()
    joined.process.kill()
    joined.process.wait(5)
    print(f"gone {_gone(below, 4.0):.2f} s after a kill of the joined process")
    second = Joined(client, "lab1", joined.file)
    try:
        second.wait("connected")
        until(lambda: all(row["url"] != LAB for row in client.call("runners")), "the former runner to be given up")
        assert done(client, LAB, [2]) == [2]
    finally:
        second.end()


def test_a_runner_that_was_paused_for_three_leases_is_not_heard_any_more(client: Client, join: Callable[..., Joined]) -> None:
    joined = join(lease=LEASE)
    define(client, slow="import time\ndef slow(v):\n    time.sleep(v)\n    return v")
    assert done(client, LAB, [0]) == [0]
    info = client.call("open_run", runner=LAB)
    client.call("feed", ref=info.ref, batch=batch(0.5, 1))
    number = joined.number()
    paused = joined.pause()
    begin = time.monotonic()
    info = over(client, info.ref)
    assert info.status == "failed", info
    given_up = time.monotonic() - begin
    time.sleep(3 * LEASE - min(given_up, 3 * LEASE))
    for process in paused:
        process.resume()
    until(lambda: joined.status() == "connected", "the process to be back")
    until(lambda: not joined.runners(), "the end of the former runner", 10.0)
    refused = client.call("status")["refused_frames"]
    with peer(client.call("keys")["listens"], read_join_file(joined.file)) as dealer:  # what the runner might still have sent
        result = Out(info.instance, (Result("slow", "out", Batch(b"[1]", 1)),))
        for message in (RunnerHello(LAB, 1, __version__, PROTOCOL, number), result):
            dealer.send_multipart([frame_of(number), Link().send(msgspec.msgpack.encode(message), 0.0)])
        until(lambda: client.call("status")["refused_frames"] >= refused + 2, "late messages with the right key to be refused")
    assert done(client, LAB, [0]) == [0]
    print(f"given up after {given_up:.1f} s")
    assert (client.call("run_info", ref=info.ref).results, values_of(client, info.ref)) == (0, [])


@pytest.mark.parametrize("length", [4.0, pytest.param(25.0, marks=pytest.mark.slow)])
def test_a_cut_loses_and_doubles_nothing(client: Client, join: Callable[..., Joined], machine: FarMachine, length: float) -> None:
    prefix = ("ip", "netns", "exec", machine._space)
    join(listen=f"tcp://{machine._other}:0", prefix=prefix)
    noticed, flows = outlast(client, LAB, machine, length)
    assert noticed < 1.5
    assert flows < (1.0 if length < 10 else 2.0)
