"""A flow whose home runner is on another machine, reached by ssh: the same as at home."""

from __future__ import annotations

import os
import time
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.flow.model import Module, Place
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch, define, over, run, until, values_of
from tests.e2e.flows import define as notate
from tests.remote.flows import FAR, done, ran
from tests.remote.machine import UID, FarMachine

MIB = 1024 * 1024
WHERE = "import os, socket, sys\ndef where(v): return [v, socket.gethostname(), os.getuid(), os.getcwd()]"


def test_a_flow_runs_on_another_machine_which_knew_nothing_of_it(client: Client, far: FarMachine) -> None:
    far.run("rm -rf ~/.cache")
    define(client, where=WHERE)
    took = []
    for runner, cached in ((FAR, "copied"), ("ssh:far@far", "cached")):
        begin = time.monotonic()
        info = run(client, 1, 2, runner=runner)
        took.append(f"{time.monotonic() - begin:.2f} s to the result over ssh with the packages {cached}")
        assert info.status == "done", info
        assert values_of(client, info.ref) == [[n, "far", UID, "/home/far"] for n in (1, 2)]
    print("; ".join(took))


def test_modules_run_in_the_folder_that_the_url_names(client: Client, far: FarMachine) -> None:
    far.run("mkdir -p work/deep")
    define(client, where=WHERE)
    assert done(client, "ssh:far:work/deep", [1])[0][3] == "/home/far/work/deep"
    info = run(client, 1, runner="ssh:far:work/nowhere")
    assert "cannot run in the folder work/nowhere" in info.failures[0].message
    assert "make it, or leave it out" in info.failures[0].message


def test_modules_run_with_the_python_of_the_machine_and_its_packages(client: Client, far: FarMachine) -> None:
    far.run("mkdir -p work && echo 'answer = 42' > work/of_far.py")
    define(client, mine="import sys\nsys.path.insert(0, '.')\nimport of_far\ndef mine(v): return [sys.executable, of_far.answer]")
    python = far.run("python3 -c 'import sys; print(sys.executable)'").stdout.strip()
    assert done(client, "ssh:far:work", [1]) == [[python, 42]]


def test_runners_are_listed_with_url_host_and_status(client: Client) -> None:
    define(client, where=WHERE)
    done(client, FAR, [1])
    rows = {row["url"]: row for row in client.call("runners")}
    assert (rows[FAR]["host"], rows[FAR]["status"], rows[FAR]["runtimes"]) == ("far", "ready", 1)


def _masked(info: Any) -> Any:
    """Return a run's record without what differs from run to run."""
    record = msgspec.to_builtins(info, enc_hook=repr)
    for name in ("ref", "instance", "created", "started", "ended"):
        record.pop(name)
    return record


def test_a_run_gives_the_same_results_and_events_there_as_here(client: Client) -> None:
    split = "def split(v):\n    print('line', v)\n    for n in range(v): yield n"
    add = "def add(v, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + v\n    return ctx.state['n']"
    last = "def last(v): return {'x': v, 'text': 'é' * v}"
    notate(client, "same", "split -> add -> last", Module("split", split), Module("add", add), Module("last", last))
    seen: list[list[Any]] = []
    for runner in ("local:", FAR):
        info = ran(client, runner, [3, 4, 0, 2], flow="same", debug=True)
        assert info.status == "done", info
        view = client.call("view", flow=info.ref)
        nodes = [(n.id, n.lang, n.taken, n.given, n.failed) for n in view.nodes]
        logs = [(line["node"], line["stream"], line["text"]) for line in client.call("logs", flow=info.ref)]
        records = sorted(client.call("history", flow=info.ref), key=lambda record: record.node)  # in order within a node
        history = [(r.node, r.input.payload, [(port, made.payload) for port, made in r.outputs]) for r in records]
        latest = client.call("latest", flow=info.ref)
        seen.append([values_of(client, info.ref), _masked(info), nodes, logs, history, latest])
    assert seen[0] == seen[1]


