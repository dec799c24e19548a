"""Breakpoints, steps and held messages: what the dispatcher adds to the machine's answers."""

from __future__ import annotations

import os
import signal

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.errors import DefinitionError, ExpressionError, FloeError, UnknownName
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.calls import CALLS
from tests.dispatcher.kit import batch, define, run, until, values_of


def test_D9_every_call_of_the_control_API_has_a_handler() -> None:
    from floe_jupyter.dispatcher.dispatcher import HANDLERS

    assert sorted(HANDLERS) == sorted(CALLS)


def test_a_breakpoint_may_be_set_before_its_flow_runs_and_holds_for_every_instance(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    given = client.call("set_break", node="double", when="msg > 3", hits=2)
    assert (given["id"], given["flow"], given["count"]) == ("b1", "co2", 0)
    first, second = client.call("open_run"), client.call("open_run")
    assert first.ref != second.ref
    assert client.call("breaks") == [{**given, "count": 7}]


def test_a_breakpoint_reaches_what_runs_already(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    client.call("set_break", node="double", id="mine", enabled=False)
    assert [(b["id"], b["enabled"], b["count"]) for b in client.call("breaks", flow="co2")] == [("mine", False, 7)]


@pytest.mark.parametrize("up", [False, True])
def test_setting_a_breakpoint_switched_off_switches_off_those_that_are_equal(client: Client, up: bool) -> None:
    define(client, double="lambda x: 2 * x")
    if up:
        client.call("start")
    for _ in range(2):
        client.call("set_break", node="double", side="out", port="out", hits=3)
    client.call("set_break", node="double", when="msg > 1")
    assert client.call("set_break", node="double", side="out", port="out", enabled=False)["id"] == "b1"
    assert [(b["id"], b["hits"], b["enabled"]) for b in client.call("breaks")] == [
        ("b1", 3, False),
        ("b2", 3, False),
        ("b3", 0, True),
    ]
    assert client.call("set_break", node="double", when="msg > 2", enabled=False)["id"] == "b4"


def test_breakpoints_are_cleared_by_id_by_node_or_all(client: Client) -> None:
    define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    client.call("start")
    for node in ("double", "double", "inc", "inc"):
        client.call("set_break", node=node)
    assert client.call("clear_break", id="b1") == 1
    assert client.call("clear_break", node="inc") == 2
    assert [b["id"] for b in client.call("breaks")] == ["b2"]
    assert (client.call("clear_break"), client.call("clear_break")) == (1, 0)
    with pytest.raises(UnknownName, match="no breakpoint 'b9'"):
        client.call("clear_break", id="b9", flow="co2")


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        ({"node": "duoble"}, UnknownName, "no node 'duoble'; did you mean 'double'"),
        ({"node": "double", "port": "nope"}, UnknownName, "node 'double' has no input 'nope'; inputs: in; outputs: out, error"),
        ({"node": "double", "port": "in", "side": "out"}, UnknownName, "node 'double' has no output 'in'; did you mean 'in'"),
        ({"node": "double", "port": "uot"}, UnknownName, "no input 'uot'; did you mean 'out'"),
        ({"node": "double", "side": "up"}, DefinitionError, "on the side 'in' or 'out'"),
        ({"node": "double", "when": "msg >"}, ExpressionError, "msg"),
        ({"node": "double", "log": "got {nosuch}"}, ExpressionError, "no name 'nosuch'; known: meta, msg, state"),
        ({"node": "double", "log": "got {msg"}, ExpressionError, "a single { opens nothing that is closed"),
    ],
)
def test_a_breakpoint_that_cannot_be_right_is_refused(
    client: Client, args: dict[str, str], error: type[FloeError], match: str
) -> None:
    define(client, double="lambda x: 2 * x")
    with pytest.raises(error, match=match):
        client.call("set_break", **args)
    assert client.call("breaks") == []


def test_a_breakpoint_may_be_on_every_port_of_its_node(client: Client) -> None:
    client.call("define", module=Module("split", "split", inputs=("left", "right"), outputs=("big", "small")))
    client.call("define_flow", flow=Flow("two", (Node("split", "split"),)))
    for side, port in (("in", ""), ("in", "left"), ("in", "right"), ("out", "big"), ("out", "small"), ("out", "error")):
        assert client.call("set_break", flow="two", node="split", side=side, port=port)["port"] == port
    with pytest.raises(UnknownName, match="no input 'in'; inputs: left, right; outputs: big, small, error"):
        client.call("set_break", flow="two", node="split", port="in")


