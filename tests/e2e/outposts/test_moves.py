"""Nodes move between runners while the flow runs: each message once, in order, with the state."""

from __future__ import annotations

import time

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.e2e.outposts.spread import count, define, feed, place, results, runners, wait, where

MESSAGES = 100_000
COUNT = "def {name}(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return {result}\n"
MODULES = (
    Module("a", COUNT.format(name="a", result="[v, n]")),
    Module(
        "b", "export default function b(v, ctx) { ctx.state.n = (ctx.state.n ?? -1) + 1; return [...v, ctx.state.n]; }\n", "js"
    ),
    Module("c", COUNT.format(name="c", result="[*v, n]")),
)
NOT_IN_B = """import os
if "local:b" in open(f"/proc/{os.getppid()}/cmdline").read():
    raise OSError("not here")
def a(v):
    return v
"""
TEXT = "a -> b -> c"
PLACES = (
    {"a": "local:b", "b": "local:c", "c": "local:b"},
    {"a": "local:c", "b": "", "c": "local:c"},
    {"a": "", "b": "local:b", "c": ""},
    {"a": "local:b", "b": "local:c", "c": "local:c"},
    {"a": "local:c", "b": "", "c": "local:b"},
)


@pytest.mark.timeout(240)
def test_100_000_messages_arrive_once_and_in_order_while_every_node_moves_five_times(client: Client) -> None:
    define(client, *MODULES)
    place(client, "f", TEXT)
    ref = client.call("open_run", flow="f").ref
    begin, step = time.monotonic(), MESSAGES // (len(PLACES) + 1)
    feed(client, ref, range(step))
    for n, places in enumerate(PLACES, 1):
        place(client, "f", TEXT, **places)
        assert where(client, ref) == places
        feed(client, ref, range(n * step, (n + 1) * step if n < len(PLACES) else MESSAGES))
    client.call("close_run", ref=ref)
    info = client.call("wait", ref=ref, timeout=120)
    assert (info.status, info.failures, info.unprocessed) == ("done", (), ())
    print(f"\n{MESSAGES:,} messages, {3 * len(PLACES)} moves: {time.monotonic() - begin:.1f} s")
    found = results(client, ref)
    assert len(found) == MESSAGES
    assert found == [[n, n, n, n] for n in range(MESSAGES)], "each id once, in order, and all counters go on"


def test_a_move_to_a_runner_where_the_node_does_not_load_is_refused_and_the_node_stays(client: Client) -> None:
    define(client, Module("a", NOT_IN_B))
    place(client, "f", "a")
    ref = client.call("open_run", flow="f").ref
    feed(client, ref, range(1))
    wait(lambda: count(client, ref) == 1, "a result")
    with pytest.raises(AssertionError, match="not here"):
        place(client, "f", "a", a="local:b")
    assert where(client, ref) == {"a": ""}
    place(client, "f", "a", a="local:c")
    assert where(client, ref) == {"a": "local:c"}
    feed(client, ref, range(1, 10))
    client.call("close_run", ref=ref)
    assert client.call("wait", ref=ref, timeout=30).status == "done"
    assert results(client, ref) == list(range(10))


def test_a_moved_node_takes_a_new_version_where_it_is_and_its_former_runtime_is_free(client: Client) -> None:
    define(client, MODULES[0])
    place(client, "f", "a")
    ref = client.call("open_run", flow="f").ref
    feed(client, ref, range(3))
    wait(lambda: count(client, ref) == 3, "three results")
    place(client, "f", "a", a="local:b")
    define(client, Module("a", COUNT.format(name="a", result="[v, n, 'new']")))
    feed(client, ref, range(3, 6))
    client.call("close_run", ref=ref)
    assert client.call("wait", ref=ref, timeout=30).status == "done"
    assert results(client, ref) == [[0, 0], [1, 1], [2, 2], [3, 3, "new"], [4, 4, "new"], [5, 5, "new"]]


def test_a_module_defined_again_with_another_runner_moves_its_nodes(client: Client) -> None:
    source = "import os\ndef a(v):\n    return os.getppid()\n"
    define(client, Module("a", source))
    place(client, "f", "a")
    ref = client.call("open_run", flow="f").ref
    feed(client, ref, range(1))
    wait(lambda: count(client, ref) == 1, "a result")
    define(client, Module("a", source, runner="local:b"))
    feed(client, ref, range(1))
    client.call("close_run", ref=ref)
    client.call("wait", ref=ref, timeout=30)
    found = runners(client)
    assert results(client, ref) == [found["local:"], found["local:b"]]
