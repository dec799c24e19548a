"""Changing a running flow: new versions, new shapes, and local routes that come and go."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from floe_jupyter.core.events import (
    Activate,
    Activated,
    Break,
    CloseRun,
    Count,
    Debug,
    Ended,
    Failure,
    Kill,
    Left,
    Load,
    Loaded,
    LoadFailed,
    Notice,
    Output,
    Pause,
    Recall,
    Reply,
    Result,
    Returned,
    Rewire,
    Route,
    Routed,
    RuntimeLost,
    StateChange,
    Step,
    Tick,
    Unload,
    Update,
)
from floe_jupyter.core.model import Flow, Module, Node
from tests.core.machine_kit import World, batch, flow, modules_of, values


def version(n: int, name: str = "a") -> Module:
    return Module(name, f"v{n}", version=n, outputs=("out", "bad"))


def failed(n: int, text: str = "SyntaxError") -> LoadFailed:
    return LoadFailed("a", 0, n, Failure("a", text, kind="load"))


# --- versions --------------------------------------------------------------------------------------------------------------


def test_a_new_version_is_swapped_in_between_two_messages_with_the_state():
    world = World(flow("a>b"))
    world.inject("a", 1, 2)
    call = world.calls("a")[0]
    world.send(Update(version(2), token="u"))
    assert world.send(Loaded("a", 0, 2, "r-a")) == [Recall("a", 0)]
    assert world.give(call, consumed=1, states=(StateChange("a", set={"n": 1}),)) == [Activate("a", 0, 2, {"n": 1})]
    commands = world.send(Activated("a", 0, 2, {"n": 10}))
    assert Unload("a", 0, 1) in commands
    assert Reply("u", {"updated": ["a"], "refused": []}) in commands
    assert [values(c.batch) for c in world.calls("a")] == [[2]]
    assert world.machine.states()["a"] == {"n": 10}


def test_a_version_that_does_not_load_leaves_the_old_one_running():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u"))
    commands = world.send(failed(2))
    assert [c.value["refused"][0]["message"] for c in commands if isinstance(c, Reply)] == ["SyntaxError"]
    assert [c.kind for c in commands if isinstance(c, Notice)] == ["refused"]
    world.inject("a", 1)
    assert len(world.calls("a")) == 1


def test_a_migration_that_fails_leaves_the_old_one_with_its_state():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u"))
    world.send(Loaded("a", 0, 2, "r-a"))
    world.send(failed(2, "KeyError"))
    world.inject("a", 1)
    assert world.calls("a")[0].state == {}


def test_the_newest_of_two_versions_wins_and_both_wishes_are_answered():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u2"))
    commands = world.send(Update(version(3), token="u3"))
    assert commands == [Unload("a", 0, 2), Reply("u2", {"updated": [], "refused": []}), Load("a", 0, version(3))]
    world.send(Loaded("a", 0, 2, "r-a"))
    world.send(Loaded("a", 0, 3, "r-a"))
    assert Reply("u3", {"updated": ["a"], "refused": []}) in world.send(Activated("a", 0, 3, {}))


def test_a_version_that_comes_while_another_is_activated_follows_it():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u2"))
    world.send(Loaded("a", 0, 2, "r-a"))
    world.send(Update(version(3), token="u3"))
    world.send(Loaded("a", 0, 3, "r-a"))
    assert Activate("a", 0, 3, {"x": 1}) in world.send(Activated("a", 0, 2, {"x": 1}))


def test_a_version_that_comes_while_the_first_loads_or_was_refused_is_used_as_soon_as_it_is_there():
    world = World(flow("a>b"), loaded=False, debug=True)
    world.send(Update(version(2), token="u"))
    world.send(failed(1))
    assert world.send(Loaded("a", 0, 2, "r-a")) == [Activate("a", 0, 2, {})]
    world.send(Activated("a", 0, 2, {}))
    world = World(flow("a>b"), loaded=False, debug=True)
    world.send(failed(1))
    assert world.send(Update(version(2), token="u"))[0].state == {}
    assert Reply("u", {"updated": ["a"], "refused": []}) in world.send(Loaded("a", 0, 2, "r-a"))


def test_a_crash_while_a_version_is_activated_loses_neither():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u"))
    world.send(Loaded("a", 0, 2, "other"))
    world.send(RuntimeLost("other", "x"))
    world.inject("a", 1)
    assert len(world.calls("a")) == 1
    world.send(Update(version(3), token="v"))
    world.send(RuntimeLost("r-a", "x"))
    world.load_all()
    assert world.machine.view().nodes[0].version == 3


def test_the_old_version_is_loaded_again_when_both_runtimes_are_gone_and_the_new_one_is_no_good():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u"))
    world.send(Loaded("a", 0, 2, "other"))
    world.send(RuntimeLost("r-a", "x"))
    world.inject("a", 1)
    assert Load("a", 0, version(2)) in world.send(RuntimeLost("other", "x"))
    assert [(c.module.version, c.state) for c in world.send(failed(2)) if isinstance(c, Load)] == [(1, {})]
    assert [values(c.batch) for c in world.load_all() if type(c).__name__ == "Call"] == [[1]]


def test_answers_about_what_nobody_asked_for_change_nothing():
    world = World(flow("a>b"))
    stray: tuple[Any, ...] = (Loaded("x", 0, 1, "r"), Loaded("a", 0, 9, "r"), LoadFailed("x", 0, 1, Failure("x", "")), failed(9),
                              Activated("a", 0, 9, {}), Routed("x", 0), Routed("a", 0), RuntimeLost("nobody", "x"), Tick(),
                              Returned(99, 1, end=True))
    for event in stray:
        assert [c for c in world.send(event) if not isinstance(c, Notice)] == []


# --- shapes ----------------------------------------------------------------------------------------------------------------


def reshape(world: World, new: Flow) -> list[Any]:
    return world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))


def test_a_node_is_added_and_the_others_keep_their_messages():
    world = World(flow("a>b"))
    world.inject("a", 1)
    assert [c.node for c in reshape(world, flow("a>b", "b>c")) if isinstance(c, Load)] == ["c"]
    world.load_all()
    assert world.all(Reply, token="w")[0].value == {"updated": ["c"], "refused": []}
    for name in "abc":
        world.echo(world.calls(name)[0])
    assert [r.node for r in world.all(Result)] == ["c"]


def test_a_node_is_drained_before_it_is_taken_away_and_what_waits_is_dropped_by_count():
    world = World(flow("a>b"))
    world.inject("a", 1, 2)
    world.echo(world.calls("a")[0])
    world.send(CloseRun(1))
    call = world.calls("b")[0]
    assert reshape(world, flow(nodes=[Node("a", "a")])) == [Recall("b", 0)]
    commands = world.give(call, Output("b", "out", batch(1)), consumed=1)
    assert [c for c in commands if isinstance(c, Notice)] == [Notice("dropped", "b", 1, {"place": "a.out>b.in", "messages": 1})]
    assert Unload("b", 0) in commands
    assert [c.status for c in commands if isinstance(c, Ended)] == ["done"]


def test_each_run_hears_how_many_of_its_messages_were_dropped_also_of_those_held_behind_a_node():
    world = World(flow("a>b", "a>c"))
    world.inject("a", 1, 2, 3, runs=(1, 2, 2))
    world.echo(world.calls("a")[0])
    world.send(Break("x", "b", side="out"))
    for call in world.calls("b", "c"):
        world.echo(call)
    assert sorted((h.node, h.value) for h in world.machine.held()) == [("b", 1), ("b", 2), ("b", 3)]
    reshape(world, flow("a>c"))
    dropped = world.all(Notice, kind="dropped")
    assert Counter((n.node, n.run, n.data["place"], n.data["messages"]) for n in dropped) == {
        ("b", 1, "b.out", 1): 1, ("b", 2, "b.out", 1): 2}


def test_a_generator_without_end_does_not_keep_a_node_that_is_taken_away():
    world = World(flow("a>b"))
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(Returned(call.call, 0, 5, (Output("a", "out", batch(*range(5)), tuple(range(5)), (0,) * 5),)))
    reshape(world, flow(nodes=[Node("b", "b")]))
    assert [c.runtime for c in world.send(Tick(), 2.0) if isinstance(c, Kill)] == ["r-a"]
    world.log.remove(call)
    assert Unload("a", 0) in world.send(RuntimeLost("r-a", "killed"))


def test_an_option_that_cannot_change_while_the_flow_runs_is_refused_with_the_cure():
    world = World(flow("a>b"))
    (reply,) = reshape(world, flow("a>b", nodes=[Node("b", "b", workers=3)]))
    assert "workers cannot change from 1 to 3" in reply.error[1]


def test_a_rewiring_brings_new_versions_of_what_stays():
    world = World(flow("a>b"))
    new = flow("a>b", "a>c")
    world.send(Rewire(new, (version(2), *(m for n, m in modules_of(new).items() if n != "a")), token="w"))
    world.load_all()
    assert world.all(Reply, token="w")[0].value == {"updated": ["c", "a"], "refused": []}


# --- local routes ----------------------------------------------------------------------------------------------------------


def fused(*wires: str, **options: Any) -> World:
    return World(flow(*(wires or ("a>b", "b>c"))), runtime=lambda node: "one", fusable=True, **options)


def test_a_chain_in_one_runtime_is_routed_inside_it_and_counted():
    world = World(flow("a>b", "b>c"), runtime=lambda node: "one", fusable=True, loaded=False)
    commands = world.load_all()
    assert [(c.node, c.routes) for c in commands if isinstance(c, Route)] == [
        ("a", {"out": ("a.out>b.in",)}), ("b", {"out": ("b.out>c.in",)})]
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
    world.give(call, consumed=3, counts=(Count("a.out>b.in", 1),), failure=Failure("b", "ValueError: no"),
               left=(Left("gone", batch(0)), Left("a.out>b.in", batch(20, 30)), Left("b.out>c.in", batch(100))))
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
