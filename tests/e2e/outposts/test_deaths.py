"""A lost outpost is a lost runtime: its messages are delivered again, and the other processes live on."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client, connect
from floe_jupyter.wire.control.workspaces import Workspace
from tests.e2e.flows import opened
from tests.e2e.outposts.spread import count, define, feed, place, results, runners, runtimes, wait
from tests.processes import gone

SLOW = "import time\ndef {name}(v, ctx):\n    time.sleep(0.0005)\n    ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return {result}\n"
MODULES = (
    Module("a", SLOW.format(name="a", result="[v, ctx.state['n']]")),
    Module("b", SLOW.format(name="b", result="[*v, ctx.state['n']]")),
    Module("c", SLOW.format(name="c", result="[*v, ctx.state['n']]")),
)
PLACES = {"a": "local:b", "b": "local:c", "c": "local:b"}


def spread(client: Client) -> str:
    """Open a run of a chain over two outposts."""
    define(client, *MODULES)
    place(client, "f", "a -> b -> c", **PLACES)
    ref: str = client.call("open_run", flow="f").ref
    return ref


def end(client: Client, ref: str, n: int) -> None:
    """Close the run, and check that each message arrived once and in order, with states that go on."""
    client.call("close_run", ref=ref)
    info = client.call("wait", ref=ref, timeout=120)
    assert (info.status, info.failures) == ("done", ())
    assert results(client, ref) == [[i, i, i, i] for i in range(n)]


def kill(pid: int) -> bool:
    """Kill a process; return False if it has ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(240)
def test_20_kills_of_outposts_and_of_their_runtimes_lose_and_double_nothing(client: Client) -> None:
    ref = spread(client)
    seed = int(os.environ.get("FLOE_SEED", time.time_ns() % 10_000))
    print(f"\nFLOE_SEED={seed}")
    choice, fed, kills = random.Random(seed), 0, 0
    for n in range(30):
        feed(client, ref, range(fed, fed + 500))
        fed += 500
        seen = count(client, ref)
        wait(lambda seen=seen: count(client, ref) > seen, "a result since the last kill")
        if n % 3 == 0:
            found = runners(client)
            victims = [found[url] for url in ("local:b", "local:c") if url in found]
        else:
            victims = [row["pid"] for node, row in runtimes(client).items() if row["pid"] and node in PLACES]
        if victims:
            kills += kill(choice.choice(victims))
    print(f"{kills} kills")
    assert kills >= 20
    end(client, ref, fed)


def test_the_runtimes_of_a_killed_outpost_end_with_it_and_those_elsewhere_live_on(client: Client) -> None:
    ref = spread(client)
    feed(client, ref, range(10))
    wait(lambda: count(client, ref) == 10, "the results")
    before, outposts = runtimes(client), runners(client)
    os.kill(outposts["local:b"], signal.SIGKILL)
    wait(lambda: gone(before["a"]["pid"]), "the end of its runtime", 5)
    feed(client, ref, range(10, 20))
    end(client, ref, 20)
    after = runners(client)
    assert after["local:c"] == outposts["local:c"]
    assert after["local:"] == outposts["local:"]
    assert after["local:b"] != outposts["local:b"]


def test_the_home_of_a_run_that_dies_ends_its_runtimes_in_outposts_and_the_run_fails(client: Client) -> None:
    ref = spread(client)
    feed(client, ref, range(10))
    wait(lambda: count(client, ref) == 10, "the results")
    found, outposts = runtimes(client), runners(client)
    os.kill(outposts["local:"], signal.SIGKILL)
    info = client.call("wait", ref=ref, timeout=20)
    assert info.status == "failed"
    assert "the runner local:" in info.failures[0].message
    for node in PLACES:
        wait(lambda node=node: gone(found[node]["pid"]), f"the end of the runtime of {node}", 5)
    assert not gone(outposts["local:b"])
    place(client, "g", "a -> b -> c", **PLACES)
    again = opened(client, "g", list(range(5)))
    assert client.call("wait", ref=again.ref, timeout=30).status == "done"
    assert runners(client)["local:b"] == outposts["local:b"], "the outpost serves the next home"


def test_a_message_that_ends_its_runtime_in_an_outpost_three_times_fails_with_the_count(client: Client, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    define(client, Module("m", f"import os\ndef m(v):\n    open({str(begun)!r}, 'a').write('x')\n    os.abort()\n"))
    place(client, "f", "m", m="local:b")
    info = client.call("wait", ref=opened(client, "f", [1]).ref, timeout=30)
    [failure] = info.failures
    assert (failure.kind, failure.attempts, len(begun.read_text())) == ("crashed", 3, 3)
    assert "killed by SIGABRT" in failure.message


def test_an_outpost_that_hangs_is_named_and_a_cancelled_run_ends_nevertheless(client: Client) -> None:
    ref = spread(client)
    feed(client, ref, range(10))
    wait(lambda: count(client, ref) == 10, "the results")
    pid = runners(client)["local:c"]
    os.kill(pid, signal.SIGSTOP)
    try:
        feed(client, ref, range(10, 20))
        said = wait(lambda: client.call("run_info", ref=ref).waits_for, "the name of the silent runner", 15)
        assert f"the runner local:c (process {pid}) has not answered" in said
        begin = time.monotonic()
        client.call("cancel", ref=ref, timeout=15)
        assert client.call("run_info", ref=ref).status == "cancelled"
        assert time.monotonic() - begin < 12
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_endless_call_in_an_outpost_is_killed_after_a_cancel_and_the_outpost_lives_on(client: Client) -> None:
    define(client, Module("m", "def m(v):\n    while True: pass\n"))
    place(client, "f", "m", m="local:b")
    info = opened(client, "f", [1])
    pid = wait(lambda: runtimes(client).get("m", {}).get("pid"), "the runtime")
    wait(lambda: psutil.Process(pid).cpu_times().user > 0.3, "the loop")
    client.call("cancel", ref=info.ref)
    wait(lambda: gone(pid), "the end of the process", 10)
    assert "local:b" in runners(client)


def test_outposts_end_with_their_workspace_and_those_of_others_stay(client: Client) -> None:
    other = connect(client="other", workspace=Workspace("", "other", "program", "other"))
    for each in (client, other):
        define(each, *MODULES)
        place(each, "f", "a -> b -> c", **PLACES)
        assert each.call("wait", ref=opened(each, "f", [1]).ref, timeout=30).status == "done"
    rows = client.call("runners")
    assert len([row for row in rows if row["url"] == "local:b"]) == 2, "each workspace has outposts of its own"
    other.close()
    for row in rows:
        if row["workspace"] == "other":
            wait(lambda row=row: gone(row["pid"]), f"the end of {row}", 15)
    assert all(not gone(row["pid"]) for row in rows if row["workspace"] != "other")


def test_nothing_is_left_of_outposts_after_their_owner_was_killed(client: Client) -> None:
    ref = spread(client)
    feed(client, ref, range(10))
    wait(lambda: count(client, ref) == 10, "the results")
    dispatcher = psutil.Process(client.call("status")["pid"])
    family = [dispatcher, *dispatcher.children(recursive=True)]
    dispatcher.send_signal(signal.SIGKILL)
    for process in family:
        wait(lambda process=process: gone(process.pid), f"the end of {process}", 5)
