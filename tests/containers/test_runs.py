"""A flow in a container does what it does beside the kernel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.core.flow.model import Place
from floe_jupyter.wire.client.client import Client
from tests.containers.flows import IMAGE, define, finished, module, opened, results, run

COUNT = """def count(msg, ctx):
    ctx.state["n"] = ctx.state.get("n", 0) + 1
    yield msg
    yield [msg, ctx.state["n"]]
"""
USUAL = """import asyncio, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading
def square(n):
    return n * n
def usual(msg):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        [squared] = pool.map(square, [msg])
    said = subprocess.run(["sh", "-c", f"echo {msg}"], capture_output=True, text=True).stdout.strip()
    found = []
    thread = threading.Thread(target=lambda: found.append(msg))
    thread.start(); thread.join()
    async def later():
        await asyncio.sleep(0.001)
        return await asyncio.to_thread(lambda: msg)
    with tempfile.NamedTemporaryFile("w+") as file, sqlite3.connect(":memory:") as base:
        file.write("x"); file.flush(); os.chmod(file.name, 0o600); os.utime(file.name)
        listener = socket.create_server(("127.0.0.1", 0))
        with socket.create_connection(listener.getsockname()):
            listener.close()
        [counted] = base.execute("select ?", [msg]).fetchone()
    return [squared, said, asyncio.run(later()), counted, found, msg]
"""
MANY = """import { Worker } from 'node:worker_threads';
export default async (msg) => {
  const worker = new Worker(`require('node:worker_threads').parentPort.postMessage(300)`, { eval: true });
  const got = await new Promise((done) => worker.once('message', done));
  return [...msg, got];
};
"""
TWICE = "export default (msg) => [msg, msg]"


@pytest.fixture
def homes(client: Client) -> Client:
    """The same flow with its home beside the kernel, ``near``, and in a container, ``far``."""
    for name, url in (("near", "local:"), ("far", IMAGE)):
        define(client, name, "count -> twice", module("count", COUNT), module("twice", TWICE, "js"), runner=url)
    return client


def test_a_flow_in_a_container_gives_the_results_of_a_local_one(homes: Client) -> None:
    began = time.monotonic()
    found = run(homes, "far", *range(100))
    print(f"create to results of 100 messages: {time.monotonic() - began:.2f} s")
    assert found == run(homes, "near", *range(100))
    assert next(r["host"] for r in homes.call("runners") if r["url"] == IMAGE).startswith("container ")


def recorded(client: Client, flow: str) -> list[Any]:
    """What a debugged run records: all steps, those of each node in order, and the outcome."""
    info = opened(client, flow, [1, 2, 3], debug=True, paused=True)
    stepped = [client.call("step", flow=info.ref) for _ in range(3)]
    stepped += [client.call("back", flow=info.ref), client.call("step", flow=info.ref)]
    client.call("resume", flow=info.ref)
    info = finished(client, info)
    records = sorted(client.call("history", flow=info.ref), key=lambda record: record.node)  # nodes answer at the same time
    history = [(r.node, r.input.payload, r.input.ids) for r in records]
    return [stepped, history, results(client, info), info.fed, info.results]


def test_steps_and_records_in_a_container_are_those_of_a_local_run(homes: Client) -> None:
    far = json.dumps(recorded(homes, "far"), default=str, sort_keys=True).replace("far.", "near.")
    near = json.dumps(recorded(homes, "near"), default=str, sort_keys=True)
    assert "inputStates" in near
    assert far == near


def test_a_module_in_a_container_is_updated_between_two_messages_and_keeps_its_state(client: Client) -> None:
    define(
        client,
        "up",
        "count",
        module("count", "def count(msg, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return n"),
    )
    client.call("start", flow="up")

    def asked() -> bytes:
        return bytes(client.call("request", flow="up", batch=_batch(0))[1][0].batch.payload)

    assert asked() == b"[1]"
    client.call("define", module=module("count", "def count(msg, ctx):\n    ctx.state['n'] += 1\n    return -ctx.state['n']"))
    assert asked() == b"[-2]"
    assert client.call("define", module=module("count", "def count(msg:"))["refused"]
    assert asked() == b"[-3]"
    client.call("stop", flow="up")


def _batch(value: Any) -> Any:
    from floe_jupyter.wire.values import encode

    return encode([value])


def test_a_killed_runtime_in_a_container_loses_and_doubles_no_message(client: Client) -> None:
    dies = """import os, signal