def test_an_error_names_the_cell_and_line(client: Client) -> None:
    place = Place(cell=7, line=3)
    client.call("define", module=Module("bad", "def bad(v):\n    y = v\n    return 1 / y", place=place))
    notate(client, "bad", "bad")
    here, there = (ran(client, runner, [0], flow="bad").failures[0] for runner in ("local:", FAR))
    assert "ZeroDivisionError" in there.message
    assert (there.message, there.trace, there.input) == (here.message, here.trace, here.input)


@pytest.mark.parametrize("size", [64 * 1024 + 1, MIB, 20 * MIB])
def test_bytes_of_any_size_go_there_and_come_back(client: Client, size: int) -> None:
    notate(client, "echo", "one -> two", Module("one", "def one(v): return v"), Module("two", "def two(v): return [v, len(v)]"))
    data = os.urandom(size)
    begin = time.monotonic()
    [found] = done(client, FAR, [data], flow="echo")
    took = time.monotonic() - begin
    assert found == [data, size]
    client.call("shutdown")
    assert _segments_of(client.pid, os.getpid()) == []
    print(f"{size / MIB:.1f} MiB there and back with the start: {took:.2f} s")


def _segments_of(*makers: int) -> list[str]:
    return [name for name in os.listdir("/dev/shm") if name.startswith(tuple(f"floe-{pid}-" for pid in makers))]


def test_a_held_message_with_bytes_is_looked_at_and_forked(client: Client) -> None:
    notate(client, "look", "one -> two", Module("one", "def one(v): return v * 2"), Module("two", "def two(v): return len(v)"))
    client.call("set_break", flow="look", node="two")
    data = os.urandom(MIB)
    info = ran(client, FAR, [data], flow="look", debug=True)
    assert info.status == "held", info
    [held] = client.call("held", flow=info.ref, buffers=True)
    assert [buffer.data for buffer in held.buffers] == [data * 2]
    client.call("clear_break", flow="look")
    forked = client.call("fork", id=held.id, flow=info.ref)
    assert over(client, forked.ref).status == "done"
    assert values_of(client, forked.ref) == [2 * MIB]


def test_breakpoint_step_back_edit_and_hot_update(client: Client) -> None:
    define(client, double="def f(x): return 2 * x", inc="def f(x): return x + 1")
    client.call("set_break", node="inc")
    info = run(client, 5, debug=True, runner=FAR)
    assert (info.status, info.held) == ("held", 1)
    assert client.call("step")["inc"]["outputStates"] == {"out": [11]}
    client.call("back")
    [held] = client.call("held")
    assert client.call("edit", id=held.id, text=b"100").value == 100
    assert client.call("define", module=Module("inc", "def f(x): return x + 1000"))["updated"] == [info.ref]
    refused = client.call("define", module=Module("inc", "def f(x: return x"))["refused"]
    assert [failure.node for failure in refused] == ["inc"]
    client.call("clear_break")
    client.call("resume")
    assert over(client, info.ref).status == "done"
    assert values_of(client, info.ref) == [1100]


def test_a_flow_that_is_up_answers_requests_there(client: Client) -> None:
    define(client, where=WHERE)
    client.call("start", runner=FAR)
    assert b'"far"' in client.call("request", batch=batch(5), timeout=20.0)[1][0].batch.payload
    begin = time.monotonic()
    for n in range(100):
        client.call("request", batch=batch(n), timeout=20.0)
    print(f"a request over ssh: {10 * (time.monotonic() - begin):.2f} ms")
    client.call("stop")


def test_a_runner_that_is_killed_there_fails_its_runs_and_the_next_run_starts_another(client: Client, far: FarMachine) -> None:
    define(client, slow="import time\ndef slow(v):\n    time.sleep(v)\n    return v")
    info = client.call("open_run", runner=FAR)
    client.call("feed", ref=info.ref, batch=batch(60))
    runners = lambda: [p for p in far.processes() if "floe_jupyter.runner" in p.cmdline()]  # noqa: E731
    until(lambda: runners() and client.call("runners")[-1]["runtimes"], "a runner on the other machine")
    for process in runners():
        process.kill()
    info = over(client, info.ref)
    assert info.status == "failed"
    assert "killed by SIGKILL" in info.failures[0].message
    assert done(client, FAR, [0]) == [0]
