"""E5: nodes that wait behind one that blocks are moved to another process, if they have handled nothing yet."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Module, Node, RetryPolicy
from floe_jupyter.core.machine.events import (
    Blocked,
    Break,
    Call,
    CancelRun,
    Debug,
    Failure,
    Load,
    Loaded,
    LoadFailed,
    Notice,
    Recall,
    Rewire,
    Route,
    RuntimeLost,
    Unload,
    Update,
)
from tests.core.machine.machine_kit import World, flow

BLOCKED = Blocked("r")


def world(*wires: str, nodes: tuple[Node, ...] = (), **options: object) -> World:
    """All nodes in one runtime."""
    return World(flow(*wires, nodes=nodes), runtime=lambda _: "r", **{"spreads": True, **options})


def at_work() -> World:
    """`a` is at work and `b` waits behind it."""
    made = world("a>x", "b>x")
    made.inject("a", 1)
    made.inject("b", 1, 2)
    return made


def give_back(made: World, node: str = "b") -> list[object]:
    return [command for call in made.calls(node) for command in made.give(call, consumed=0)]


def loads(commands: list[object]) -> list[Load]:
    return [command for command in commands if isinstance(command, Load)]


def test_E5_a_node_that_waits_behind_one_at_work_is_loaded_elsewhere_and_called_there():
    made = at_work()
    assert made.send(BLOCKED) == [Recall("b", 0)]
    [load] = loads(give_back(made))
    assert (load.node, load.elsewhere, load.state) == ("b", True, {})
    commands = made.send(Loaded("b", 0, 1, "other"))
    assert [c for c in commands if not isinstance(c, Notice)] == made.calls("b")
    assert [n.data["runtime"] for n in commands if isinstance(n, Notice)] == ["other"]
    assert [call.batch.n for call in made.calls("b")] == [2]


def test_E5_the_node_that_is_at_work_stays():
    made = at_work()
    made.send(BLOCKED)
    assert all(command.node == "b" for command in made.all(Recall))


def test_E5_a_node_is_asked_only_once():
    made = at_work()
    assert made.send(BLOCKED)
    assert made.send(BLOCKED) == []


def test_E5_one_that_was_begun_meanwhile_stays_where_it_is():
    made = at_work()
    made.send(BLOCKED)
    [call] = made.calls("b")
    assert loads(made.give(call, consumed=1)) == []
    assert [call.batch.n for call in made.calls("b")] == [1]


def test_E5_one_that_has_handled_something_stays():
    made = world("a>x", "b>x")
    made.inject("b", 1)
    made.echo(made.calls("b")[0])
    made.give(made.calls("x")[0])
    made.inject("a", 1)
    made.inject("b", 2)
    assert made.send(BLOCKED) == []


def test_E5_one_that_is_in_the_midst_of_its_first_message_stays():
    made = at_work()
    [call] = made.calls("b")
    made.give(call, consumed=0, emitted=1, end=False)
    assert made.send(BLOCKED) == []


@pytest.mark.parametrize(
    "node",
    [
        Node("b", "b", workers=2),
        Node("b", "b", on_error="retry", retry=RetryPolicy(2)),
        Node("b", "b", on_error="hold"),
        Node("b", "b", timeout=1.0),
    ],
)
def test_E5_nodes_whose_messages_may_have_been_tried_or_that_have_several_workers_stay(node: Node):
    made = world("a>x", "b>x", nodes=(node,))
    made.inject("a", 1)
    made.inject("b", 1)
    assert [command for command in made.send(BLOCKED) if isinstance(command, Recall)] == []


def test_E5_a_node_that_failed_a_message_stays():
    made = world("a>x", "b>x", nodes=(Node("b", "b"),), fail_fast=False)
    made.inject("b", 1)
    made.fail(made.calls("b")[0])
    made.inject("a", 1, run=2)
    made.inject("b", 1, run=2)
    assert made.send(BLOCKED) == []


def test_E5_nothing_is_moved_while_something_is_debugged_or_after_a_crash():
    made = at_work()
    made.send(Debug())
    assert made.send(BLOCKED) == []
    holding = world("a>x", "b>x", hold_errors=True)
    holding.inject("a", 1)
    holding.inject("b", 1)
    assert holding.send(BLOCKED) == []


def test_E5_a_breakpoint_that_comes_meanwhile_keeps_the_node():
    made = at_work()
    made.send(BLOCKED)
    made.send(Break("here", "b"))
    assert loads(give_back(made)) == []


def test_E5_a_newer_version_that_comes_meanwhile_takes_the_place_of_the_move():
    made = at_work()
    made.send(BLOCKED)
    made.send(Update(Module("b", "new", version=2), token="u"))
    assert loads(give_back(made)) == []
    made.load_all()
    assert made.calls("b")


def test_E5_a_node_that_does_not_load_elsewhere_is_loaded_where_it_was():
    made = at_work()
    made.send(BLOCKED)
    give_back(made)
    again = loads(made.send(LoadFailed("b", 0, 1, Failure("b", "the file is locked", "load"))))
    assert [(load.node, load.elsewhere) for load in again] == [("b", False)]
    refused = made.send(LoadFailed("b", 0, 1, Failure("b", "the file is locked", "load")))
    assert [n.kind for n in refused if isinstance(n, Notice)] == ["refused"]


def test_E5_a_crash_while_a_node_is_asked_loads_it_again_as_ever():
    made = at_work()
    made.send(BLOCKED)
    made.log.clear()
    again = loads(made.send(RuntimeLost("r", "killed")))
    assert {(load.node, load.elsewhere) for load in again} == {("a", False), ("b", False), ("x", False)}


def test_E5_what_is_left_of_a_cancelled_run_moves_nothing_more():
    made = at_work()
    made.send(BLOCKED)
    made.send(CancelRun(1))
    give_back(made)
    made.load_all()
    made.inject("b", 1, run=2)
    assert [call.batch.run for call in made.calls("b")] == [2]


def test_E5_a_node_that_leaves_meanwhile_is_not_loaded_again():
    made = at_work()
    made.send(BLOCKED)
    made.send(Rewire(flow("a>x"), token="w"))
    assert loads(give_back(made)) == []
    assert Unload("b", 0) in made.log


def test_E5_a_node_that_local_routes_lead_to_stays_and_one_they_only_lead_out_of_goes():
    made = world("a>b", "c>d", fusable=True)
    made.inject("a", 1)
    made.inject("b", 1)
    made.inject("c", 1)
    assert made.send(BLOCKED) == [Recall("c", 0)]
    assert [load.node for load in loads(give_back(made, "c"))] == ["c"]
    made.send(Loaded("c", 0, 1, "other", fusable=True))
    made.echo(made.calls("c")[0])
    assert made.calls("d")


def test_E5_a_fan_out_is_routed_when_each_of_its_nodes_has_handled_a_message():
    made = world("s>a", "s>b", fusable=True)
    assert made.all(Route) == []
    made.inject("s", 1)
    made.echo(made.calls("s")[0])
    assert {call.node for call in made.calls()} == {"a", "b"}
    made.echo(made.calls("a")[0])
    assert made.all(Route) == []
    made.echo(made.calls("b")[0])
    assert [route.routes for route in made.all(Route)] == [{"out": ("s.out>a.in", "s.out>b.in")}]


def test_E5_a_fan_out_of_a_large_flow_or_of_one_that_is_not_spread_is_routed_at_once():
    wires = [f"s>n{i}" for i in range(80)]
    assert len([c for c in world(*wires, fusable=True).told if isinstance(c, Route)]) == 1
    assert len([c for c in world("s>a", "s>b", fusable=True, spreads=False).told if isinstance(c, Route)]) == 1


def test_E5_chains_are_routed_at_once():
    made = world("a>b", "b>c", fusable=True)
    assert {c.node for c in made.told if isinstance(c, Route)} == {"a", "b"}
    made.inject("a", 1)
    assert [type(c) for c in made.calls()] == [Call]
