"""Failures, policies, crashes, modules that do not load: what becomes of the messages."""

from __future__ import annotations

import json

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    CHUNK,
    CloseRun,
    Ended,
    Failure,
    Load,
    LoadFailed,
    Notice,
    Output,
    Recall,
    Result,
    Retry,
    Returned,
    RuntimeLost,
    Start,
    StateChange,
    Tick,
    Wake,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.errors import DefinitionError, UnknownName
from tests.core.machine.machine_kit import World, batch, flow, lose, modules_of, retrying, values


def test_a_failure_ends_the_run_at_once_and_drops_the_rest():
    world = World(flow("a>b"))
    world.inject("a", *range(CHUNK + 36))
    first, _second = world.calls("a")
    commands = world.fail(first, consumed=1)
    (ended,) = [c for c in commands if isinstance(c, Ended)]
    assert (ended.status, ended.failures[0].input, ended.failures[0].run) == ("failed", 1, 1)
    assert Recall("a", 0) in commands
    assert world.machine.view().nodes[0].failed == 1


def test_without_fail_fast_the_others_go_on_and_the_run_is_failed_at_the_end():
    world = World(flow("a>b"), fail_fast=False)
    world.inject("a", 1, 2)
    world.send(CloseRun(1))
    assert [values(c.batch) for c in world.fail(world.calls("a")[0]) if type(c).__name__ == "Call"] == [[2]]
    (ended,) = [c for c in world.give(world.calls("a")[0]) if isinstance(c, Ended)]
    assert (ended.status, len(ended.failures)) == ("failed", 1)


def test_a_wired_error_port_gets_a_record_and_the_run_is_done():
    world = World(flow("a>b", "a.error>c"), debug=True)
    world.inject("a", {"x": 1})
    world.send(CloseRun(1))
    world.fail(world.calls("a")[0])
    record = {"error": "ValueError: no", "kind": "raised", "node": "a", "message": {"x": 1}, "trace": ""}
    assert [values(c.batch) for c in world.calls("c")] == [[record]]
    assert [c.status for c in world.give(world.calls("c")[0]) if isinstance(c, Ended)] == ["done"]


def test_failures_that_a_runtime_passed_over_are_counted_and_shown():
    world = World(flow("a>b", nodes=[Node("a", "a", on_error="skip")]))
    world.inject("a", 1, 2)
    world.give(world.calls("a")[0], skipped=(Failure("a", "no"), Failure("gone", "no")))
    assert [n.data["failure"]["message"] for n in world.all(Notice, kind="failure")] == ["no"]
    assert world.machine.view().nodes[0].failed == 1


def test_a_retry_waits_twice_as_long_each_time_and_then_fails():
    world = retrying()
    world.inject("a", 1, 2)
    waits = []
    for _ in range(2):
        world.fail(world.calls("a")[0])
        notice = world.all(Notice, kind="retry")[-1]
        waits.append(notice.data["after"])
        assert world.calls("a") == []
        world.send(Tick(), world.all(Wake)[-1].at)
    assert 1 <= waits[0] <= 1.5
    assert waits[1] == pytest.approx(2 * waits[0])
    (ended,) = [c for c in world.fail(world.calls("a")[0]) if isinstance(c, Ended)]
    assert ended.failures[0].attempts == 3


def test_a_failed_attempt_starts_again_from_the_state_before_it():
    world = retrying(0.0)
    world.inject("a", 1, 2)
    world.fail(world.calls("a")[0], consumed=1, states=(StateChange("a", set={"n": 1, "m": 2}, unset=("m",)),))
    (call,) = world.calls("a")
    assert (values(call.batch), call.state) == ([2], {"n": 1})


def test_a_back_off_stands_still_while_paused():
    from floe_jupyter.core.machine.events import Continue, Pause

    world = retrying()
    world.inject("a", 1)
    world.fail(world.calls("a")[0])
    due = world.all(Wake)[-1].at
    world.send(Pause(), due - 0.5)
    world.send(Tick(), due + 10)
    world.send(Continue(), due + 10)
    assert world.calls("a") == []
    assert world.all(Wake)[-1].at == pytest.approx(due + 10.5)
    world.send(Tick(), world.all(Wake)[-1].at)
    assert len(world.calls("a")) == 1


