"""Debugging: pauses, steps, going back and forward again."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.flow.model import RetryPolicy as Policy
from floe_jupyter.core.machine.events import (
    Break,
    CloseRun,
    Continue,
    Debug,
    Drop,
    Edit,
    Ended,
    Notice,
    Output,
    Pause,
    Recall,
    Reply,
    Result,
    Retry,
    Step,
    Tick,
    Unbreak,
)
from floe_jupyter.errors import UnknownName
from tests.core.machine.machine_kit import World, back, batch, flow, paused, step, values


def test_a_pause_is_answered_when_no_module_is_at_work():
    world = World(flow("a>b"))
    world.inject("a", 1, 2)
    assert world.send(Pause("p")) == [Recall("a", 0)]
    commands = world.give(world.calls("a")[0], Output("a", "out", batch(1)), consumed=1)
    assert Reply("p") in commands
    assert [(h.node, h.value, h.reason) for h in world.machine.held()] == [("a", 2, "pause"), ("b", 1, "pause")]


def test_a_step_says_what_went_in_and_out():
    world = paused(1)
    assert step(world) == {"a": {"inputStates": {"in": 1}, "outputStates": {"out": [1]}, "errors": []}}
    assert [(h.node, h.value, h.reason) for h in world.machine.held()] == [("b", 1, "step")]


def test_a_run_does_not_end_while_its_last_step_can_be_taken_back():
    world = paused(1, wires=("a>b",))
    world.send(CloseRun(1))
    step(world)
    step(world)
    assert not world.all(Ended)
    ids = world.all(Result)[0].batch.ids
    assert back(world).value == {"b": {"inputStates": {"in": 1}, "outputStates": {"out": [1]}, "errors": []}}
    assert world.all(Notice, kind="withdrawn")[0].data == {"ids": list(ids)}
    calls = len(world.all(type(world.calls("x")))) if world.calls("x") else 0
    world.send(Step(token="again"))
    assert (calls, world.calls()) == (0, [])
    assert world.all(Result)[1].batch.ids == ids
    assert world.send(Step(token="end"))[:1] == [Ended(1, "done")]
    assert world.all(Reply, token="end")[0].value == {}


def test_back_goes_all_the_way_and_forward_again_without_calling_user_code():
    world = paused(1, 2)
    for _ in range(3):
        step(world)
    assert [(n.taken, n.given) for n in world.machine.view().nodes] == [(2, 2), (2, 2)]
    for _ in range(3):
        assert back(world).error is None
    assert [(n.taken, n.given, n.depth) for n in world.machine.view().nodes] == [(0, 0, 2), (0, 0, 0)]
    assert back(world).error[0] == "definition"
    for _ in range(3):
        world.send(Step(token="s"))
    assert world.calls() == []
    assert [values(r.batch) for r in world.all(Result)] == [[1], [2]] * 2


def test_an_edited_message_is_called_again_after_a_step_back():
    world = paused(1)
    step(world)
    back(world)
    (held,) = world.machine.held()
    world.send(Edit(held.id[:5], b"5", token="e"))
    assert step(world)["a"]["inputStates"] == {"in": 5}


def test_back_is_refused_when_the_run_is_over_or_went_on_unseen():
    world = paused(1, wires=("a>b",))
    step(world)
    world.send(Continue())
    world.echo(world.calls("b")[0])
    world.send(Pause("p"))
    assert "ran on without recording" in back(world).error[1]
    world = World(flow("a>b"), debug=True)
    world.inject("a", 1)
    world.send(CloseRun(1))
    world.give(world.calls("a")[0])
    assert "run 1 is over" in back(world).error[1]


@pytest.mark.parametrize("options", [{"on_error": "hold"}, {"on_error": "retry", "retry": Policy(3)}, {}])
def test_a_failed_attempt_that_is_stepped_back_and_forward_again_leaves_its_message_where_it_was(options):
    world = World(flow("a>b", nodes=[Node("a", "a", **options)]), debug=True)
    world.send(Debug(hold_errors=True))
    world.send(Pause("p"))
    world.inject("a", 1, 2)
    world.send(CloseRun(1))
    world.send(Step(token="s"))
    world.fail(world.calls("a")[0])
    there = [(h.node, h.id, h.value, h.reason) for h in world.machine.held()]
    assert [value for _, _, value, _ in there] == [1, 2]
    assert back(world).error is None
    world.send(Step(token="s"))
    assert world.calls() == []  # the recording answers
    assert [(h.node, h.id, h.value, h.reason) for h in world.machine.held()] == there
    world.send(Debug(on=False))
    world.send(Continue())
    world.send(Retry(there[0][1], token="r"))
    world.send(Tick(), 10.0)
    for _ in range(8):
        for call in world.calls():
            world.echo(call)
    assert sorted(value for r in world.all(Result) for value in values(r.batch)) == [1, 2]
    assert [e.status for e in world.all(Ended)] == ["done"]


def test_back_undoes_free_steps_one_by_one_and_failures_too():
    world = World(flow("a>b"), debug=True, fail_fast=False)
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    world.fail(world.calls("b")[0])
    assert back(world).value["b"]["errors"][0]["message"] == "ValueError: no"
    assert list(back(world).value) == ["a"]
    assert [(n.taken, n.failed, n.depth) for n in world.machine.view().nodes] == [(0, 0, 1), (0, 0, 0)]
    world.send(Step(token="s"))
    world.send(Step(token="t"))
    assert world.calls() == []
    assert world.all(Reply, token="t")[0].value["b"]["errors"][0]["message"] == "ValueError: no"


def test_steps_of_one_node_one_run_and_one_message():
    world = paused(1, wires=("a>b", "c>d"))
    world.inject("c", 2, run=2)
    assert list(step(world, node="c")) == ["c"]
    assert list(step(world, run=1)) == ["a"]
    (held,) = [h for h in world.machine.held() if h.node == "d"]
    assert list(step(world, message=held.id)) == ["d"]


def test_a_message_that_waits_behind_another_cannot_be_stepped():
    world = paused(1, 2)
    first, second = world.machine.held()
    world.send(Step(message=second.id, token="s"))
    assert f"waits behind {first.id}" in world.all(Reply, token="s")[0].error[1]


def test_a_message_of_a_node_that_cannot_take_it_is_refused_with_the_reason():
    world = paused(1, 2, wire_messages=1)
    step(world)
    (held,) = [h for h in world.machine.held() if h.node == "a"]
    world.send(Step(message=held.id, token="s"))
    assert "a wire behind it is full" in world.all(Reply, token="s")[-1].error[1]


def test_requests_about_what_is_not_there_name_what_is():
    world = paused(1)
    requests = (
        Step(node="x", token=1),
        Break("b", "x", token=1),
        Unbreak("x", token=1),
        Drop("ff", token=1),
        Edit("ff", b"1", token=1),
    )
    for request in requests:
        assert world.send(request)[0].error[0] == "unknown"
    assert world.send(Edit(world.machine.held()[0].id, b"{", token=1))[0].error[0] == "value"
    with pytest.raises(UnknownName):
        world.machine.at("ff")


def test_an_id_that_begins_two_messages_is_refused():
    world = paused(*range(40))
    ids = [h.id for h in world.machine.held()]
    first = next(i[0] for i in ids if sum(j[0] == i[0] for j in ids) > 1)
    assert "give more of it" in world.send(Drop(first, token=1))[0].error[1]