def dies(msg):
    if msg % 7 == 3 and not os.path.exists(f"/tmp/{msg}"):
        open(f"/tmp/{msg}", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return msg
"""
    define(client, "hurt", "dies -> twice", module("dies", dies), module("twice", TWICE, "js"))
    assert run(client, "hurt", *range(20)) == [[n, n] for n in range(20)]


def test_buffers_go_into_a_container_and_come_back(client: Client) -> None:
    define(
        client,
        "echo",
        "same -> again",
        module("same", "def same(msg):\n    return msg[::-1]"),
        module("again", "export default (m) => m", "js"),
    )
    for size in (10, 100_000, 1 << 20, 16 << 20):
        given = os.urandom(size)
        began = time.monotonic()
        [found] = run(client, "echo", given)
        print(f"{size} bytes into a container and back: {time.monotonic() - began:.2f} s")
        assert found == given[::-1]


def test_prints_and_errors_of_a_container_stand_at_their_cell_and_line(client: Client) -> None:
    source = "def loud(msg):\n    print('hello', msg)\n    return 1 / msg\n"
    define(client, "loud", "loud", module("loud", source, place=Place(cell=7, line=1)))
    info = client.call("wait", ref=opened(client, "loud", [1, 0]).ref, timeout=30.0)
    [failure] = info.failures
    assert (info.status, failure.node, failure.cell, failure.line) == ("failed", "loud", 7, 4)
    assert "ZeroDivisionError" in failure.message
    assert "hello 1" in str(client.call("logs", flow="loud"))


def test_two_dispatchers_have_containers_of_their_own(
    new_client: Callable[[str], Client], containers_of: Callable[[Client], dict[str, int]]
) -> None:
    found: set[str] = set()
    for name in ("one", "two"):
        client = new_client(name)
        define(client, "id", "where", module("where", "import os\ndef where(msg):\n    return os.uname().nodename"))
        [host] = run(client, "id", 0)
        [container] = containers_of(client)
        assert container.startswith(host)
        found.add(container)
    assert len(found) == 2


def test_dependencies_are_installed_by_a_builder_and_mounted_read_only(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = "import os, six\ndef needs(msg):\n    return [six.__version__, os.access(os.path.dirname(six.__file__), os.W_OK)]"
    define(client, "deps", "needs", module("needs", source, deps=("six==1.16.0",)))
    began = time.monotonic()
    assert run(client, "deps", 1) == [["1.16.0", False]]
    print(f"a container and a package: {time.monotonic() - began:.2f} s")


def test_packages_of_javascript_are_installed_without_running_their_scripts(client: Client) -> None:
    source = "import odd from 'is-odd'; export default (msg) => odd(msg)"
    define(client, "odd", "odd", module("odd", source, "js", deps=("is-odd@3.0.1",)))
    assert run(client, "odd", 1, 2) == [True, False]


def test_limits_and_the_network_are_given_in_the_url(
    client: Client, engine: Any, containers_of: Callable[[Client], dict[str, int]]
) -> None:
    url = f"{IMAGE}?memory=96m&cpus=0.5&pids=48&network=on"
    source = "import os\ndef nets(msg):\n    return sorted(os.listdir('/sys/class/net'))"
    define(client, "nets", "nets", module("nets", source), runner=url)
    assert "eth0" in run(client, "nets", 0)[0]
    [made] = [engine.containers.get(name) for name in containers_of(client)]
    limits = made.attrs["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"], limits["PidsLimit"]) == (96 << 20, 500_000_000, 48)


def test_one_node_of_a_local_flow_lives_in_a_container_and_gives_the_same_results(client: Client) -> None:
    where = "import os\ndef where(msg):\n    return [msg, os.getuid()]"
    text = f"count -> where -> twice\nwhere = where(runner='{IMAGE}')"
    define(client, "mixed", text, module("count", COUNT), module("where", where), module("twice", TWICE, "js"), runner="local:")
    found = run(client, "mixed", 1, 2)
    assert [each[0][0] for each in found] == [1, [1, 1], 2, [2, 2]]
    assert {each[0][1] for each in found} == {os.getuid() or 65532}


def test_what_programs_usually_do_works_in_a_container(client: Client) -> None:
    define(client, "usual", "usual -> many", module("usual", USUAL), module("many", MANY, "js"))
    assert run(client, "usual", 3) == [[9, "3", 3, 3, [3], 3, 300]]
