"""Local routes: what a runtime carries inside itself, and when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    Break,
    Call,
    CancelRun,
    CloseRun,
    Continue,
    Count,
    Debug,
    Ended,
    Failure,
    Left,
    Loaded,
    LoadFailed,
    Notice,
    Output,
    Pause,
    Reply,
    Route,
    Routed,
    RuntimeLost,
    Step,
    Unbreak,
    Unload,
    Update,
)
from tests.core.machine.machine_kit import World, batch, failed, flow, reshape, values, version

# --- local routes ----------------------------------------------------------------------------------------------------------


def fused(*wires: str, **options: Any) -> World:
    return World(flow(*(wires or ("a>b", "b>c"))), runtime=lambda node: "one", fusable=True, **options)


def test_a_chain_in_one_runtime_is_routed_inside_it_and_counted():
    world = World(flow("a>b", "b>c"), runtime=lambda node: "one", fusable=True, loaded=False)
    commands = world.load_all()
    assert [(c.node, c.routes) for c in commands if isinstance(c, Route)] == [
        ("a", {"out": ("a.out>b.in",)}),
        ("b", {"out": ("b.out>c.in",)}),
    ]
    world.inject("a", 1, 2)
    world.send(CloseRun(1))
    counts = (Count("a.out>b.in", 2), Count("b.out>c.in", 2))
    commands = world.give(world.calls("a")[0], Output("c", "out", batch(1, 2)), counts=counts)
    assert [type(c).__name__ for c in commands] == ["Result", "Ended"]
    assert [(n.taken, n.given) for n in world.machine.view().nodes] == [(2, 2)] * 3
    assert [w.sent for w in world.machine.view().wires] == [2, 2]


def test_debugging_takes_the_routes_off_and_the_messages_come_through_the_machine():
    world = fused()
    world.inject("a", 1, 2)
    call = world.calls("a")[0]
    commands = world.send(Debug(token=1))
    assert [(c.node, c.routes) for c in commands if isinstance(c, Route)] == [("a", {}), ("b", {})]
    world.give(call, Output("a", "out", batch(1)), consumed=1)
    assert world.calls() == []
    world.load_all()
    assert [(c.node, values(c.batch)) for c in world.calls()] == [("a", [2]), ("b", [1])]
    world.send(Debug(on=False, token=2))
    for _ in range(4):
        for open_call in world.calls():
            world.give(open_call)
    world.load_all()
    assert [w.routed for w in world.machine._instance.wires.values()] == [True, True]


@pytest.mark.parametrize("left", ["a", "b"])
def test_routes_into_or_out_of_a_node_that_leaves_are_taken_off(left: str) -> None:
    world = fused("a>b")
    world.inject("a", 1)
    call = world.calls("a")[0]
    commands = reshape(world, flow(nodes=[Node(left, left)]))
    assert [(c.node, c.routes) for c in commands if isinstance(c, Route)] == [("a", {})]
    world.give(call, Output("a", "out", batch(1)))
    world.load_all()
    for open_call in world.calls("b"):
        world.echo(open_call)
    assert list(world.machine._instance.nodes) == [left]
    assert world.all(Reply, token="w")


def test_a_step_waits_until_the_routes_are_off():
    world = fused()
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(Step(token="s"))
    world.give(call, consumed=0)
    assert world.calls() == []
    world.load_all()
    assert len(world.calls("a")) == 1


def test_an_update_takes_the_routes_of_its_node_off_before_the_swap():
    world = fused()
    world.send(Update(version(2, "b"), token="u"))
    world.load_all()
    assert world.all(Reply, token="u")[0].value == {"updated": ["b"], "refused": []}
    assert all(wire.routed for wire in world.machine._instance.wires.values())


def test_a_failure_inside_a_runtime_is_that_of_the_first_message_left_in_front_of_its_node():
    world = fused(fail_fast=False)
    world.inject("a", 1, 2, 3)
    world.send(CloseRun(1))
    call = world.calls("a")[0]
    world.give(
        call,
        consumed=3,
        counts=(Count("a.out>b.in", 1),),
        failure=Failure("b", "ValueError: no"),
        left=(Left("gone", batch(0)), Left("a.out>b.in", batch(20, 30)), Left("b.out>c.in", batch(100))),
    )
    assert [n.data["failure"]["input"] for n in world.all(Notice, kind="failure")] == [20]
    world.load_all()
    assert [(c.node, values(c.batch)) for c in world.calls()] == [("b", [30]), ("c", [100])]
    for open_call in world.calls():
        commands = world.give(open_call)
    assert [c.status for c in commands if isinstance(c, Ended)] == ["failed"]


def test_a_failure_inside_is_held_where_somebody_can_mend_it():
    world = fused()
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(Debug(hold_errors=True))
    world.give(call, consumed=1, failure=Failure("b", "no"), left=(Left("a.out>b.in", batch(20)),))
    assert [(h.node, h.value, h.reason) for h in world.machine.held()] == [("b", 20, "error")]


def test_a_crash_forgets_the_routes_and_sets_them_again():
    world = fused()
    world.send(RuntimeLost("one", "x"))
    assert not any(wire.routed for wire in world.machine._instance.wires.values())
    world.load_all()
    assert all(wire.routed for wire in world.machine._instance.wires.values())


def test_what_a_route_may_not_carry_goes_through_the_machine():
    for options in ({"join": "all"}, {"timeout": 1.0}, {"workers": 2}, {"on_error": "hold"}):
        node = Node("b", "b", **options)
        world = World(flow("a>b", nodes=[node]), runtime=lambda node: "one", fusable=True)
        assert not world.machine._instance.wires["a.out>b.in"].routed
    assert not fused("a>b", "b.error>c").machine._instance.wires["a.out>b.in"].routed
    assert not fused("a>b", "b>a").machine._instance.wires["a.out>b.in"].routed


def test_a_pause_is_answered_when_the_routes_are_off():
    world = fused()
    assert Reply("p") not in world.send(Pause("p"))
    assert Reply("p") in world.load_all()


def test_a_flow_that_waits_for_modules_that_do_not_load_says_which_as_they_become_more():
    world = World(flow("a>b"), loaded=False, debug=True)
    world.inject("a", 1)
    world.send(failed(1, "SyntaxError"))
    world.send(LoadFailed("b", 0, 1, Failure("b", "ImportError", "load")))
    assert [c.data for c in world.all(Notice, kind="idle")] == [{"held": 0, "refused": {"a": "SyntaxError", "b": "ImportError"}}]
    world.send(Update(version(2), token="u"))
    world.send(failed(2, "NameError"))
    assert world.all(Notice, kind="idle")[-1].data["refused"] == {"a": "NameError", "b": "ImportError"}
    world.send(Update(version(3), token="u"))
    world.send(Loaded("a", 0, 3, "r-a"))
    world.echo(world.calls("a")[0])
    assert world.all(Notice, kind="idle")[-1].data["refused"] == {"b": "ImportError"}


@pytest.mark.parametrize("wires", [("a>b",), ("a>b", "a>c")])
def test_E9_what_a_breakpoint_held_behind_a_node_is_not_overtaken_on_a_local_route(wires: tuple[str, ...]) -> None:
    world = fused(*wires)
    world.send(Break("x", "a", side="out", token=1))
    world.load_all()
    world.inject("a", 0)
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    commands = [*world.send(Unbreak("x", token=2)), *world.load_all()]
    assert not [c for c in commands if isinstance(c, Route | Call)]
    world.send(Continue(token=3))
    for _ in range(4):
        for call in world.calls():
            world.echo(call)
        world.load_all()
    assert [values(c.batch) for c in world.taken("b")] == [[0], [1]]
    assert all(wire.routed for wire in world.machine._instance.wires.values())


def test_E9_what_a_generator_gives_after_its_breakpoint_was_cleared_stays_behind_what_was_held():
    world = fused("a>b")
    world.send(Break("x", "a", side="out", token=1))
    world.load_all()
    world.inject("a", 0)
    call = world.calls("a")[0]
    world.give(call, Output("a", "out", batch(10), index=(0,), parent=(0,)), consumed=0, end=False, emitted=1)
    world.send(Unbreak("x", token=2))
    world.give(call, Output("a", "out", batch(11), index=(1,), parent=(0,)), consumed=1)
    assert world.calls("b") == []
    world.send(Continue(token=3))
    for _ in range(3):
        for open_call in world.calls("b"):
            world.echo(open_call)
    assert [v for c in world.taken("b") for v in values(c.batch)] == [10, 11]


def test_nodes_that_feed_each_other_leave_together_while_a_version_is_on_its_way():
    world = fused("a>b")
    world.send(Update(version(2, "b"), token="u"))
    reshape(world, flow(nodes=[Node("c", "c")]))
    world.load_all()
    assert list(world.machine._instance.nodes) == ["c"]


def test_a_version_that_is_being_loaded_for_a_node_that_leaves_behind_its_feeder_is_unloaded():
    world = World(flow("a>b"))
    world.send(Update(version(2, "b"), token="u"))
    commands = reshape(world, flow(nodes=[Node("c", "c")]))
    assert [(c.node, c.version) for c in commands if isinstance(c, Unload)] == [("a", 0), ("b", 0), ("b", 2)]
    assert Reply("u", {"updated": [], "refused": []}) in commands
    assert list(world.machine._instance.nodes) == ["c"]


def test_what_comes_back_over_a_local_route_of_a_run_that_is_over_is_nothing():
    world = fused("a>b")
    for run in (1, 2):
        world.inject("a", run, run=run)
    first, second = world.calls("a")
    world.send(CancelRun(1))
    world.give(first, consumed=1, left=(Left("a.out>b.in", batch(10)),))
    world.give(second, consumed=1, left=(Left("a.out>b.in", batch(20, run=2)),))
    world.load_all()
    assert [(values(c.batch), c.batch.run) for c in world.taken("b")] == [([20], 2)]
    assert [(n.id, n.unfinished) for n in world.machine.view().nodes] == [("a", 1), ("b", 0)]


def test_an_answer_about_the_routes_of_a_node_that_is_gone_is_nothing():
    world = fused()
    assert world.send(Routed("gone", 0)) == []
