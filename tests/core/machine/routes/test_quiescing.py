"""A route behind other routes is switched on only in a quiet runtime, which stays quiet no longer than that takes."""

from __future__ import annotations

import pytest

from floe_jupyter.core.machine.events import WINDOW, Blocked, Call, Count, Inject, Load, Loaded, More, Output, Route, Routed
from tests.core.machine.machine_kit import World, batch, flow, values


def routes(world: World) -> list[tuple[str, dict[str, tuple[str, ...]]]]:
    return [(c.node, c.routes) for c in world.all(Route)]


def answer_loads(world: World, *nodes: str) -> None:
    """Answer the loads of these nodes alone, and the routes ordered after them."""
    for load in [c for c in world.log if isinstance(c, Load) and c.node in nodes]:
        world.log.remove(load)
        world.send(Loaded(load.node, 0, load.module.version, "one", True))


def answer_routes(world: World) -> None:
    for route in world.all(Route):
        world.log.remove(route)
        world.send(Routed(route.node, route.worker))


def busy(*wires: str, late: str) -> tuple[World, Call]:
    """A world of one runtime where node a has a call at work since before *late* was loaded."""
    world = World(flow(*wires), runtime=lambda _: "one", fusable=True, loaded=False)
    answer_loads(world, *[node.id for node in world.flow.nodes if node.id != late])
    answer_routes(world)
    world.inject("a", 1, 2)
    [call] = world.calls("a")
    answer_loads(world, late)
    return world, call


def test_a_route_behind_another_waits_for_the_calls_that_may_pass_through() -> None:
    world, call = busy("a>b", "b>c", late="c")
    assert routes(world) == []
    world.give(call, Output("b", "out", batch(1)), counts=(Count("a.out>b.in", 1),), consumed=1, end=False)
    assert routes(world) == []
    [first] = world.calls("c")
    world.echo(first)
    world.give(call, Output("b", "out", batch(2)), counts=(Count("a.out>b.in", 1),), consumed=1)
    [second] = world.calls("c")
    assert (values(first.batch), values(second.batch)) == ([1], [2])
    world.echo(second)
    assert routes(world) == [("b", {"out": ("b.out>c.in",)})]


def test_no_call_begins_before_the_route_is_on_and_all_that_waited_begin_then() -> None:
    world, call = busy("a>b", "b>c", late="c")
    world.inject("a", 3)
    assert len(world.calls("a")) == 1, "a saturated source would put the route off for ever"
    world.give(call, counts=(Count("a.out>b.in", 2),))
    assert routes(world) == [("b", {"out": ("b.out>c.in",)})]
    assert [values(c.batch) for c in world.calls("a")] == [[3]]


def test_a_node_that_never_had_a_call_is_not_held_back_for_it_may_move_to_another_process() -> None:
    world, _ = busy("a>b", "b>c", "x>y", late="c")
    world.inject("x", 5)
    assert [values(c.batch) for c in world.calls("x")] == [[5]]
    world.inject("x", 6)
    assert len(world.calls("x")) == 1


def test_another_call_of_the_runtime_keeps_the_route_waiting_after_the_first_is_over() -> None:
    world, call = busy("a>b", "b>c", "x>y", late="c")
    world.inject("x", 5)
    world.give(call, counts=(Count("a.out>b.in", 2),))
    assert routes(world) == []
    world.give(world.calls("x")[0], counts=(Count("x.out>y.in", 1),))
    assert routes(world) == [("b", {"out": ("b.out>c.in",)})]


def test_a_suspended_generator_is_quiet_and_goes_on_after_the_route_is_on() -> None:
    world, call = busy("a>b", "b>c", "x>y", late="c")
    world.inject("x", 5)
    stream = world.calls("x")[0]
    given = tuple(range(WINDOW))
    world.give(stream, Output("x", "bad", batch(*given)), consumed=0, emitted=WINDOW, end=False)
    assert not world.all(More), "it would keep the runtime from becoming quiet"
    assert routes(world) == []
    world.give(call, counts=(Count("a.out>b.in", 2),))
    assert routes(world) == [("b", {"out": ("b.out>c.in",)})]
    assert [more.call for more in world.all(More)] == [stream.call]


def test_a_route_waits_no_longer_once_nothing_passes_through_its_source() -> None:
    world = World(flow("a>b", "b>c", "x>y"), runtime=lambda _: "one", fusable=True, loaded=False, spreads=True)
    answer_loads(world, "a", "b", "x", "y")
    answer_routes(world)
    world.inject("x", 5)
    world.inject("a", 1)
    answer_loads(world, "c")
    assert routes(world) == []
    world.send(Blocked("one"))
    world.give(world.calls("a")[0], consumed=0)
    assert [load.elsewhere for load in world.all(Load, node="a")] == [True]
    assert ("b", {"out": ("b.out>c.in",)}) in routes(world), "node a moves away, and x does not lead to b"


@pytest.mark.parametrize("late", ["b", "c", "d", "e"])
def test_a_chain_that_was_busy_while_a_part_was_loading_is_routed_whole_in_the_end(late: str) -> None:
    world, call = busy("a>b", "b>c", "c>d", "d>e", late=late)
    world.send(Inject("a", batch(3)))
    world.give(call)
    for _ in range(10):
        answer_routes(world)
        for open_call in world.calls():
            world.give(open_call)
    assert all(wire.routed for wire in world.machine._instance.wires.values())
    assert not world.machine._instance.quiescing
