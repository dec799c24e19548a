"""Placement of nodes: the runner that a load names, and moves between runners while the flow runs."""

from __future__ import annotations

from typing import Any

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.machine.events import (
    Activate,
    Activated,
    Load,
    Loaded,
    LoadFailed,
    Recall,
    Rewire,
    Route,
    RuntimeLost,
    Start,
    StateChange,
    Unload,
    Update,
)
from floe_jupyter.core.machine.machine import Machine
from tests.core.machine.machine_kit import World, failed, flow, modules_of, values, version


def placed(where: str = "", **more: Any) -> Flow:
    """Return a flow of a and b, with a in a runner."""
    return flow("a>b", nodes=[Node("a", "a", runner=where)], **more)


def loads(made: Flow, modules: dict[str, Module] | None = None) -> list[tuple[str, int, str]]:
    """Return node, worker and runner of the first loads of a flow."""
    world = World(made, loaded=False) if modules is None else None
    if world is not None:
        return [(c.node, c.worker, c.runner) for c in world.all(Load)]
    machine = Machine(made, modules or {})
    return [(c.node, c.worker, c.runner) for c in machine.handle(Start()) if isinstance(c, Load)]


def move(world: World, runner: str) -> list[Any]:
    """Evaluate the flow again with node a in another runner; return the commands that load and swap."""
    new = placed(runner)
    world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))
    return [c for c in world.log if isinstance(c, Load | Activate | Unload)]


def test_a_load_names_the_runner_of_its_node_and_none_for_the_home_of_the_run():
    assert loads(placed("local:b")) == [("a", 0, "local:b"), ("b", 0, "")]
    assert loads(placed("local:")) == [("a", 0, ""), ("b", 0, "")]
    assert loads(placed("local:", runner="local:b")) == [("a", 0, "local:"), ("b", 0, "")]


def test_the_runner_of_a_module_holds_for_its_nodes_unless_the_node_names_another():
    made = flow(nodes=[Node("a", "m"), Node("b", "m", runner="local:c"), Node("d", "m", runner="local:")])
    modules = {"m": Module("m", "code", runner="local:b")}
    assert loads(made, modules) == [("a", 0, "local:b"), ("b", 0, "local:c"), ("d", 0, "")]


def test_the_workers_of_a_node_are_dealt_out_among_its_runners():
    made = flow(nodes=[Node("a", "a", workers=3, runner="local:, local:b")])
    assert loads(made) == [("a", 0, ""), ("a", 1, "local:b"), ("a", 2, "")]


def test_the_view_of_a_node_names_its_runners():
    world = World(flow(nodes=[Node("a", "a", workers=3, runner="local:b, local:c"), Node("h", "h")]))
    assert [(n.id, n.runner) for n in world.machine.view().nodes] == [("a", "local:b, local:c"), ("h", "")]


def test_a_node_moves_with_its_state_between_two_messages_while_the_flow_runs():
    world = World(placed())
    world.inject("a", 1, 2)
    call = world.calls("a")[0]
    move(world, "local:b")
    [load] = [c for c in world.log if isinstance(c, Load)]
    assert (load.runner, load.state, load.module.version) == ("local:b", None, 2)
    assert world.machine.view().nodes[0].runner == ""
    assert world.send(Loaded("a", 0, 2, "far")) == [Recall("a", 0)]
    assert Activate("a", 0, 2, {"n": 1}) in world.give(call, consumed=1, states=(StateChange("a", set={"n": 1}),))
    commands = world.send(Activated("a", 0, 2, {"n": 1}))
    assert Unload("a", 0, 1) in commands
    assert [values(c.batch) for c in world.calls("a")] == [[2]]
    assert world.machine.view().nodes[0].runner == "local:b"


def test_a_flow_evaluated_again_with_the_same_runners_loads_nothing_again():
    world = World(placed("local:b"))
    assert [c for c in move(world, "local:b") if isinstance(c, Load)] == []
    assert [c for c in move(world, " local:b ") if isinstance(c, Load)] == []


def test_a_move_that_fails_leaves_the_node_where_it_is_and_may_be_tried_again():
    world = World(placed())
    move(world, "local:b")
    world.log.clear()
    world.send(LoadFailed("a", 0, 2, failed(2).failure))
    assert world.machine.view().nodes[0].runner == ""
    assert [(c.runner, c.module.version) for c in move(world, "local:b") if isinstance(c, Load)] == [("local:b", 2)]


def test_a_node_whose_move_is_called_back_while_it_loads_stays_in_use_until_it_is_loaded_at_home_again():
    world = World(placed())
    move(world, "local:b")
    world.log.clear()
    unload, load = move(world, "")
    assert (unload, load.runner, load.module.version) == (Unload("a", 0, 2), "", 3)
    assert [c for c in world.send(Loaded("a", 0, 2, "far")) if isinstance(c, Activate)] == []


def test_a_module_that_names_another_runner_moves_its_nodes():
    world = World(placed())
    assert [c.runner for c in world.send(Update(Module("a", "code", version=2, runner="local:b")))] == ["local:b"]


def test_a_new_version_after_a_move_is_loaded_beside_the_moved_one_under_another_number():
    world = World(placed())
    move(world, "local:b")
    world.load_all()
    [load] = world.send(Update(version(2), token="u"))
    assert (load.module.version, load.runner) == (3, "local:b")
    assert world.send(Loaded("a", 0, 3, "far")) == [Activate("a", 0, 3, {})]


def test_a_node_of_a_lost_outpost_is_loaded_there_again_with_the_state_and_its_messages():
    world = World(placed("local:b"))
    world.inject("a", 1)
    [call] = world.calls("a")
    world.log.remove(call)
    world.send(RuntimeLost("r-a", "the runner local:b ended"))
    assert [(c.runner, c.state) for c in world.all(Load)] == [("local:b", {})]
    world.load_all()
    assert [values(c.batch) for c in world.calls("a")] == [[1]]


def test_a_flow_whose_runner_changes_while_it_runs_moves_its_nodes_and_not_its_machine():
    world = World(flow("a>b"))
    new = flow("a>b", nodes=[Node("b", "b", runner="local:")], runner="local:b")
    world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))
    assert [(c.node, c.runner) for c in world.all(Load)] == [("a", "local:b")]


@pytest.mark.parametrize(("where", "routed"), [("r", True), ("far", False)])
def test_only_nodes_of_one_runtime_hand_messages_on_inside_it(where: str, *, routed: bool):
    world = World(placed("local:b"), runtime=lambda node: where if node == "a" else "r", fusable=True)
    assert bool([c for c in world.told if isinstance(c, Route)]) is routed
