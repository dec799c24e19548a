"""A flow spread over its home runner and two outposts behaves as the same flow in one place."""

from __future__ import annotations

from typing import Any

import pytest

from floe_jupyter.core.flow.model import Module, Place
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.values import decode, encode
from tests.e2e.flows import finished, opened, run
from tests.e2e.flows import results as all_results
from tests.e2e.outposts.spread import define, place, runners, runtimes, wait, where

TEXT = "read -> clean -> pair\nread -> mark -> pair\npair = pair(join=all)\npair -> last"
SPREAD = {"clean": "local:b", "mark": "local:c", "last": "local:b"}
MODULES = (
    Module("read", "def read(v):\n    print('read', v)\n    return v\n"),
    Module("clean", "def clean(v, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return [v, ctx.state['n']]\n"),
    Module("mark", "export default function mark(v) { console.log('mark', v); return `m${v}`; }\n", "js"),
    Module("pair", "def pair(v):\n    return v\n"),
    Module("last", "def last(v, ctx):\n    ctx.log(f'last {v}')\n    return v\n"),
)


def spread(client: Client, name: str, **places: str) -> None:
    """Define the flow `TEXT` with the join where it stands."""
    lines = [f"{node} = {node}(runner='{url}')" for node, url in places.items() if url]
    known = {module.name: module for module in client.call("modules")}
    client.call("define_flow", flow=parse("\n".join([TEXT, *lines]), name, modules=known))


def told(client: Client, name: str) -> list[tuple[str, str]]:
    """Return what each node of a flow has printed, without times."""
    return sorted((line["node"], line["text"]) for line in client.call("logs", flow=name))


def outcome(client: Client, name: str) -> Any:
    """Run the flow debugged with three messages, each in a run; return its results, logs, counters and history."""
    found = []
    for value in (1, 2, 3):
        info = finished(client, opened(client, name, [value], debug=True))
        view = client.call("view", flow=info.ref)
        nodes = [(n.id, n.taken, n.given, n.failed, n.version) for n in view.nodes]
        records = [(r.node, r.port, r.version, r.before, r.after) for r in client.call("history", flow=info.ref)]
        found.append((all_results(client, info), told(client, info.ref), nodes, view.wires, sorted(map(repr, records))))
    return found


def test_a_flow_over_home_and_two_outposts_gives_the_results_logs_counters_and_history_of_a_local_one(client: Client) -> None:
    define(client, *MODULES)
    spread(client, "near")
    spread(client, "far", **SPREAD)
    assert outcome(client, "far") == outcome(client, "near")
    assert set(runners(client)) == {"local:", "local:b", "local:c"}


def test_nodes_live_where_they_are_placed_and_the_view_and_the_lists_say_so(client: Client) -> None:
    define(client, *MODULES)
    spread(client, "far", **SPREAD)
    client.call("start", flow="far")
    wait(lambda: [row["status"] for row in runtimes(client).values()] == ["ready"] * 5, "all runtimes")
    assert where(client, "far") == {"read": "", "clean": "local:b", "pair": "", "mark": "local:c", "last": "local:b"}
    found = runtimes(client)
    assert {node: row["runner"] for node, row in found.items()} == {**dict.fromkeys(MODULES_AT_HOME, "local:"), **SPREAD}
    assert found["clean"]["pid"] == found["last"]["pid"] != found["read"]["pid"], "equal environments share a process"
    assert all(row["memory"] > 0 for row in found.values())
    assert {runner["url"]: runner["runtimes"] for runner in client.call("runners")}["local:c"] >= 1


MODULES_AT_HOME = ("read", "pair")


def test_an_error_in_an_outpost_names_cell_and_line_and_the_message_and_its_state(client: Client) -> None:
    source = "def bad(v, ctx):\n    ctx.state['seen'] = v\n    return 1 / v\n"
    failures = []
    for name, runner in (("near", ""), ("far", "local:b")):
        define(client, Module("bad", source, place=Place(7, 1)))
        place(client, name, "bad", bad=runner)
        info = client.call("wait", ref=opened(client, name, [0]).ref, timeout=30)
        failures.append((info.status, info.failures[0]))
    assert failures[0] == failures[1]
    failure = failures[1][1]
    assert (failure.cell, failure.line, failure.input) == (7, 4, 0)
    assert "division by zero" in failure.message


