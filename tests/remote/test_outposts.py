"""Nodes of one flow on this machine and on another: as in one place, buffers included, and moved while the flow runs."""

from __future__ import annotations

from typing import Any

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.values import encode
from tests.e2e import flows
from tests.e2e.outposts.spread import define, feed, place, results, wait, where
from tests.remote.flows import FAR, done, ran

KIB = 1024
WHERE = "import os\ndef {name}(v):\n    return [*v, os.uname().nodename == 'far']\n"
COUNT = "def {name}(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return {result}\n"


def spread(client: Client, **places: str) -> None:
    """Define a chain whose nodes say whether they are on the other machine."""
    define(client, *(Module(name, WHERE.format(name=name)) for name in "abc"))
    place(client, "f", "a -> b -> c", **places)


@pytest.mark.parametrize(
    ("home", "places", "found"),
    [
        ("local:", {"b": FAR}, [False, True, False]),
        ("local:", {"a": FAR, "b": "local:b", "c": FAR}, [True, False, True]),
        (FAR, {"b": "local:"}, [True, False, True]),
        (FAR, {"b": "local:b", "c": "local:"}, [True, False, False]),
    ],
)
def test_each_node_runs_on_its_machine_whichever_is_the_home(
    client: Client, home: str, places: dict[str, str], found: list[bool]
) -> None:
    spread(client, **places)
    assert done(client, home, [[], []], flow="f") == [found, found]


@pytest.mark.parametrize("home", ["local:", FAR])
def test_buffers_travel_between_the_machines_in_both_directions(client: Client, home: str) -> None:
    define(
        client,
        Module("make", "def make(n):\n    return [n, bytes([n]) * (300 * 1024)]\n"),
        Module("turn", "export default v => [v[0], v[1], v[1].length]\n", "js"),
        Module("check", "def check(v):\n    assert v[1] == bytes([v[0]]) * v[2], v[0]\n    return v[1]\n"),
    )
    places: dict[str, Any] = {"turn": FAR} if home == "local:" else {"make": "local:b", "check": "local:"}
    place(client, "f", "make -> turn -> check", **places)
    assert done(client, home, list(range(20)), flow="f") == [bytes([n]) * (300 * KIB) for n in range(20)]


def test_nodes_move_to_the_other_machine_and_back_while_messages_flow(client: Client) -> None:
    define(client, Module("a", COUNT.format(name="a", result="[v, n]")), Module("b", COUNT.format(name="b", result="[*v, n]")))
    place(client, "f", "a -> b")
    ref = client.call("open_run", flow="f").ref
    fed = 0
    for a, b in ((FAR, ""), ("local:b", FAR), (FAR, FAR), ("", "")):
        feed(client, ref, range(fed, fed + 3_000))
        fed += 3_000
        place(client, "f", "a -> b", a=a, b=b)
        assert where(client, ref) == {"a": a, "b": b}
    client.call("close_run", ref=ref)
    info = client.call("wait", ref=ref, timeout=60)
    assert (info.status, info.failures) == ("done", ())
    assert results(client, ref) == [[n, n, n] for n in range(fed)]


def test_a_machine_that_is_not_there_fails_the_load_with_its_cause(client: Client) -> None:
    spread(client, b="ssh:no-such-machine")
    info = ran(client, "local:", [[]], flow="f")
    assert info.status == "failed"
    assert "no-such-machine" in info.failures[0].message
    assert info.failures[0].node == "b"


def test_a_failure_there_names_the_cell_and_line(client: Client) -> None:
    define(client, Module("a", "def a(v): return v"), Module("b", "def b(v):\n    print('seen', v)\n    return 1 / v\n"))
    place(client, "f", "a -> b", b=FAR)
    info: RunInfo = client.call("wait", ref=flows.opened(client, "f", [0]).ref, timeout=50)
    assert info.status == "failed"
    assert "ZeroDivisionError" in info.failures[0].message
    assert (info.failures[0].node, info.failures[0].line) == ("b", 3)
    assert "seen 0" in "".join(line["text"] for line in client.call("logs", flow=info.ref))


def test_breakpoints_and_steps_at_a_node_there(client: Client) -> None:
    spread(client, b=FAR)
    client.call("set_break", flow="f", node="b")
    info = client.call("open_run", flow="f", debug=True)
    client.call("feed", ref=info.ref, batch=encode([[], []]))
    client.call("close_run", ref=info.ref)
    held: list[Any] = wait(lambda: client.call("held", flow=info.ref), "a held message")
    assert held[0].node == "b"
    stepped = client.call("step", flow=info.ref, node="b")
    assert stepped["b"]["outputStates"]["out"][0][-1] is True
