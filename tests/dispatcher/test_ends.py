"""Every way in which a dispatcher, a client or a runner ends, and that nothing of it is left."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from floe_jupyter.errors import EnvironmentFailed, PeerGone
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.client.connection import read
from floe_jupyter.wire.control.workspaces import Workspace
from tests.dispatcher.kit import ROOT, Processes, batch, define, run, until, values_of
from tests.processes import alive

KERNEL = """
import sys, time
sys.path.insert(0, {root!r})
from floe_jupyter.wire.client.client import connect
from tests.dispatcher.kit import COMMAND, batch, define
client = connect(client="kernel", command=COMMAND, session="kernel-1")
define(client, hold="hold")
info = client.call("open_run", detach={detach})
client.call("feed", ref=info.ref, batch=batch(1))
{more}
print(client.pid, info.ref, flush=True)
time.sleep(60)
"""


Clients = Callable[..., Client]


class Kernel:
    """A process that is a client and has a run that is held."""

    def __init__(self, *, detach: bool = False, more: str = "") -> None:
        text = KERNEL.format(root=str(ROOT), detach=detach, more=more)
        self.process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        pid, self.ref = self.process.stdout.readline().split()
        self.dispatcher = int(pid)

    def kill(self) -> float:
        """kill -9; the time."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return time.monotonic()


Kernels = Callable[..., Kernel]


@pytest.fixture
def kernel(path: str, processes: Processes):
    kernels: list[Kernel] = []

    def make(**options: object) -> Kernel:
        kernels.append(Kernel(**options))  # type: ignore[arg-type]
        processes.watch(kernels[-1].dispatcher)
        return kernels[-1]

    yield make
    for made in kernels:
        if made.process.poll() is None:
            made.kill()


