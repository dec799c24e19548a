"""A dispatcher that has no descriptor left says so to whoever comes, and serves those that are there."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.workspaces import Workspace
from tests.dispatcher.kit import REAL, Processes, batch, define, over, run, until
from tests.processes import alive, family


@pytest.fixture
def full(client: Client) -> Iterator[Callable[[int], None]]:
    """Lets the numbers of a dispatcher's descriptors grow by so many."""
    before = resource.prlimit(client.pid, resource.RLIMIT_NOFILE)
    yield lambda more: limit(client.pid, more)
    resource.prlimit(client.pid, resource.RLIMIT_NOFILE, before)


def limit(pid: int, more: int) -> None:
    newest = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
    _allow(pid, newest + 1 + more)


def fill(pid: int) -> None:
    """Leave nothing, not even the numbers between others."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    _allow(pid, min(set(range(len(used) + 1)) - used))


def _allow(pid: int, descriptors: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))


@pytest.mark.parametrize("more", range(4))
def test_B11_a_client_that_finds_no_descriptor_is_told_the_cause(
    client: Client, attach: Callable[..., Client], full: Callable[[int], None], more: int
) -> None:
    define(client, a="lambda x: x")
    assert run(client, 1).status == "done"
    full(more)
    began = time.monotonic()
    with pytest.raises(
        EnvironmentFailed, match=r"has no file descriptor left for another client \(its limit is .*ulimit -n 4096"
    ):
        for _ in range(64):
            attach().call("status")
    assert time.monotonic() - began < 25.0
    assert run(client, 2).status == "done"
    assert alive(psutil.Process(client.pid))


@pytest.mark.parametrize("more", [0, 1, 2, 3, 6, 9])
def test_B11_a_run_that_needs_another_runner_starts_or_is_told_the_cause_at_once(
    client: Client, attach: Callable[..., Client], full: Callable[[int], None], more: int
) -> None:
    define(client, a="lambda x: x")
    assert run(client, 1).status == "done"
    other = attach("other", workspace=Workspace("", "other", "program", "other"))
    define(other, a="lambda x: x")
    full(more)
    before, processes = _descriptors(client), family(client.pid)
    began = time.monotonic()
    try:
        assert run(other, 1).status == "done"
    except EnvironmentFailed as error:
        assert re.search(r"has no file descriptor left for another runner \(its limit is .*ulimit -n 4096", str(error))
        assert (_descriptors(client), family(client.pid)) == (before, processes)
    assert time.monotonic() - began < 5.0
    assert run(client, 2).status == "done"
    full(50)
    assert run(other, 2).status == "done"


def test_B11_a_runner_that_is_starting_gets_in_although_others_take_the_last_descriptors(
    attach: Callable[..., Client], processes: Processes
) -> None:
    client = attach(command=REAL)
    processes.watch(client.pid)
    other = attach("other", command=REAL, workspace=Workspace("", "other", "program", "other"))
    define(client, a="def a(v): return v")
    define(other, a="def a(v): return v")
    assert run(client, 1).status == "done"
    ref = other.call("open_run").ref
    limit(client.pid, 0)  # the runner has not connected yet
    other.call("feed", ref=ref, batch=batch(1))
    other.call("close_run", ref=ref)
    assert over(other, ref, 5.0).status == "done"


@pytest.mark.parametrize("more", [0, 1, 2, 3, 4, 8, 11])
def test_B11_a_client_that_came_in_may_listen_or_was_told_the_cause(
    client: Client, attach: Callable[..., Client], full: Callable[[int], None], more: int
) -> None:
    define(client, a="lambda x: x")
    assert run(client, 1).status == "done"  # the runner is connected
    full(more)
    with pytest.raises(EnvironmentFailed, match="no file descriptor left for another client"):
        for _ in range(64):
            listens = attach()
            listens.subscribe("defined/", lambda *_: None)
            define(listens, a="lambda x: x")
    assert run(client, 1).status == "done"


def test_B11_a_call_that_has_to_open_a_file_is_told_the_cause_and_works_again(
    client: Client, full: Callable[[int], None]
) -> None:
    until(lambda: client.call("status")["runners"][0]["ready"], "the runner")
    fill(client.pid)
    with pytest.raises(EnvironmentFailed, match=r"no file descriptor left for 'define' \(its limit is .*ulimit -n 4096"):
        define(client, a="lambda x: x")  # the first definition imports what checks it
    full(10)
    define(client, a="lambda x: x")
    assert run(client, 1).status == "done"


def _descriptors(client: Client) -> list[str]:
    return sorted(os.listdir(f"/proc/{client.pid}/fd"))


def test_B11_a_full_dispatcher_waits_without_work(
    client: Client, attach: Callable[..., Client], full: Callable[[int], None]
) -> None:
    def come() -> None:
        """Attach clients until one is refused: files that were open for a moment may have left room for a few more."""
        with pytest.raises(EnvironmentFailed):
            for _ in range(64):
                attach().call("status")

    until(
        lambda: client.call("status")["runners"][0]["ready"], "the runner"
    )  # its stand-in comes by ZeroMQ, which ends without room
    full(0)
    come()
    before = _cpu(client.pid)
    come()
    time.sleep(0.5)  # the time that is measured
    assert _cpu(client.pid) - before < 0.25


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
