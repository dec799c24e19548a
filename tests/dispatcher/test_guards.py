"""While a front end is there, what a killed kernel leaves behind is kept for its restart; otherwise it is stopped at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import ROOT, Processes, define, run
from tests.dispatcher.test_ends import Kernel, Kernels, kernel, nothing_is_left

__all__ = ["kernel"]

Clients = Callable[..., Client]
FRONT = """
import sys, time
sys.path.insert(0, {root!r})
from floe_jupyter.wire.client.client import connect
client = connect(start=False, client="server 1", session="server 1")
client.call("hello", key=client.attach().connection.key, client="server 1", session="server 1", guards=True)
print(client.pid, flush=True)
time.sleep(60)
"""


def greet_as_front_end(client: Client) -> Client:
    client.call("hello", key=client.attach().connection.key, client="server 1", session="server 1", guards=True)
    return client


@pytest.fixture
def front(kernel: Kernels) -> Iterator[tuple[Kernel, subprocess.Popen[str]]]:
    """A kernel with a run that is held, and a process that is a front end."""
    made = kernel()
    process = subprocess.Popen([sys.executable, "-c", FRONT.format(root=str(ROOT))], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert int(process.stdout.readline()) == made.dispatcher
    yield made, process
    process.kill()
    process.communicate()


def finish(client: Client, ref: str) -> str:
    client.call("close_run", ref=ref)
    client.call("resume", flow=ref)
    return str(client.call("wait", ref=ref, timeout=10.0).status)


def test_a_killed_kernel_that_is_restarted_finds_its_run(kernel: Kernels, attach: Clients) -> None:
    made = kernel()
    looks = greet_as_front_end(attach("front"))
    made.kill()
    assert looks.call("wait", ref=made.ref, timeout=1.0, through_holds=True).status == "held"
    again = attach("kernel", session="kernel-1")
    assert (again.pid, again.call("run_info", ref=made.ref).status) == (made.dispatcher, "held")
    assert finish(again, made.ref) == "done"


def test_it_is_the_restarted_kernels_own_again(kernel: Kernels, attach: Clients) -> None:
    made = kernel()
    looks = greet_as_front_end(attach("front"))
    made.kill()
    looks.call("wait", ref=made.ref, timeout=0.2, through_holds=True)
    attach("kernel", session="kernel-1").close()
    assert looks.call("wait", ref=made.ref, timeout=5.0, through_holds=True).status == "cancelled"


def test_a_front_end_that_leaves_for_a_while_does_not_end_what_it_guarded(kernel: Kernels, attach: Clients) -> None:
    made = kernel()
    looks = greet_as_front_end(attach("front"))
    made.kill()
    looks.call("wait", ref=made.ref, timeout=0.2, through_holds=True)
    looks.close(keep=True)
    sees = attach("sees")
    assert sees.call("wait", ref=made.ref, timeout=0.5, through_holds=True).status == "held"
    sees.close()
    again = attach("kernel", session="kernel-1")
    assert (again.pid, again.call("run_info", ref=made.ref).status) == (made.dispatcher, "held")


def test_what_is_killed_while_the_front_end_is_away_is_kept_too(kernel: Kernels, attach: Clients) -> None:
    first, second = kernel(), kernel(more="client.call('hello', key=client.attach().connection.key, session='kernel-2')")
    looks, sees = greet_as_front_end(attach("front")), attach("sees")
    first.kill()
    sees.call("wait", ref=first.ref, timeout=0.2, through_holds=True)
    looks.close(keep=True)
    sees.call("status")
    second.kill()
    assert sees.call("wait", ref=second.ref, timeout=0.5, through_holds=True).status == "held"


def test_a_front_end_that_does_not_come_back_guards_no_longer(kernel: Kernels, attach: Clients) -> None:
    made = kernel()
    looks, sees = greet_as_front_end(attach("front")), attach("sees")
    made.kill()
    sees.call("wait", ref=made.ref, timeout=0.2, through_holds=True)
    looks.attach().call("leave", {"grace": 0.3})
    looks.attach().close(bye=False)
    assert sees.call("wait", ref=made.ref, timeout=5.0, through_holds=True).status == "cancelled"


def test_when_the_front_end_is_killed_after_the_kernel_nothing_is_left(
    front: tuple[Kernel, subprocess.Popen[str]], path: str, processes: Processes
) -> None:
    made, process = front
    made.kill()
    process.kill()
    processes.wait_gone(2.0)
    nothing_is_left(path, made.dispatcher)


def test_when_the_front_end_is_killed_before_the_kernel_nothing_is_left(
    front: tuple[Kernel, subprocess.Popen[str]], path: str, processes: Processes
) -> None:
    made, process = front
    process.kill()
    process.wait()
    made.kill()
    processes.wait_gone(2.0)
    nothing_is_left(path, made.dispatcher)


def test_a_kernel_that_ends_as_it_means_to_takes_its_runs_along(attach: Clients) -> None:
    looks = greet_as_front_end(attach("front"))
    mine = attach("kernel", session="kernel-1")
    define(mine, hold="hold")
    ref = run(mine, 1).ref
    mine.close()
    assert looks.call("wait", ref=ref, timeout=5.0, through_holds=True).status == "cancelled"


def test_a_killed_client_without_a_session_is_not_waited_for(kernel: Kernels, attach: Clients) -> None:
    made = kernel(more="client.call('hello', key=client.attach().connection.key)")
    looks = greet_as_front_end(attach("front"))
    made.kill()
    assert looks.call("wait", ref=made.ref, timeout=5.0, through_holds=True).status == "cancelled"


def test_a_front_end_that_comes_back_has_its_runs_and_one_without_runs_is_not_waited_for(
    attach: Clients, processes: Processes
) -> None:
    first = greet_as_front_end(attach("front", session="server 1"))
    processes.watch(first.pid)
    define(first, hold="hold")
    ref = run(first, 1).ref
    first.close(keep=True)
    again = greet_as_front_end(attach("front", session="server 1"))
    assert again.call("run_info", ref=ref).status == "held"
    again.call("cancel", ref=ref)
    again.close(keep=True)
    processes.wait_gone(2.0)