def nothing_is_left(path: str, pid: int) -> None:
    """No connection file, no socket directory, no shared memory."""
    assert not os.path.exists(path)
    assert glob.glob(os.path.join(tempfile.gettempdir(), f"floe-d{pid}-*")) == []
    assert [name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{pid}-")] == []


def test_it_ends_with_its_last_client_and_leaves_nothing(client: Client, path: str, processes: Processes) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    pid = client.pid
    client.close()
    processes.wait_gone()
    nothing_is_left(path, pid)


def test_kill_9_of_a_kernel_stops_its_runs_within_two_seconds(kernel: Kernels, path: str, processes: Processes) -> None:
    made = kernel()
    made.kill()
    processes.wait_gone(2.0)
    nothing_is_left(path, made.dispatcher)


def test_a_forked_child_of_a_killed_kernel_does_not_keep_its_runs(kernel: Kernels, processes: Processes) -> None:
    made = kernel(more="import os\nif not os.fork():\n    time.sleep(30)\n    os._exit(0)")
    children = psutil.Process(made.process.pid).children()
    made.process.kill()
    processes.wait_gone(2.0)
    for child in children:
        child.kill()
    made.kill()


def test_a_detached_run_outlives_its_kernel(kernel: Kernels, attach: Clients, processes: Processes) -> None:
    made = kernel(detach=True)
    made.kill()
    second = attach("second")
    assert second.pid == made.dispatcher
    assert second.call("run_info", ref=made.ref).status == "held"
    second.call("close_run", ref=made.ref)
    second.call("resume", flow=made.ref)
    assert second.call("wait", ref=made.ref).status == "done"
    assert values_of(second, made.ref) == [1]
    second.close()
    processes.wait_gone()


def test_a_detached_run_whose_feeder_is_gone_gets_no_more_and_can_finish(
    kernel: Kernels, attach: Clients, processes: Processes
) -> None:
    first = attach("first")
    made = kernel(detach=True)
    assert not first.call("run_info", ref=made.ref).feeder_gone
    made.kill()
    first.call("resume", flow=made.ref)
    ended = first.call("wait", ref=made.ref, timeout=20.0, through_holds=True)
    assert (ended.status, ended.fed, ended.feeder_gone) == ("done", 1, True)
    first.close()
    processes.wait_gone()


def test_a_run_that_is_fed_by_another_client_stays_open_when_its_opener_goes(kernel: Kernels, attach: Clients) -> None:
    first = attach("first")
    made = kernel(detach=True)
    first.call("feed", ref=made.ref, batch=batch(2))
    made.kill()
    until(lambda: len(first.call("status")["clients"]) == 1, "the dispatcher to see that the other client is gone")
    first.call("feed", ref=made.ref, batch=batch(3))
    first.call("close_run", ref=made.ref)
    first.call("clear_break", flow=made.ref)
    first.call("resume", flow=made.ref)
    ended = first.call("wait", ref=made.ref, timeout=20.0, through_holds=True)
    assert (ended.status, ended.fed, ended.feeder_gone) == ("done", 3, False)


def test_a_detached_run_that_ends_alone_keeps_its_results(kernel: Kernels, attach: Clients, processes: Processes) -> None:
    made = kernel(detach=True, more="client.call('close_run', ref=info.ref)")
    made.kill()
    with_it = attach("helper")
    with_it.call("resume", flow=made.ref)
    with_it.call("wait", ref=made.ref)
    with_it.close()
    processes.wait_gone()
    after = attach("after")
    assert after.pid != made.dispatcher
    assert (after.call("run_info", ref=made.ref).status, values_of(after, made.ref)) == ("done", [1])


def test_of_a_client_that_goes_only_its_own_runs_stop(kernel: Kernels, attach: Clients) -> None:
    mine = attach("mine")
    define(mine, hold="hold")
    kept = mine.call("open_run")
    made = kernel()
    assert made.dispatcher == mine.pid
    made.kill()
    assert mine.call("wait", ref=made.ref, timeout=20.0, through_holds=True).status == "cancelled"
    until(lambda: mine.call("run_info", ref=kept.ref).status == "active", "the other run to be active")  # with its runner


def test_a_kernel_that_is_restarted_finds_its_runs_again(kernel: Kernels, attach: Clients) -> None:
    made = kernel(more="client.call('leave', grace=30.0)")
    made.kill()
    again = attach("kernel", session="kernel-1")
    assert again.pid == made.dispatcher
    assert again.call("run_info", ref=made.ref).status == "held"
    again.call("close_run", ref=made.ref)
    again.call("resume", flow=made.ref)
    assert again.call("wait", ref=made.ref).status == "done"


def test_who_said_to_come_back_and_does_not_is_not_waited_for_longer(kernel: Kernels, processes: Processes) -> None:
    made = kernel(more="client.call('leave', grace=0.5)")
    made.kill()
    time.sleep(0.2)
    assert alive(psutil.Process(made.dispatcher))
    processes.wait_gone(2.5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_dispatcher_that_is_told_to_end_takes_its_runner_along(
    client: Client, path: str, processes: Processes, number: int
) -> None:
    define(client, hold="hold")
    run(client, 1)
    pid = client.pid
    os.kill(pid, number)
    processes.wait_gone(2.0)
    if number == signal.SIGTERM:
        nothing_is_left(path, pid)
    assert client.call("status")["pid"] != pid, "the next call starts another one"


def test_a_call_that_was_under_way_when_the_dispatcher_ended_says_so(client: Client) -> None:
    define(client, hold="hold")
    info = client.call("open_run")
    waiting = client.submit("wait", ref=info.ref)
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(PeerGone, match=r"ended while 'wait' was under way, and its runs with it"):
        waiting.result(5.0)


def test_after_kill_9_the_next_start_sweeps_and_tells_what_was_lost(
    client: Client, attach: Clients, processes: Processes
) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    time.sleep(0.1)  # its record is committed within 30 ms
    pid = client.pid
    os.kill(pid, signal.SIGKILL)
    processes.wait_gone(2.0)
    after = attach("after")
    until(lambda: glob.glob(os.path.join(tempfile.gettempdir(), f"floe-d{pid}-*")) == [], "the sweep")
    lost = after.call("run_info", ref=info.ref)
    assert (lost.status, lost.failures[-1].kind) == ("failed", "crashed")
    assert "the dispatcher ended while this run was under way" in lost.failures[-1].message
    assert [flow.name for flow in after.call("flows")] == ["co2"]


def test_run_numbers_are_not_given_out_twice_after_a_crash(client: Client, attach: Clients, processes: Processes) -> None:
    define(client, double="lambda x: 2 * x")
    refs = {run(client, n).ref for n in range(3)}
    os.kill(client.pid, signal.SIGKILL)
    processes.wait_gone(2.0)
    assert run(attach("after"), 1, flow="co2").ref not in refs


def test_definitions_outlive_the_dispatcher(attach: Clients, processes: Processes) -> None:
    notebook = Workspace("", "shop.ipynb", "notebook", "/nb/shop.ipynb")
    client = attach(workspace=notebook)
    processes.watch(client.pid)
    flow = define(client, double="lambda x: 2 * x")
    ref = run(client, 1).ref
    client.close()
    processes.wait_gone()
    after = attach("after", workspace=notebook)
    assert after.call("flows") == [flow]
    assert (run(after, 4, flow="co2").ref, after.call("run_info", ref=ref).status) == ("co2.1.local.2", "done")


def test_a_runner_that_dies_fails_its_runs_visibly_and_another_is_started(client: Client) -> None:
    define(client, die="die")
    info = client.call("open_run")
    former = client.call("status")["runners"][0]["pid"]
    client.submit("feed", ref=info.ref, batch=batch(1, 2, 3))
    ended = client.call("wait", ref=info.ref)
    assert ended.status == "failed"
    assert f"the runner local: (process {former}) ended: exit status 3; of 3 messages fed" in ended.failures[0].message
    define(client, "good", double="lambda x: 2 * x")
    assert run(client, 1, flow="good").status == "done"
    assert client.call("status")["runners"][0]["pid"] != former


def test_a_run_that_was_fed_nothing_says_so_when_its_runner_dies(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = client.call("open_run")
    client.call("view", flow=info.ref)
    os.kill(client.call("status")["runners"][0]["pid"], signal.SIGKILL)
    ended = client.call("wait", ref=info.ref)
    assert "killed by SIGKILL; no message had been fed" in ended.failures[0].message


def test_pipes_of_a_runner_that_was_killed_while_a_runtime_started_are_removed(
    attach: Clients, tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    client = attach()
    processes.watch(client.pid)
    [runner] = until(lambda: client.call("status")["runners"], "the runner")
    for owner in (runner["pid"], os.getpid()):
        (tmp_path / f"floe-{owner}-0123abcd").mkdir()
        os.mkfifo(tmp_path / f"floe-{owner}-0123abcd" / "in")
    client.call("shutdown")
    assert [path.name for path in tmp_path.glob("floe-*")] == [f"floe-{os.getpid()}-0123abcd"]
    processes.wait_gone()


def test_shutdown_ends_everything_also_what_is_detached(client: Client, path: str, processes: Processes) -> None:
    define(client, hold="hold")
    run(client, 1, detach=True)
    pid = client.pid
    assert client.call("shutdown") is None
    processes.wait_gone()
    nothing_is_left(path, pid)


def test_detaching_afterwards_and_no_longer(client: Client, attach: Clients, processes: Processes) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    client.call("detach", flow=info.ref)
    pid = client.pid
    client.close()
    again = attach("again")
    assert again.pid == pid
    again.call("detach", flow=info.ref, on=False)
    again.close()
    processes.wait_gone()


def test_a_flow_that_is_up_and_detached_stays(client: Client, attach: Clients, processes: Processes) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start", detach=True)
    client.close()
    again = attach("again")
    assert again.call("request", flow="co2", batch=batch(3))[1][0].batch.payload == b"[6]"
    again.call("stop", flow="co2")
    again.close()
    processes.wait_gone()


def test_a_data_directory_that_cannot_be_used_is_an_error_with_its_cure(attach: Clients, path: str) -> None:
    Path(f"{path}.data").write_text("in the way")
    with pytest.raises(EnvironmentFailed, match=r"data directory .* cannot be written.*XDG_DATA_HOME"):
        attach()
    assert read(path) is None


def test_a_damaged_store_is_refused_and_nothing_is_started(attach: Clients, path: str, tmp_path: Path) -> None:
    (tmp_path / "floe.json.data").mkdir()
    (tmp_path / "floe.json.data" / "store.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(EnvironmentFailed, match=r"store.sqlite is damaged"):
        attach()
    until(lambda: not [p for p in psutil.process_iter(["cmdline"]) if path in (p.info["cmdline"] or [])], "the end of all of it")


def test_a_command_that_is_no_dispatcher_is_told_with_what_it_printed(attach: Clients) -> None:
    with pytest.raises(EnvironmentFailed, match="did not start:\nTraceback"):
        attach(command=(sys.executable, "-c", "import sys; sys.stderr.write('Traceback: no')"))