# --- crashes ---------------------------------------------------------------------------------------------------------------


def test_what_a_crash_left_is_called_again_one_by_one_until_it_is_through():
    world = World(flow("a>b"))
    world.inject("a", 1, 2, 3)
    world.give(world.calls("a")[0], Output("a", "out", batch(1)), consumed=1, end=False)
    lose(world)
    for value in (2, 3):
        (call,) = world.calls("a")
        assert values(call.batch) == [value]
        world.give(call)
    assert world.machine.view().nodes[0].taken == 3


def test_a_message_that_ends_its_runtime_three_times_is_a_dead_letter_and_the_rest_flows_on():
    world = World(flow("a>b"))
    world.inject("a", 1, 2)
    world.send(CloseRun(1))
    for _ in range(4):
        lose(world)
    (dead,) = world.machine.dead()
    assert (dead.kind, dead.attempts, dead.input) == ("crashed", 3, 1)
    (call,) = world.calls("a")
    assert values(call.batch) == [2]
    (ended,) = [c for c in world.give(call) if isinstance(c, Ended)]
    assert (ended.status, ended.failures) == ("failed", (dead,))
    assert "is over" in world.send(Retry(dead.id, token=1))[0].error[1]


def test_a_dead_letter_is_tried_again_while_its_run_goes_on():
    world = World(flow("a>b"))
    world.inject("a", 1)
    for _ in range(3):
        lose(world)
    (dead,) = world.machine.dead()
    world.send(Retry(dead.id, token=1))
    assert world.machine.dead() == []
    world.give(world.calls("a")[0])
    assert world.send(CloseRun(1))[-1] == Ended(1, "done")


def test_a_dead_letter_whose_record_went_to_the_error_port_is_counted_once_when_it_is_tried_again():
    world = World(flow("a.error>h"))
    world.inject("a", 1)
    for _ in range(3):
        lose(world)
    (dead,) = world.machine.dead()
    assert world.machine.view().nodes[0].taken == 1
    world.send(Retry(dead.id, token=1))
    assert world.machine.view().nodes[0].taken == 0
    for name in "ah":
        world.give(world.calls(name)[0])
    assert [(n.id, n.taken, n.failed) for n in world.machine.view().nodes] == [("a", 1, 1), ("h", 1, 0)]
    assert world.send(CloseRun(1))[-1] == Ended(1, "done")


def test_where_somebody_is_there_to_mend_it_such_a_message_is_held():
    world = World(flow("a>b"), debug=True, hold_errors=True)
    world.inject("a", 1)
    for _ in range(3):
        lose(world)
    (held,) = world.machine.held()
    assert (held.reason, held.failure.kind) == ("error", "crashed")


def test_a_generator_that_was_under_way_drops_what_it_gave_already():
    world = World(flow("a>b"))
    world.inject("a", 1)
    out = Output("a", "out", batch(*range(3)), (0, 1, 2), (0, 0, 0))
    world.send(Returned(world.calls("a")[0].call, 0, 3, (out,)))
    lose(world)
    assert world.calls("a")[0].skip == 3


def test_a_runtime_that_ends_again_and_again_gives_its_node_up():
    world = World(flow("a>b"))
    for _ in range(5):
        lose(world)
    world.inject("a", 1)
    world.send(RuntimeLost("r-a", "x"))
    assert world.machine.view().nodes[0].status == "refused"
    assert [(e.status, e.failures[0].kind) for e in world.all(Ended)] == [("failed", "crashed")]


