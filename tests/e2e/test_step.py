"""Steps, judged by the journals that the modules write themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.e2e.flows import define, finished, journal, opened, results

FIRST = """import json
def first(msg, ctx):
    with open({path!r}, "a") as f:
        f.write(json.dumps(["first", msg]) + "\\n")
    ctx.state["n"] = ctx.state.get("n", 0) + 1
    return msg * 10
"""
MIDDLE = """import fs from 'node:fs';
export default function* middle(msg, ctx) {{
  fs.appendFileSync({path!r}, JSON.stringify(["middle", msg]) + "\\n");
  yield msg + 1;
  yield msg + 2;
}}
"""
LAST = """import json
def last(msg, ctx):
    with open({path!r}, "a") as f:
        f.write(json.dumps(["last", msg]) + "\\n")
    ctx.state["sum"] = ctx.state.get("sum", 0) + msg
    return [msg, ctx.state["sum"]]
"""


@pytest.fixture
def written(client: Client, tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    texts = [t.format(path=str(path)) for t in (FIRST, MIDDLE, LAST)]
    define(
        client,
        "three",
        "first -> middle -> last",
        Module("first", texts[0]),
        Module("middle", texts[1], "js"),
        Module("last", texts[2]),
    )
    return path


def _free(client: Client, written: Path, values: list[int]) -> tuple[list[object], list[object]]:
    found = results(client, finished(client, opened(client, "three", values)))
    entries = journal(written)
    written.unlink()
    return found, entries


def _by_node(entries: list[list[object]]) -> dict[str, list[object]]:
    return {name: [value for node, value in entries if node == name] for name in ("first", "middle", "last")}


def test_each_step_of_a_flow_lets_every_node_with_a_message_consume_exactly_one(client: Client, written: Path) -> None:
    info = opened(client, "three", [1, 2, 3], debug=True, paused=True)
    waiting = {"first": 3, "middle": 0, "last": 0}
    gives = {"first": [("middle", 1)], "middle": [("last", 2)], "last": []}
    for _ in range(20):
        before = journal(written)
        expected = sorted(node for node, n in waiting.items() if n)
        stepped = client.call("step", flow=info.ref)
        assert sorted(node for node, _ in journal(written)[len(before) :]) == expected
        assert sorted(stepped) == expected
        for node in expected:
            waiting[node] -= 1
            for target, n in gives[node]:
                waiting[target] += n
        if not any(waiting.values()):
            break
    assert not any(waiting.values())


def test_stepping_one_node_consumes_exactly_one_message_in_all(client: Client, written: Path) -> None:
    info = opened(client, "three", [1, 2, 3], debug=True, paused=True)
    client.call("step", flow=info.ref)
    client.call("step", flow=info.ref)
    before = journal(written)
    stepped = client.call("step", flow=info.ref, node="middle")
    assert [node for node, _ in journal(written)[len(before) :]] == ["middle"]
    assert list(stepped) == ["middle"]
    assert stepped["middle"]["inputStates"] == {"in": 20}
    assert stepped["middle"]["outputStates"] == {"out": [21, 22]}
    assert stepped["middle"]["errors"] == []


def test_a_fully_stepped_run_gives_the_order_and_payloads_of_a_free_run(client: Client, written: Path) -> None:
    expected, entries = _free(client, written, [1, 2, 3, 4])
    info = opened(client, "three", [1, 2, 3, 4], debug=True, paused=True)
    while client.call("step", flow=info.ref):
        pass
    client.call("resume", flow=info.ref)
    assert results(client, finished(client, info)) == expected
    assert _by_node(journal(written)) == _by_node(entries)


def test_three_steps_back_and_three_forward_repeat_no_side_effect(client: Client, written: Path) -> None:
    expected, _ = _free(client, written, [1, 2])
    info = opened(client, "three", [1, 2], debug=True, paused=True)
    for _ in range(4):
        client.call("step", flow=info.ref)
    before, held = journal(written), client.call("held", flow=info.ref)
    undone = [client.call("back", flow=info.ref) for _ in range(3)]
    assert all(undone)
    forward = [client.call("step", flow=info.ref) for _ in range(3)]
    assert journal(written) == before
    assert forward == undone[::-1]
    assert client.call("held", flow=info.ref) == held
    client.call("resume", flow=info.ref)
    assert results(client, finished(client, info)) == expected


def test_a_fork_runs_only_what_is_downstream_with_the_states_of_then(client: Client, written: Path) -> None:
    info = opened(client, "three", [1, 2], debug=True, paused=True)
    for node in ("first", "first", "middle", "last", "last", "middle", "last"):
        client.call("step", flow=info.ref, node=node)
    [record] = [r for r in client.call("history", flow=info.ref, node="middle") if r.input.payload == b"[20]"]
    before = journal(written)
    fork = client.call("fork", flow=info.ref, id=record.id, text=b"100")
    assert results(client, finished(client, fork)) == [[101, 23 + 101], [102, 23 + 101 + 102]]
    assert _by_node(journal(written)[len(before) :]) == {"first": [], "middle": [100], "last": [101, 102]}
    assert client.call("run_info", ref=fork.ref).forked_from == info.ref
