"""Nodes of a flow at home that live on another machine, and move there and back."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.values import encode
from tests.e2e import flows
from tests.e2e.outposts.spread import count, define, feed, place, results, wait, where
from tests.remote.flows import FAR
from tests.remote.machine import FarMachine

WHERE = "import socket\ndef {name}(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return [*v, socket.gethostname(), n]\n"
MIB = 1024 * 1024


def home_and_far(client: Client) -> None:
    define(client, *(Module(name, WHERE.format(name=name)) for name in ("a", "b", "c")))
    place(client, "f", "a -> b -> c", b=FAR)


def test_a_node_lives_on_another_machine_and_its_neighbours_at_home(client: Client, far: FarMachine) -> None:
    home_and_far(client)
    here, there = socket.gethostname(), far.run("hostname").stdout.strip()
    assert flows.run(client, "f", [1], [2]) == [[n, here, n - 1, there, n - 1, here, n - 1] for n in (1, 2)]


def test_a_failure_there_names_the_cell_and_line(client: Client) -> None:
    define(client, Module("a", "def a(v): return v"), Module("b", "def b(v):\n    print('seen', v)\n    return 1 / v\n"))
    place(client, "f", "a -> b", b=FAR)
    info: RunInfo = client.call("wait", ref=flows.opened(client, "f", [0]).ref, timeout=50)
    assert info.status == "failed"
    assert "ZeroDivisionError" in info.failures[0].message
    assert (info.failures[0].node, info.failures[0].line) == ("b", 3)
    assert "seen 0" in "".join(line["text"] for line in client.call("logs", flow=info.ref))


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
def test_large_buffers_go_there_and_come_back(client: Client, size: int) -> None:
    define(
        client,
        Module("a", f"def a(v): return bytes(range(256)) * ({size} // 256)"),
        Module("b", "import hashlib\ndef b(v): return [hashlib.sha256(v).hexdigest(), v[::-1]]"),
        Module("c", "import hashlib\ndef c(v): return [v[0], hashlib.sha256(v[1]).hexdigest()]"),
    )
    place(client, "f", "a -> b -> c", b=FAR)
    data = bytes(range(256)) * (size // 256)
    assert flows.run(client, "f", 0) == [[hashlib.sha256(text).hexdigest() for text in (data, data[::-1])]]


def test_nodes_move_there_and_back_while_messages_flow(client: Client) -> None:
    define(
        client,
        *(
            Module(name, f"def {name}(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', -1) + 1\n    return [*v, n]\n")
            for name in ("a", "b")
        ),
    )
    first = Module("start", "def start(v): return [v]")
    define(client, first)
    text, moves = "start -> a -> b", ({"a": FAR}, {"a": FAR, "b": FAR}, {"b": FAR}, {})
    place(client, "f", text)
    ref = client.call("open_run", flow="f").ref
    feed(client, ref, range(2_000))
    for n, runners in enumerate(moves, 1):
        place(client, "f", text, **runners)
        assert {node: url for node, url in where(client, ref).items() if url} == runners
        feed(client, ref, range(n * 2_000, (n + 1) * 2_000))
    client.call("close_run", ref=ref)
    total = (len(moves) + 1) * 2_000
    wait(lambda: count(client, ref) == total, f"{total:,} results")
    assert results(client, ref) == [[n, n, n] for n in range(total)]


def test_breakpoints_and_steps_at_a_node_there(client: Client) -> None:
    home_and_far(client)
    client.call("set_break", flow="f", node="b")
    info = client.call("open_run", flow="f", debug=True)
    client.call("feed", ref=info.ref, batch=encode([[1], [2]]))
    client.call("close_run", ref=info.ref)
    held: list[Any] = wait(lambda: client.call("held", flow=info.ref), "a held message")
    assert held[0].node == "b"
    stepped = client.call("step", flow=info.ref, node="b")
    assert stepped["b"]["outputStates"]["out"][0][3] == "far"
