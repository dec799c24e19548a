"""What ends without being processed, in the corners: keys, wires that go, steps taken back, long lists of names."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    Back,
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Drop,
    Ended,
    Left,
    Notice,
    Pause,
    Rewire,
    RuntimeLost,
    Step,
    Tick,
)
from floe_jupyter.core.machine.unprocessed import NOTICED, SHAPES, by_name, by_node, describe
from tests.core.machine.machine_kit import Output, World, back, batch, flow, modules_of, step, values

Told = list[tuple[str, str, int]]


def ended(world: World, run: int = 1) -> Ended:
    (found,) = world.all(Ended, run=run)
    assert isinstance(found, Ended)
    return found


def told(world: World, run: int = 1) -> Told:
    """(name, reason, messages) of what a run did not process."""
    return sorted((u.name, u.reason, u.n) for u in ended(world, run).unprocessed)


def joined(kind: str = "all", wires: tuple[str, ...] = ("a>j", "b>j"), **options: object) -> World:
    node = Node("j", "j", join=kind, key=str(options.pop("key", "")))  # type: ignore[arg-type]
    return World(flow(*wires, nodes=[node]), **options)


def echo_all(world: World) -> None:
    while calls := world.calls():
        world.echo(calls[0])


def counts(world: World, node: str) -> tuple[int, int]:
    (view,) = [n for n in world.machine.view().nodes if n.id == node]
    return view.dropped, view.unfinished


@pytest.mark.parametrize("fail_fast", [True, False])
def test_a_message_without_a_key_for_its_worker_is_dropped_by_name(fail_fast):
    world = World(flow("a>b", nodes=[Node("a", "a", workers=2, by="msg['k']")]), fail_fast=fail_fast)
    world.inject("a", {"k": 1}, {"x": 1}, {"k": 2})
    world.send(CloseRun(1))
    echo_all(world)
    rest = [("node a", "unfinished", 2)] if fail_fast else []
    assert told(world) == sorted([("node a", "key", 1), *rest])
    assert ended(world).status == "failed"
    assert all(1 in world.machine.view().runs for _ in world.calls())


def test_a_message_without_a_key_for_its_join_is_dropped_by_name():
    world = joined(key="msg['k']", fail_fast=False)
    world.inject("a", {"k": 1}, {"x": 1})
    world.inject("b", {"k": 1}, {"k": 2}, {"k": 3}, {"k": 1})
    world.send(CloseRun(1))
    echo_all(world)
    assert told(world) == [("join j", "key", 1), ("join j", "missing", 2), ("join j", "second", 1)]
    texts = {u.reason: u.text for u in ended(world).unprocessed}
    assert texts["missing"] == "1 of 2 arrived for 2 keys, nothing came over a.out>j.in"
    assert texts["second"] == "second message of a key"


def test_joins_of_many_runs_that_come_together_count_what_they_drop():
    world = joined()
    for _ in range(2):
        for source in "ab":
            world.inject(source, 1, 2, 3, runs=(1, 2, 3))
            world.echo(world.calls(source)[0])
    for run in (1, 2, 3):
        world.send(CloseRun(run))
    echo_all(world)
    assert [told(world, run) for run in (1, 2, 3)] == [[("join j", "second", 2)]] * 3
    assert counts(world, "j") == (6, 0)


def test_a_second_message_of_the_winner_and_the_losers_of_any_are_told_apart():
    world = joined("any")
    world.inject("a", 1, 2)
    world.inject("b", 3)
    world.send(CloseRun(1))
    echo_all(world)
    assert told(world) == [("join j", "late", 1), ("join j", "second", 1)]
    assert by_name(ended(world).unprocessed) == {"join j": 2}
    assert by_node(ended(world).unprocessed) == {}


def test_the_message_that_waits_behind_a_poisoned_any_join_is_dropped_by_name():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="any")]), fail_fast=False, loaded=False)
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(CloseRun(1))
    for load in [c for c in world.log if type(c).__name__ == "Load" and c.node != "j"]:
        world.send(world._answer(load))
    world.echo(world.calls("a")[0])
    world.fail(world.calls("b")[0])
    assert told(world) == [("join j", "poisoned", 1)]


def test_a_step_back_takes_back_what_it_dropped():
    world = joined("any")
    world.send(Pause("p"))
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(CloseRun(1))
    step(world, node="a")
    step(world, node="b")
    assert counts(world, "j") == (1, 0)
    assert back(world).error is None
    assert counts(world, "j") == (0, 0)
    world.send(Step(node="b", token="again"))
    world.send(Continue("c"))
    echo_all(world)
    assert told(world) == [("join j", "late", 1)]


def test_parts_and_messages_on_wires_that_go_are_counted_and_told():
    world = joined(wires=("a>j", "b>j", "a>c", "c>j"))
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    smaller = flow("b>j", nodes=[Node("j", "j", join="all")], version=2)
    world.send(Rewire(smaller, tuple(modules_of(smaller).values()), token=1))
    for call in world.calls("c"):
        world.give(call, consumed=0)
    world.send(CloseRun(1))
    echo_all(world)
    assert ("a.out>j.in", "removed", 1) in told(world)
    assert world.all(Notice, kind="dropped", node="j")[0].data == {"place": "a.out>j.in", "messages": 1}


def test_a_message_that_comes_back_over_a_wire_that_is_gone_is_dropped_by_name():
    world = World(flow("a>b"), runtime=lambda node: "one", fusable=True)
    world.load_all()
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(Rewire(flow("a>c", nodes=[Node("b", "b")], version=2), tuple(modules_of(flow("a>c", "b>c")).values()), token=1))
    world.give(call, consumed=1, left=(Left("a.out>b.in", batch(10)),))
    world.send(CloseRun(1))
    assert told(world) == [("a.out>b.in", "removed", 1)]
    assert counts(world, "b") == (1, 0)


def test_what_is_held_behind_a_node_is_unfinished_or_dropped_as_its_output():
    world = World(flow("a>b"))
    world.send(Break("x", "a", "out", token="t"))
    world.inject("a", 1, run=1)
    echo_all(world)
    (held,) = world.machine.held()
    world.send(Drop(held.id, token="d"))
    world.send(CloseRun(1))
    world.inject("a", 2, run=2)
    echo_all(world)
    world.send(CancelRun(2))
    assert told(world, 1) == [("output a.out", "hand", 1)]
    assert told(world, 2) == [("output a.out", "behind", 1)]
    assert by_node(ended(world, 2).unprocessed) == {"a": 1}


def test_a_timeout_names_what_all_calls_of_its_runtime_had_under_way():
    world = World(flow("a>b", nodes=[Node("a", "a", timeout=1.0)]), runtime=lambda node: "one")
    world.inject("a", 1, 2)
    world.inject("b", 3, 4, 5)
    world.send(CloseRun(1))
    world.send(Tick(), now=1.1)
    world.send(RuntimeLost("one", "killed"))
    assert told(world) == [("node a", "unfinished", 1), ("node b", "unfinished", 3)]


def test_texts_name_few_wires_and_few_shapes():
    sources = [f"s{i}" for i in range(12)]
    world = joined(wires=tuple(f"{s}>j" for s in sources), key="msg")
    for place, source in enumerate(sources):
        world.inject(source, *range(place + 1))
    world.send(CloseRun(1))
    echo_all(world)
    texts = [u.text for u in ended(world).unprocessed]
    assert len(texts) == SHAPES + 1
    assert texts[0] == "1 of 12 arrived for 1 key, nothing came over s0.out>j.in, s1.out>j.in, s2.out>j.in and 8 more"
    assert texts[-1] == "other wires gave nothing"
    assert sum(u.n for u in ended(world).unprocessed) == sum(range(1, 12))


def test_people_are_noticed_a_few_times_and_the_counts_go_on():
    world = joined("any")
    for run in range(1, NOTICED + 6):
        world.inject("a", 1, run=run)
        world.inject("b", 2, run=run)
        world.send(CloseRun(run))
        echo_all(world)
    assert len(world.all(Notice, kind="dropped")) == NOTICED
    assert counts(world, "j") == (NOTICED + 5, 0)
    assert describe(ended(world, 1).unprocessed[0]) == "join j: after the first one (1 message dropped)"


def test_what_a_call_does_after_its_run_was_cancelled_changes_no_count():
    world = World(flow("a>b"))
    world.inject("a", 1, 2, run=1)
    world.inject("a", 3, runs=(2,))
    first, second = world.calls("a")
    world.send(CancelRun(1))
    world.give(first, Output("a", "out", batch(1)), consumed=1)
    world.echo(second)
    (view,) = [n for n in world.machine.view().nodes if n.id == "a"]
    assert (view.taken, view.unfinished) == (1, 2)


def test_a_step_back_after_the_end_is_refused_and_the_counts_stay():
    world = World(flow("a>b"))
    world.send(Pause("p"))
    world.inject("a", 1)
    step(world)
    world.send(CancelRun(1))
    world.send(Back("late"))
    assert told(world) == [("node b", "unfinished", 1)]


@pytest.mark.parametrize(("runs", "n", "rest"), [(None, 3, [4]), ((1, 2, 1), 2, [2, 4])])
def test_what_came_back_and_waits_for_the_next_call_is_unfinished_with_its_run_alone(runs, n, rest):
    world = World(flow("a>b"))
    world.inject("a", 1, 2, 3, runs=runs)
    world.inject("a", 4, run=3)
    first, second = world.calls("a")
    world.give(first, consumed=0)
    world.send(CancelRun(1))
    assert told(world) == [("node a", "unfinished", n)]
    assert (by_name(ended(world).unprocessed), by_node(ended(world).unprocessed)) == ({}, {"a": n})
    world.give(second, consumed=0)
    assert [values(call.batch) for call in world.calls("a")] == [rest]
