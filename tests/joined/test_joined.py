"""A flow whose home runner is a process on another machine that joined by key."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import EnvironmentFailed, UnknownName
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch, define, over, run, until, values_of
from tests.e2e.flows import define as notate
from tests.e2e.outposts import spread
from tests.joined.kit import LAB, Joined
from tests.remote.flows import done, ran
from tests.remote.test_ssh import _masked as masked


def test_a_flow_runs_in_a_joined_runner(client: Client, joined: Joined) -> None:
    define(client, where="import os\ndef where(v): return [v, os.getpid()]")
    info = run(client, 1, 2, runner=LAB)
    assert info.status == "done", info
    runtimes = {process.pid for process in psutil.Process(joined.process.pid).children(recursive=True)}
    assert [value[0] for value in values_of(client, info.ref)] == [1, 2]
    assert {value[1] for value in values_of(client, info.ref)} <= runtimes
    rows = {row["url"]: row for row in client.call("runners")}
    assert (rows[LAB]["host"], rows[LAB]["status"], rows[LAB]["runtimes"]) == (os.uname().nodename, "ready", 1)
    assert joined.status() == "connected"


def test_a_run_gives_the_same_results_and_events_there_as_here(client: Client, joined: Joined) -> None:
    split = "def split(v):\n    print('line', v)\n    for n in range(v): yield n"
    add = "def add(v, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + v\n    return ctx.state['n']"
    last = "def last(v): return {'x': v, 'text': 'é' * v}"
    notate(client, "same", "split -> add -> last", Module("split", split), Module("add", add), Module("last", last))
    seen: list[list[Any]] = []
    for runner in ("local:", LAB):
        info = ran(client, runner, [3, 4, 0, 2], flow="same", debug=True)
        assert info.status == "done", info
        nodes = [(n.id, n.lang, n.taken, n.given, n.failed) for n in client.call("view", flow=info.ref).nodes]
        logs = [(line["node"], line["stream"], line["text"]) for line in client.call("logs", flow=info.ref)]
        records = sorted(client.call("history", flow=info.ref), key=lambda record: record.node)  # in order within a node
        history = [(r.node, r.input.payload, [(port, made.payload) for port, made in r.outputs]) for r in records]
        latest = client.call("latest", flow=info.ref)
        seen.append([values_of(client, info.ref), masked(info), nodes, logs, history, latest])
    assert seen[0] == seen[1]


def test_bytes_of_any_size_go_there_and_come_back(client: Client, joined: Joined) -> None:
    notate(client, "echo", "one -> two", Module("one", "def one(v): return v"), Module("two", "def two(v): return [v, len(v)]"))
    data = os.urandom(9 << 20)
    assert done(client, LAB, [data], flow="echo") == [[data, len(data)]]


def test_breakpoint_step_back_edit_and_hot_update(client: Client, joined: Joined) -> None:
    define(client, double="def f(x): return 2 * x", inc="def f(x): return x + 1")
    client.call("set_break", node="inc")
    info = run(client, 5, debug=True, runner=LAB)
    assert (info.status, info.held) == ("held", 1)
    assert client.call("step")["inc"]["outputStates"] == {"out": [11]}
    client.call("back")
    [held] = client.call("held")
    assert client.call("edit", id=held.id, text=b"100").value == 100
    assert client.call("define", module=Module("inc", "def f(x): return x + 1000"))["updated"] == [info.ref]
    client.call("clear_break")
    client.call("resume")
    assert over(client, info.ref).status == "done"
    assert values_of(client, info.ref) == [1100]


def test_each_workspace_has_a_runner_of_its_own(client: Client, joined: Joined, attach: Callable[..., Client]) -> None:
    from floe_jupyter.wire.control.workspaces import Workspace
    from tests.dispatcher.kit import REAL

    clients = [attach(f"c{n}", command=REAL, workspace=Workspace("", f"w{n}", "program", f"/w{n}")) for n in range(2)]
    for one in clients:
        define(one, pid="import os\ndef pid(v): return os.getppid()")
    pids = [done(one, LAB, [1])[0] for one in clients]
    assert len(set(pids)) == 2
    assert set(pids) == {process.pid for process in joined.runners()}


def test_a_runner_that_is_killed_there_fails_its_runs_and_the_next_run_starts_another(client: Client, joined: Joined) -> None:
    define(client, slow="import time\ndef slow(v):\n    time.sleep(v)\n    return v")
    assert done(client, LAB, [0]) == [0]
    info = client.call("open_run", runner=LAB)
    client.call("feed", ref=info.ref, batch=batch(60))
    for process in joined.runners():
        process.kill()
    info = over(client, info.ref)
    assert info.status == "failed"
    assert "killed by SIGKILL" in info.failures[0].message
    assert done(client, LAB, [0]) == [0]


def test_a_runner_there_can_be_ended_by_its_number(client: Client, joined: Joined) -> None:
    define(client, echo="def echo(v): return v")
    assert done(client, LAB, [0]) == [0]
    row = next(row for row in client.call("runners") if row["url"] == LAB)
    client.call("end_runner", pid=row["pid"])
    until(lambda: not joined.runners(), "the end of the runner there", 5.0)
    assert done(client, LAB, [1]) == [1]


def test_a_name_without_a_key_and_a_key_without_a_machine_are_told_with_their_cure(client: Client) -> None:
    define(client, echo="def echo(v): return v")
    with pytest.raises(UnknownName, match="floe keys add lab9"):
        client.call("open_run", runner="join:lab9")
    client.call("add_key", name="lab9")
    with pytest.raises(EnvironmentFailed, match="floe keys listen tcp://"):
        client.call("open_run", runner="join:lab9")
    client.call("listen_for_runners", endpoint="tcp://127.0.0.1:0")
    with pytest.raises(EnvironmentFailed, match=r"never connected.*floe runner --connect tcp://HOST:PORT --key FILE"):
        client.call("open_run", runner="join:lab9")


def test_the_time_of_a_round_trip_beside_a_local_one(client: Client, joined: Joined) -> None:
    took: dict[str, list[float]] = {"local:": [], LAB: []}
    for runner, name in zip(took, ("here", "there"), strict=True):
        define(client, name, echo="def echo(v): return v")
        client.call("start", flow=name, runner=runner)
    for n in range(600):
        for times, name in zip(took.values(), ("here", "there"), strict=True):
            begin = time.perf_counter()
            client.call("request", flow=name, batch=batch(n), timeout=20.0)
            times.append(1e3 * (time.perf_counter() - begin))
    local, there = (statistics.median(times[100:]) for times in took.values())
    print(f"round trip: local {local:.2f} ms, joined over CURVE {there:.2f} ms, {there / local:.2f} times")
    assert there < 2 * local


def test_a_node_lives_in_a_joined_runner_and_moves_home_while_messages_flow(client: Client, joined: Joined) -> None:
    count = "def {0}(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return [*v, n]\n"
    spread.define(client, Module("first", "def first(v): return [v]"), Module("b", count.format("b")))
    spread.place(client, "f", "first -> b", b=LAB)
    ref = client.call("open_run", flow="f").ref
    spread.feed(client, ref, range(2_000))
    spread.wait(lambda: spread.count(client, ref) == 2_000, "the results of the node there")
    assert spread.runtimes(client)["b"]["pid"] in {p.pid for p in psutil.Process(joined.process.pid).children(recursive=True)}
    spread.place(client, "f", "first -> b")
    spread.feed(client, ref, range(2_000, 4_000))
    client.call("close_run", ref=ref)
    assert client.call("wait", ref=ref, timeout=60).status == "done"
    assert spread.results(client, ref) == [[n, n] for n in range(4_000)]
