"""What waits behind a node, or on a wire that is taken away, comes in its order, or is counted."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Drop,
    Ended,
    Pause,
    Result,
    Rewire,
    RuntimeLost,
    Unbreak,
)
from tests.core.machine.failures.crash_kit import finish, keys
from tests.core.machine.machine_kit import World, back, flow, modules_of, values

# --- what a breakpoint on an output holds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wires", [("a>b",), ("a.bad>b",)])
def test_E11_what_comes_after_a_held_output_does_not_overtake_it_when_nobody_debugs_any_more(wires):
    world = World(flow(*wires))
    world.inject("a", 1)
    world.inject("a", 2)
    first, second = world.calls("a")
    world.send(Break("x", "a", "out", token="b"))
    world.echo(first)
    world.send(Unbreak(token="u"))
    world.echo(second)
    assert not world.calls("b")
    assert not world.all(Result)
    world.send(Continue("c"))
    got = [value for result in world.all(Result) for value in values(result.batch)]
    got += [value for call in world.calls("b") for value in values(call.batch)]
    assert got == [1, 2]


def behind() -> World:
    """Of two runs' outputs the first is held, and the second waits behind it."""
    world = World(flow("a>b"))
    for run in (1, 2):
        world.inject("a", run, run=run)
        world.send(CloseRun(run))
    world.send(Break("x", "a", "out", when="msg == 1", token="b"))
    for call in world.calls("a"):
        world.echo(call)
    assert world.machine.view().nodes[0].held == 2
    assert world.calls("b") == []
    return world


def test_E11_what_waits_behind_a_held_output_goes_on_when_that_is_dropped():
    world = behind()
    world.send(Drop(world.machine.held()[0].id, token="d"))
    assert [values(call.batch) for call in world.calls("b")] == [[2]]
    assert finish(world) == ["done", "done"]


def test_E11_what_waits_behind_a_held_output_goes_on_when_the_run_of_that_is_cancelled():
    world = behind()
    world.send(CancelRun(1))
    assert [values(call.batch) for call in world.calls("b")] == [[2]]
    assert finish(world) == ["cancelled", "done"]


# --- a wire that is taken away -------------------------------------------------------------------------------------------------


def cut_off(**options: object) -> World:
    """A node is called with what came over a wire, and the wire goes."""
    world = World(flow("a>b"), **options)
    for value in (1, 2):
        world.inject("a", value)
        world.echo(world.calls("a")[0])
    world.send(CloseRun(1))
    new = flow(nodes=(Node("a", "a"), Node("b", "b")))
    world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))
    return world


@pytest.mark.parametrize("with_inbox", [True, False])
def test_E11_what_a_node_was_called_with_is_its_own_when_its_wire_is_taken_away(with_inbox):
    """Its runtime ends: nothing is lost, and the run ends."""
    world = cut_off()
    if with_inbox:
        world.inject("b", 3)
    before = keys(world, "b")
    world.log = [c for c in world.log if c not in world.calls()]
    world.send(RuntimeLost("r-b", "x"))
    seen = []
    world.load_all()
    while world.calls():
        seen += keys(world, "b")
        world.echo(world.calls()[0])
    assert sorted(set(seen)) == sorted(before)
    assert sorted(value for result in world.all(Result) for value in values(result.batch)) == [1, 2, 3][: len(before)]
    assert [ended.status for ended in world.all(Ended)] == ["done"]


def test_E11_a_step_is_taken_back_whose_wire_was_taken_away():
    world = cut_off(debug=True)
    world.send(Pause("p"))
    world.echo(world.calls("b")[0])
    assert back(world).error is None
    assert [(node.id, node.depth) for node in world.machine.view().nodes] == [("a", 0), ("b", 1)]
    world.send(Continue("c"))
    assert finish(world) == ["done"]


def test_E11_suspects_that_go_with_their_wire_are_none_any_more():
    """Nothing waits for them, and local routes come back."""
    world = World(flow("a>b"))
    for value in (1, 2):
        world.inject("a", value)
        world.echo(world.calls("a")[0])
    world.log = [c for c in world.log if c not in world.calls()]
    world.send(RuntimeLost("r-b", "x"))
    new = flow(nodes=(Node("a", "a"), Node("b", "b")))
    world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))
    world.load_all()
    world.inject("b", 3)
    world.inject("b", 4)
    assert [values(call.batch) for call in world.calls("b")] == [[3], [4]]