def test_breakpoints_steps_back_edits_and_forks_work_in_outposts(client: Client) -> None:
    define(client, *MODULES)
    spread(client, "far", **SPREAD)
    client.call("set_break", node="clean", flow="far", when="msg > 1")
    info = opened(client, "far", [1, 2])
    client.call("wait", ref=info.ref, timeout=30)
    [held] = client.call("held", flow=info.ref)
    assert (held.node, held.value, held.reason) == ("clean", 2, "breakpoint")
    client.call("edit", id=held.id, text=b"20", flow=info.ref)
    stepped = client.call("step", flow=info.ref, node="clean")
    assert list(stepped) == ["clean"]
    client.call("back", flow=info.ref)
    assert [h.value for h in client.call("held", flow=info.ref) if h.node == "clean"] == [20]
    client.call("resume", flow=info.ref)
    assert [v["clean"] for v in all_results(client, finished(client, info))] == [[1, 1]], "a join fires once per run"
    [record] = [r for r in client.call("history", flow=info.ref) if r.node == "mark"][:1]
    forked = client.call("fork", id=f"{record.id}@mark", text=b"7", flow=info.ref)
    assert client.call("wait", ref=forked.ref, timeout=30).status in ("done", "held")


def test_a_new_version_of_a_module_is_swapped_in_at_its_outpost_with_the_state(client: Client) -> None:
    define(client, Module("n", "def n(v, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return ctx.state['n']\n"))
    place(client, "f", "n", n="local:b")
    client.call("start", flow="f")
    assert [_request(client) for _ in range(3)] == [[1], [2], [3]]
    before = runtimes(client)["n"]["pid"]
    define(client, Module("n", "def n(v, ctx):\n    ctx.state['n'] = ctx.state['n'] + 100\n    return ctx.state['n']\n"))
    assert _request(client) == [103]
    assert runtimes(client)["n"]["pid"] == before
    assert where(client, "f") == {"n": "local:b"}


def _request(client: Client) -> list[Any]:
    _, found = client.call("request", flow="f", batch=encode([0]))
    return [value for result in found for value in decode(result.batch)]


def test_a_module_that_names_a_runner_has_all_its_nodes_there(client: Client) -> None:
    define(client, Module("who", "import os\ndef who(v):\n    return os.getppid()\n", runner="local:b"))
    place(client, "f", "one = who()\ntwo = who()\none -> two")
    assert run(client, "f", 0) == [runners(client)["local:b"]]


def test_the_workers_of_a_node_are_spread_over_its_runners_and_a_key_keeps_its_order(client: Client) -> None:
    define(client, Module("who", "import os\ndef who(v):\n    return [v[0], v[1], os.getppid()]\n"))
    known = {module.name: module for module in client.call("modules")}
    text = "who = who(workers=4, by='msg[0]', runner='local:b, local:c')"
    client.call("define_flow", flow=parse(text, "f", modules=known))
    found = run(client, "f", *([key, n] for n in range(50) for key in range(8)))
    assert {pid for _, _, pid in found} == {pid for url, pid in runners(client).items() if url != "local:"}
    for key in range(8):
        assert [n for k, n, _ in found if k == key] == list(range(50))
        assert len({pid for k, _, pid in found if k == key}) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_dependencies_are_installed_and_imported_in_an_outpost(client: Client) -> None:
    define(
        client, Module("six", "import six, os\ndef six_(v):\n    return [six.__version__, os.getppid()]\n", deps=("six==1.16.0",))
    )
    place(client, "f", "six", six="local:b")
    assert run(client, "f", 0) == [["1.16.0", runners(client)["local:b"]]]


def test_a_dependency_that_cannot_be_installed_in_an_outpost_fails_the_load_with_the_cause(client: Client) -> None:
    define(client, Module("no", "def no(v):\n    return v\n", deps=("floe-no-such-package==9",)))
    place(client, "f", "no", no="local:b")
    info = client.call("wait", ref=opened(client, "f", [1]).ref, timeout=50)
    assert info.status == "failed"
    assert "floe-no-such-package" in info.failures[0].message
    assert info.failures[0].kind == "load"


@pytest.mark.parametrize(
    ("runner", "said"),
    [
        ("locl:b", "no kind of runner 'locl'; did you mean 'local:'"),
        ("local", "write local:[NAME]"),
        ("local:b c", "cannot name a local runner"),
        ("local:b, local:c", "add workers=2"),
    ],
)
def test_a_runner_that_cannot_be_is_refused_where_it_is_written(client: Client, runner: str, said: str) -> None:
    define(client, Module("a", "def a(v):\n    return v\n"))
    with pytest.raises(FloeError) as caught:
        parse(f"a\na = a(runner='{runner}')", "f", modules={"a": None})  # type: ignore[dict-item]
    assert said in str(caught.value)
    assert "line 2" in str(caught.value)


def test_a_module_with_an_unknown_kind_of_runner_is_refused(client: Client) -> None:
    with pytest.raises(FloeError, match="no kind of runner 'lcal'; did you mean 'local:'"):
        client.call("define", module=Module("a", "def a(v):\n    return v\n", runner="lcal:b"))