def test_pause_and_resume_return_the_view(client: Client) -> None:
    define(client, hold="hold")
    client.call("start")
    client.call("send", batch=batch(1))
    assert client.call("pause").held == 1
    assert client.call("resume").held == 0


def test_a_step_is_answered_by_the_machine(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = client.call("open_run", debug=True)
    answer = {"double": {"inputStates": {}, "outputStates": {}, "errors": []}}
    assert client.call("step") == answer
    assert client.call("step", run=info.ref) == answer


def test_a_run_that_was_debugged_stays_for_a_fork(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = run(client, 1, debug=True)
    assert client.call("history", flow=info.ref) == []
    forked = client.call("fork", id="abc", flow=info.ref, text=b"7")
    assert forked.forked_from == info.ref
    assert client.call("wait", ref=forked.ref).status == "done"
    assert values_of(client, forked.ref) == [14]
    again = client.call("fork", id="abc", flow=info.ref)
    client.call("wait", ref=again.ref)
    assert values_of(client, again.ref) == [10]


def test_only_the_last_few_debugged_runs_stay(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    refs = [run(client, n, debug=True).ref for n in range(6)]
    assert client.call("history", flow=refs[-1]) == []
    with pytest.raises(DefinitionError, match=r"is over \(done\): its messages cannot be stepped .* run it again, with --debug"):
        client.call("history", flow=refs[0])


def test_of_a_run_that_is_over_nothing_is_held_and_nothing_can_be_stepped(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = run(client, 1)
    assert client.call("held", flow=info.ref) == []
    with pytest.raises(DefinitionError, match="run it again, with --debug"):
        client.call("step", flow=info.ref)


def test_before_anything_ran_the_error_says_what_to_do(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    with pytest.raises(DefinitionError, match="no flow was run or started yet; name one, or run it first"):
        client.call("step")
    with pytest.raises(DefinitionError, match=r"flow 'co2' does not run; `%floe run co2`"):
        client.call("step", flow="co2")


def test_a_message_is_injected_into_the_newest_run(client: Client) -> None:
    define(client, hold="hold", double="lambda x: 2 * x")
    info = run(client, 1)
    client.call("inject", node="double", batch=batch(5))
    assert values_of(client, info.ref) == [10]
    client.call("resume")
    client.call("wait", ref=info.ref)
    with pytest.raises(DefinitionError, match="is over"):
        client.call("inject", node="double", batch=batch(5))


def test_the_runner_API_is_passed_on(client: Client) -> None:
    assert client.call("runner_api", call="listRuntimes")[0]["lang"] == "python"
    with pytest.raises(UnknownName, match="no call 'listRuntime'"):
        client.call("runner_api", call="listRuntime")
    assert [r["status"] for r in client.call("runners")] == ["ready"]
    assert [r["runner"] for r in client.call("runtimes")] == ["local:"]


def test_whoever_listens_is_told_of_every_change_of_a_breakpoint(client: Client) -> None:
    seen: list[dict[str, object]] = []
    define(client, double="lambda x: 2 * x")
    client.subscribe("break/co2", lambda topic, value: seen.append(value))
    until(lambda: client.call("set_break", node="double", id="mine") and seen, "the first announcement")
    given = client.call("set_break", node="double", id="last", enabled=False)
    client.call("clear_break", id="last")
    gone = {"id": "last", "flow": "co2", "gone": True, "workspace": client.workspace.id}
    until(lambda: gone in seen, "that the breakpoint is gone")
    assert seen[-2:] == [given, gone]


def test_whoever_listens_is_told_when_a_runner_ends_and_the_next_is_ready(client: Client) -> None:
    seen: list[dict[str, object]] = []
    define(client, double="lambda x: 2 * x")
    run(client)
    client.subscribe("runner/", lambda topic, value: seen.append(value))
    before = {r["pid"] for r in client.call("runners")}

    def told() -> bool:
        for runner in client.call("runners"):
            if not seen and runner["status"] == "ready":
                os.kill(runner["pid"], signal.SIGKILL)
        return any(event["status"] == "ready" and event["pid"] not in before for event in seen)

    until(told, "another runner that is ready", 20.0)
    assert {"ended", "ready"} == {event["status"] for event in seen}
