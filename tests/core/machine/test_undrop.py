"""A message that was dropped by hand returns to its place, where no order is broken by that."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Flow, Node
from floe_jupyter.core.machine.events import (
    Break,
    CloseRun,
    Continue,
    Debug,
    Drop,
    Ended,
    Inject,
    Left,
    Pause,
    Reply,
    Rewire,
    RuntimeLost,
    Step,
    Undrop,
)
from floe_jupyter.core.machine.stepping.edits import DROPPED
from floe_jupyter.core.messages import Batch, Buffer
from tests.core.machine.machine_kit import World, back, batch, flow, paused, step, values


def waiting(world, node="a"):
    """The values of what waits in front of a node, in order."""
    return [held.value for held in world.machine.held() if held.node == node]


def undrop(world, id_="", token="u"):
    """What the machine answered."""
    world.send(Undrop(id_, token=token))
    return world.all(Reply, token=token)[-1]


@pytest.mark.parametrize("dropped", [[0], [1], [3], [0, 1], [1, 0], [1, 2], [2, 1], [3, 0, 2, 1]])
def test_what_was_dropped_stands_where_it_stood_when_the_newest_is_put_back_first(dropped):
    world = paused(1, 2, 3, 4)
    ids = [held.id for held in world.machine.held()]
    for place in dropped:
        world.send(Drop(ids[place]))
    assert waiting(world) == [n + 1 for n in range(4) if n not in dropped]
    for _ in dropped:
        assert undrop(world).error is None
    assert waiting(world) == [1, 2, 3, 4]
    assert [held.id for held in world.machine.held()] == ids
    assert world.machine.view().nodes[0].dropped == 0
    world.send(Continue())
    assert [values(call.batch) for call in world.calls("a")] == [[1], [2], [3], [4]]


def test_what_went_on_meanwhile_stays_ahead():
    world = paused(1, 2, 3)
    first, *_ = world.machine.held()
    world.send(Drop(first.id))
    step(world, node="a")
    assert waiting(world, "b") == [2]
    assert undrop(world, f"{first.id}@a").error is None
    assert waiting(world) == [1, 3]
    step(world, node="a")
    assert waiting(world, "b") == [2, 1]


def test_it_is_held_as_it_was_with_its_buffers():
    world = World(flow("a>b"))
    world.send(Break("x", "a"))
    world.send(Inject("a", Batch(b'[{"$floe":["bytes",0]}]', 1, 1, tagged=True, buffers=(Buffer(3, b"abc"),), counts=(1,))))
    (held,) = world.machine.held()
    world.send(Drop(held.id))
    assert waiting(world) == []
    assert undrop(world).error is None
    (again,) = world.machine.held(buffers=True)
    assert (again.id, again.reason, again.breakpoint, again.buffers) == (held.id, "breakpoint", "x", (Buffer(3, b"abc"),))
    assert world.machine.view().held == 1


def test_a_run_that_was_closed_while_paused_goes_on_with_it():
    world = paused(1)
    (held,) = world.machine.held()
    world.send(CloseRun(1))
    world.send(Drop(held.id))
    assert undrop(world).error is None
    world.send(Continue())
    for node in ("a", "b"):
        world.echo(world.calls(node)[-1])
    (ended,) = world.all(Ended)
    assert (ended.status, ended.unprocessed) == ("done", ())


def test_what_a_step_made_and_was_dropped_does_not_return_when_the_step_was_undone():
    world = paused(1, 2)
    step(world, node="a")
    (made,) = [held for held in world.machine.held() if held.node == "b"]
    world.send(Drop(made.id))
    assert back(world).error is None
    assert undrop(world).error[0] == "unknown"
    assert (waiting(world), waiting(world, "b")) == ([1, 2], [])


def test_a_step_back_over_what_was_put_back_counts_right():
    world = paused(1, 2)
    step(world, node="a")
    (made,) = [held for held in world.machine.held() if held.node == "b"]
    world.send(Drop(made.id))
    assert undrop(world).error is None
    assert back(world).error is None
    assert (waiting(world), waiting(world, "b")) == ([1, 2], [])
    world.send(CloseRun(1))
    world.send(Continue())
    while under_way := [call for call in world.calls() if call.call in world.machine._instance.calls]:
        world.echo(under_way[0])
    assert [ended.status for ended in world.all(Ended)] == ["done"]


@pytest.mark.parametrize("change", ["continue", "end", "rewire"])
def test_where_it_cannot_stand_again_that_is_said(change):
    world = paused(1, 2)
    first, second = world.machine.held()
    world.send(Drop(first.id))
    if change == "continue":
        world.send(Debug(on=False))
        world.send(Continue())
        assert "debugging is off" in undrop(world).error[1]
    elif change == "end":
        world.send(Drop(second.id))
        world.send(CloseRun(1))
        world.send(Continue())
        assert undrop(world).error[0] in ("unknown", "definition")
    else:
        world.send(Rewire(Flow("f", (Node("b", "b"),), ()), ()))
        assert "without the place" in undrop(world).error[1]


def test_so_many_are_kept_and_none_is_put_back_twice():
    world = paused(*range(DROPPED + 5))
    for held in world.machine.held():
        world.send(Drop(held.id))
    for _ in range(DROPPED):
        assert undrop(world).error is None
    assert waiting(world) == list(range(5, DROPPED + 5))
    assert undrop(world).error[0] == "unknown"


def test_of_a_run_that_failed_while_paused_nothing_is_put_back():
    world = paused(1, 2)
    first, _ = world.machine.held()
    world.send(Drop(first.id))
    world.send(Step(node="a", token="s"))
    world.fail(world.calls("a")[0])
    assert "is over" in undrop(world).error[1]


def test_a_suspect_that_is_put_back_is_one_again():
    world = World(flow("a>b"), runtime=lambda node: "one")
    world.inject("a", 1, 2)
    (call,) = world.calls("a")
    world.send(RuntimeLost("one", "x"))
    world.log.remove(call)
    world.send(Pause())
    first, _ = world.machine.held()
    world.send(Drop(first.id))
    assert undrop(world).error is None
    assert waiting(world) == [1, 2]
    world.load_all()
    world.send(Continue())
    for value in (1, 2):
        (call,) = world.calls("a")
        assert values(call.batch) == [value]
        world.give(call)


def test_while_others_may_pass_its_place_inside_a_runtime_it_is_not_put_back():
    world = World(flow("a>b"), runtime=lambda node: "one", fusable=True)
    world.inject("a", 1)
    (call,) = world.calls("a")
    world.send(Pause())
    world.give(call, consumed=1, left=(Left("a.out>b.in", batch(20)),))
    (held,) = world.machine.held()
    world.send(Drop(held.id))
    assert "inside a runtime" in undrop(world).error[1]
    world.load_all()  # the route is off
    assert undrop(world).error is None
    assert waiting(world, "b") == [20]