def test_two_nodes_of_one_runtime_are_called_one_at_a_time_until_the_culprit_is_known():
    world = World(flow("a>x", "b>y"), runtime=lambda node: "one")
    world.inject("a", 1)
    world.inject("b", 2, 3)
    calls = world.calls()
    world.log = [c for c in world.log if c not in calls]
    world.send(RuntimeLost("one", "x"))
    world.load_all()
    for node, value in (("a", 1), ("b", 2), ("b", 3)):
        (call,) = world.calls()
        assert (call.node, values(call.batch)) == (node, [value])
        world.give(call)


def test_a_suspect_goes_before_the_messages_of_nodes_that_are_always_fed():
    world = World(flow("a>b"), runtime=lambda node: "one")
    world.inject("b", 1, 2)
    lost = world.calls()
    world.inject("a", 3)
    lost += world.calls("a")
    world.send(RuntimeLost("one", "x"))
    world.log = [c for c in world.log if c not in lost]
    world.load_all()
    order = []
    for fed in range(10, 16):
        world.inject("a", fed)
        order.append([(call.node, values(call.batch)) for call in world.calls()])
        world.give(world.calls()[0])
    assert order[:3] == [[("a", [3])], [("b", [1])], [("b", [2])]]
    assert len(order[3]) > 1


def test_after_its_suspects_have_gone_well_a_node_is_called_with_many_messages_again():
    world = World(flow(nodes=[Node("a", "a")]))
    world.inject("a", *range(CHUNK + 36))
    lost = world.calls()
    world.send(RuntimeLost("r-a", "x"))
    world.log = [c for c in world.log if c not in lost]
    world.load_all()
    sizes = []
    while calls := world.calls("a"):
        sizes.append(calls[0].batch.n)
        world.echo(calls[0])
    assert sizes == [*[1] * CHUNK, 36]


# --- loading ---------------------------------------------------------------------------------------------------------------


def test_a_flow_whose_module_does_not_load_fails_its_runs():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    failure = Failure("a", "SyntaxError: x", kind="load")
    ended = [c for c in world.send(LoadFailed("a", 0, 1, failure)) if isinstance(c, Ended)]
    assert [(c.status, c.failures) for c in ended] == [("failed", (failure,))]


def test_a_flow_that_cannot_run_is_refused_with_the_cure():
    strange = flow("a>t", nodes=[Node("t", "timer", kind="trigger")])
    with pytest.raises(DefinitionError, match="'end'"):
        Machine(strange, modules_of(strange)).handle(Start())
    with pytest.raises(UnknownName, match="no module 'a'"):
        Machine(flow("a>b"), {}).handle(Start())


def test_a_cycle_that_grows_without_end_fails_the_run_with_the_cure():
    world = World(flow("a>a"), wire_messages=2)
    world.inject("a", 1)
    call = world.calls("a")[0]
    out = Output("a", "out", batch(*range(30)), tuple(range(30)), (0,) * 30)
    ended = [c for c in world.give(call, out, consumed=0, end=False, emitted=30) if isinstance(c, Ended)]
    assert [(c.status, c.failures[0].kind) for c in ended] == [("failed", "overflow")]
    assert "a.out>a.in" in ended[0].failures[0].message


def test_more_failures_than_are_kept_still_fail_the_run():
    world = World(flow("a>b"), fail_fast=False)
    world.inject("a", *range(120))
    world.send(CloseRun(1))
    ended = []
    while world.calls("a"):
        ended += [c for c in world.fail(world.calls("a")[0]) if isinstance(c, Ended)]
    assert [(c.status, len(c.failures)) for c in ended] == [("failed", 100)]


def test_ended_runs_are_remembered_by_number_only():
    world = World(flow("a>b"))
    for run in range(1, 1_205):
        world.send(CloseRun(run))
    assert world.inject("a", 1, run=3, token="late")[0].token == "late"
    assert world.calls() == []
    assert len(world.machine.view().runs) == 100


def test_results_of_a_load_are_json_for_people():
    world = World(flow("a>b"))
    assert json.loads(json.dumps([n.data for n in world.all(Notice, kind="loaded")]))[0]["version"] == 1
    assert world.all(Result) == []
    assert world.all(Load) == []
