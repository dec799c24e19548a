"""Changing a running flow: new versions, and new shapes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    Activate,
    Activated,
    Break,
    CloseRun,
    Ended,
    Failure,
    Kill,
    Load,
    Loaded,
    LoadFailed,
    Notice,
    Output,
    Recall,
    Reply,
    Result,
    Returned,
    Rewire,
    Routed,
    RuntimeLost,
    StateChange,
    Tick,
    Unload,
    Update,
)
from tests.core.machine.machine_kit import World, batch, failed, flow, modules_of, reshape, values, version

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


def test_the_newest_of_two_versions_wins_and_both_requests_are_answered():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u2"))
    commands = world.send(Update(version(3), token="u3"))
    assert commands == [Unload("a", 0, 2), Reply("u2", {"updated": [], "refused": []}), Load("a", 0, version(3))]
    world.send(Loaded("a", 0, 2, "r-a"))
    world.send(Loaded("a", 0, 3, "r-a"))
    assert Reply("u3", {"updated": ["a"], "refused": []}) in world.send(Activated("a", 0, 3, {}))


def test_A2_a_version_that_comes_while_another_is_activated_takes_its_place():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u2"))
    world.send(Loaded("a", 0, 2, "r-a"))
    assert world.send(Update(version(3), token="u3")) == [
        Reply("u2", {"updated": [], "refused": []}),
        Unload("a", 0, 2),
        Load("a", 0, version(3)),
    ]
    assert world.send(Activated("a", 0, 2, {"x": 1})) == []
    assert Activate("a", 0, 3, {}) in world.send(Loaded("a", 0, 3, "r-a"))


def test_A2_a_version_that_comes_while_the_first_is_loaded_takes_its_place_and_migrates_the_state():
    world = World(flow("a>b"), loaded=False, states={"a": {"n": 1}})
    world.inject("a", 7)
    assert world.send(Update(version(2), token="u2")) == [Unload("a", 0, 1), Load("a", 0, version(2))]
    assert world.machine.view().nodes[0].status == "loading"
    assert world.send(Loaded("a", 0, 1, "r-a")) == []
    assert world.send(Loaded("a", 0, 2, "r-a")) == [Activate("a", 0, 2, {"n": 1})]
    commands = world.send(Activated("a", 0, 2, {"n": 2}))
    assert Reply("u2", {"updated": ["a"], "refused": []}) in commands
    assert [values(c.batch) for c in world.calls("a")] == [[7]]


def test_A2_when_the_version_that_took_the_place_of_the_first_is_no_good_the_first_is_loaded_again():
    world = World(flow("a>b"), loaded=False)
    world.send(Update(version(2), token="u2"))
    assert Load("a", 0, world.modules["a"], {}, "fail") in world.send(failed(2))
    world.send(Update(version(3), token="u3"))
    world.send(Loaded("a", 0, 3, "r-a"))
    assert [(c.module.version, c.state) for c in world.send(failed(3)) if isinstance(c, Load)] == [(1, {})]


def test_what_does_not_load_again_after_a_crash_waits_for_the_version_that_is_on_its_way():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.send(Update(version(2), token="u2"))
    world.send(RuntimeLost("r-a", "x"))
    assert not [c for c in world.send(failed(1)) if isinstance(c, Ended)]
    assert Activate("a", 0, 2, {}) in world.send(Loaded("a", 0, 2, "r-a"))


def test_B9_a_migration_that_ends_its_runtime_three_times_is_refused_with_the_count():
    world = World(flow("a>b"))
    world.send(Update(version(2), token="u2"))
    for n in range(3):
        assert Activate("a", 0, 2, {}) in world.send(Loaded("a", 0, 2, f"r-{n}"))
        commands = world.send(RuntimeLost(f"r-{n}", "exit code 9"))
    (reply,) = [c for c in commands if isinstance(c, Reply)]
    assert "the runtime ended 3 times while 'a' was activated (exit code 9)" in reply.value["refused"][0]["message"]
    world.inject("a", 1)
    assert [values(c.batch) for c in world.calls("a")] == [[1]]


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
    stray: tuple[Any, ...] = (
        Loaded("x", 0, 1, "r"),
        Loaded("a", 0, 9, "r"),
        LoadFailed("x", 0, 1, Failure("x", "")),
        failed(9),
        Activated("a", 0, 9, {}),
        Routed("x", 0),
        Routed("a", 0),
        RuntimeLost("nobody", "x"),
        Tick(),
        Returned(99, 1, end=True),
    )
    for event in stray:
        assert [c for c in world.send(event) if not isinstance(c, Notice)] == []


# --- shapes ----------------------------------------------------------------------------------------------------------------


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
        ("b", 1, "b.out", 1): 1,
        ("b", 2, "b.out", 1): 2,
    }


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
