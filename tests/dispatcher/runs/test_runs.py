"""Runs from definition to results, with a stand-in for the runner."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.errors import DefinitionError, PeerSilent, UnknownName
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch, define, run, until, values_of


def test_a_run_feeds_closes_and_gives_its_results_in_order(client: Client) -> None:
    define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    info = run(client, 1, 2, 3)
    assert (info.status, info.fed, info.results, info.failures) == ("done", 3, 3, ())
    assert values_of(client, info.ref) == [3, 5, 7]


def test_a_run_ref_names_flow_version_host_and_counter(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    assert [run(client, 1).ref for _ in range(2)] == ["co2.1.local.1", "co2.1.local.2"]


def test_D4_the_first_run_of_a_flow_without_a_version_runs(client: Client) -> None:
    client.call("define", module=Module("double", "lambda x: 2 * x"))
    client.call("define_flow", flow=Flow("fresh", (Node("double", "double"),)))
    assert run(client, 1, flow="fresh").status == "done"


def test_D4_a_refusal_is_visible_on_the_run(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    with pytest.raises(UnknownName, match="no node 'duoble'; did you mean 'double'"):
        client.call("send", batch=batch(1), node="duoble")
    refused = client.call("runs")[0]
    assert (refused.status, refused.failures[0].message) == ("failed", "no node 'duoble'; did you mean 'double'?")


def test_messages_go_to_every_source_unless_a_node_is_named(client: Client) -> None:
    client.call("define", module=Module("tag", "lambda x: x"))
    client.call("define_flow", flow=Flow("two", (Node("a", "tag"), Node("b", "tag"), Node("c", "tag")), (Wire("a", "c"),)))
    info = client.call("open_run", flow="two")
    client.call("feed", ref=info.ref, batch=batch(1))
    client.call("feed", ref=info.ref, batch=batch(2), node="c")
    client.call("close_run", ref=info.ref)
    client.call("wait", ref=info.ref)
    assert sorted(values_of(client, info.ref)) == [1, 1, 2]


def test_a_failing_module_fails_its_run_and_names_the_node(client: Client) -> None:
    define(client, boom="lambda x: 1 / 0")
    info = run(client, 1)
    failure = info.failures[0]
    assert (info.status, failure.node, failure.message) == ("failed", "boom", "ZeroDivisionError: division by zero")


def test_a_wait_that_runs_out_returns_the_run_as_it_is(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = client.call("open_run")
    began = time.monotonic()
    assert client.call("wait", ref=info.ref, timeout=0.1).status in ("pending", "active")
    assert 0.1 <= time.monotonic() - began < 1.0


def test_a_wait_ends_with_its_run_and_not_before(client: Client) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    assert info.status == "held"
    waited: list[object] = []
    thread = threading.Thread(target=lambda: waited.append(client.call("wait", ref=info.ref, through_holds=True)))
    thread.start()
    client.call("resume")
    thread.join(5.0)
    assert [w.status for w in waited] == ["done"]  # type: ignore[attr-defined]


def test_a_held_run_says_what_it_waits_for(client: Client) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    assert (info.status, info.waits_for) == ("held", "what is held: step, continue, edit or drop it")


def test_a_wait_does_not_end_with_a_run_that_was_held_and_goes_on(client: Client) -> None:
    define(client, waver="waver")
    info = run(client, 1)
    assert (info.status, info.held) == ("held", 1)


def test_a_feeder_waits_for_room(client: Client) -> None:
    define(client, full="full")
    info = client.call("open_run")
    feeding = client.submit("feed", ref=info.ref, batch=batch(1))
    with pytest.raises(TimeoutError):
        feeding.result(0.1)
    client.call("cancel", ref=info.ref)
    assert client.call("run_info", ref=info.ref).status == "cancelled"


def test_what_is_fed_after_the_end_is_dropped(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = run(client, 1)
    assert client.call("feed", ref=info.ref, batch=batch(2)) is None
    assert client.call("run_info", ref=info.ref) == info


def test_D23_a_late_event_does_not_flip_a_run_that_is_over(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = run(client, 1)
    assert client.call("cancel", ref=info.ref) == info
    client.call("close_run", ref=info.ref)
    assert client.call("run_info", ref=info.ref) == info


def test_feeding_a_closed_run_is_refused(client: Client) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    with pytest.raises(DefinitionError, match="is closed"):
        client.call("feed", ref=info.ref, batch=batch(2))


def test_a_flow_that_is_up_answers_requests(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    started = client.call("start", flow="co2")
    assert client.call("start", flow="co2") == started
    info, results = client.call("request", batch=batch(4))
    assert (info.status, info.instance, results[0].batch.payload) == ("done", started["instance"], b"[8]")


def test_each_send_is_a_run_of_its_own(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    refs = [client.call("send", batch=batch(n)).ref for n in range(3)]
    assert [client.call("wait", ref=ref).status for ref in refs] == ["done"] * 3
    assert [values_of(client, ref) for ref in refs] == [[0], [2], [4]]


def test_results_of_runs_in_one_batch_are_told_apart(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    refs = [client.submit("send", batch=batch(n, n)).result(5.0).ref for n in range(50)]
    for n, ref in enumerate(refs):
        client.call("wait", ref=ref)
        assert values_of(client, ref) == [2 * n, 2 * n]


def test_a_request_that_takes_too_long_says_what_it_waited_for(client: Client) -> None:
    define(client, full="full")
    client.call("start")
    with pytest.raises(PeerSilent, match=r"waited 0\.1 s for run co2\.1\.local\.\d+ to end"):
        client.call("request", batch=batch(1), timeout=0.1)


def test_stopping_a_flow_cancels_its_runs(client: Client) -> None:
    define(client, hold="hold")
    client.call("start")
    sent = client.call("send", batch=batch(1))
    client.call("stop", flow="co2")
    assert client.call("run_info", ref=sent.ref).status == "cancelled"
    with pytest.raises(DefinitionError, match="'co2' is not up"):
        client.call("send", flow="co2", batch=batch(1))


def test_results_come_in_pages(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    info = run(client, *range(300))
    first = client.call("results", ref=info.ref, limit=256)
    rest = client.call("results", ref=info.ref, start=256)
    assert (len(first), len(rest), client.call("results", ref=info.ref, start=300)) == (256, 44, [])


def test_runs_are_listed_newest_first_and_filtered(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    define(client, "other", boom="lambda x: 1 / 0")
    run(client, 1, flow="co2")
    run(client, 1, flow="other")
    run(client, 2, flow="co2")
    assert [r.ref for r in client.call("runs")] == ["co2.1.local.2", "other.1.local.1", "co2.1.local.1"]
    assert [r.ref for r in client.call("runs", flow="co2", limit=1)] == ["co2.1.local.2"]
    assert [r.flow for r in client.call("runs", status="failed")] == ["other"]


def test_events_tell_every_status_in_order(client: Client) -> None:
    seen: list[tuple[str, str]] = []
    define(client, hold="hold")
    client.subscribe("run/", lambda topic, value: seen.append((topic, value["status"])))
    run(client)  # until the subscription has arrived, events may be missed
    until(lambda: seen or run(client), "the first event")
    seen.clear()
    info = run(client, 1)
    client.call("resume")
    topic = f"run/{info.ref}"
    until(lambda: (topic, "done") in seen, "the run's end as an event")
    statuses = [status for seen_topic, status in seen if seen_topic == topic]
    assert statuses[-2:] in (["held", "done"], ["active", "done"])


def test_a_view_is_pushed_to_whoever_subscribes_and_kept_after_the_end(client: Client) -> None:
    define(client, hold="hold")
    info = run(client, 1)
    with client.events(f"view/{info.instance}") as events:
        topic, view = next(iter(events))
    assert (topic, view["held"]) == (f"view/{info.ref}", 1)
    client.call("resume")
    client.call("wait", ref=info.ref)
    assert client.call("view", flow=info.ref).flow == "co2"


def test_logs_are_kept_and_bounded(client: Client) -> None:
    define(client, double="lambda x: x")
    client.call("start")
    client.call("request", batch=batch("print"))
    line = until(lambda: client.call("logs"), "the log line")[0]
    assert (line["node"], line["stream"], line["text"]) == ("double", "stdout", "printed\n")
    assert client.call("logs", node="other") == []


UNSUPPORTED = {
    "triggers (node 'tick': timer)": Flow("f", (Node("tick", "timer", "trigger", args={"every": 10.0}), Node("d", "double"))),
    "task 'exec' (node 'e')": Flow(
        "f", (Node("d", "double"), Node("e", "exec", "task", args={"command": "ls"})), (Wire("d", "e"),)
    ),
    "durable runs": Flow("f", (Node("d", "double"),), durable=True),
    "hosts (--host-tags)": Flow("f", (Node("d", "double"),), host_tags=("linux",)),
    "resource tags": Flow("f", (Node("d", "double"),), resource_tags=("gpu",)),
}


@pytest.mark.parametrize("runner", ["carrier-pigeon:x", "far", "ssh:", "local:x"])
def test_a_runner_that_cannot_be_is_refused_where_it_is_defined(client: Client, runner: str) -> None:
    client.call("define", module=Module("double", "lambda x: 2 * x"))
    with pytest.raises(DefinitionError, match=f"no runner '{runner}'"):
        client.call("define_flow", flow=Flow("f", (Node("d", "double"),), runner=runner))


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_what_cannot_run_yet_is_named_where_it_is_defined(client: Client, what: str) -> None:
    client.call("define", module=Module("double", "lambda x: 2 * x"))
    with pytest.raises(DefinitionError) as refused:
        client.call("define_flow", flow=UNSUPPORTED[what])
    assert f"this version has no {what}" in str(refused.value)


def test_a_node_in_a_runner_of_an_unknown_kind_is_refused_with_the_nearest(client: Client) -> None:
    client.call("define", module=Module("double", "lambda x: 2 * x"))
    with pytest.raises(DefinitionError, match="no kind of runner 'locale'; did you mean 'local:'"):
        client.call("define_flow", flow=Flow("f", (Node("d", "double", runner="locale:b"),)))


def test_a_run_that_is_unknown_is_an_error_with_the_nearest(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    run(client, 1)
    with pytest.raises(UnknownName, match=r"no run 'co2\.1\.local\.11'; did you mean 'co2\.1\.local\.1'"):
        client.call("wait", ref="co2.1.local.11")


def test_archived_runs_are_bounded(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    for request in [client.submit("request", batch=batch(n)) for n in range(1_100)]:
        request.result(10.0)
    listed = client.call("runs", limit=5_000)
    assert len(listed) == 1_000
    assert listed[0].ref == "co2.1.local.1101"


def test_a_cycle_without_a_source_wants_a_node_named(client: Client) -> None:
    client.call("define", module=Module("tag", "lambda x: x"))
    client.call("define_flow", flow=Flow("ring", (Node("a", "tag"), Node("b", "tag")), (Wire("a", "b"), Wire("b", "a"))))
    info = client.call("open_run", flow="ring")
    with pytest.raises(DefinitionError, match="say into which one the messages go: --to NODE"):
        client.call("feed", ref=info.ref, batch=batch(1))


def test_many_clients_share_one_dispatcher(attach: Callable[..., Client], client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    others = [attach(f"other {n}") for n in range(5)]
    assert {other.pid for other in others} == {client.pid}
    answers = [other.call("request", batch=batch(n))[1][0].batch.payload for n, other in enumerate(others)]
    assert answers == [b"[0]", b"[2]", b"[4]", b"[6]", b"[8]"]
    assert sorted(client.call("status")["clients"]) == [*(f"other {n}" for n in range(5)), "test"]
