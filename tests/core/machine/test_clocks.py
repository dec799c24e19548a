"""Time limits, cancels and stops: what is at work, being loaded or activated gets to its end."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import (
    Activate,
    Activated,
    CancelRun,
    Ended,
    Kill,
    Load,
    Loaded,
    Notice,
    Recall,
    Reply,
    Stop,
    Tick,
    Unload,
    Unloaded,
    Update,
    Wake,
)
from tests.core.machine.machine_kit import CANCELLED, World, flow, lose, values

# --- clocks ----------------------------------------------------------------------------------------------------------------


def test_a_message_that_takes_too_long_fails_and_the_others_are_called_again():
    world = World(flow("a>b", nodes=[Node("a", "a", timeout=1.0)]), fail_fast=False)
    world.inject("a", 1, 2)
    assert Kill("r-a", world.send(Tick(), 1.0)[0].cause) in world.log
    lose(world, cause="killed")
    assert world.all(Notice, kind="failure")[0].data["failure"]["kind"] == "timeout"
    assert [values(c.batch) for c in world.calls("a")] == [[2]]


def test_a_run_that_takes_too_long_fails():
    world = World(flow("a>b"), timeout=5.0)
    world.inject("a", 1)
    assert world.all(Wake)[-1].at == 5.0
    (ended,) = [c for c in world.send(Tick(), 5.0) if isinstance(c, Ended)]
    assert (ended.status, ended.failures[0].kind) == ("failed", "timeout")


def test_a_cancelled_run_is_recalled_and_after_two_seconds_killed():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.inject("a", 2, run=2)
    assert world.send(CancelRun(1)) == [Recall("a", 0), Wake(2.0)]
    assert world.machine.view().runs == {1: "cancelling", 2: "active"}
    assert world.send(CancelRun(1)) == []
    assert [c.runtime for c in world.send(Tick(), 2.0) if isinstance(c, Kill)] == ["r-a"]
    lose(world)
    assert world.all(Ended) == [CANCELLED]
    assert [values(c.batch) for c in world.calls("a")] == [[2]]
    assert world.send(CancelRun(1)) == []


def test_B5_a_cancelled_run_is_over_when_its_last_call_is():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.send(CancelRun(1))
    assert world.give(world.calls("a")[0]) == [CANCELLED]
    assert world.machine.view().runs == {1: "cancelled"}


def test_B5_a_cancelled_run_does_not_wait_for_a_message_of_another():
    world = World(flow("a>b"))
    world.inject("a", 2, 1, runs=(2, 1))
    world.send(CancelRun(1))
    assert world.send(Tick(), 2.0) == [CANCELLED]


def test_A2_a_load_that_a_cancelled_run_waited_for_is_given_up_and_begins_anew_with_the_next_run():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    assert world.send(CancelRun(1)) == [Unload("a", 0, 1), Unload("b", 0, 1)]
    assert world.send(Unloaded("a", 0, 1)) == []
    assert world.send(Unloaded("b", 0, 1)) == [CANCELLED]
    world.log.clear()
    world.inject("a", 2, run=2)
    assert [c.node for c in world.all(Load)] == ["a", "b"]
    world.load_all()
    assert [values(c.batch) for c in world.calls("a")] == [[2]]


def test_A2_only_what_was_given_up_is_loaded_again():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    world.send(Loaded("b", 0, 1, "r-b"))
    assert world.send(CancelRun(1)) == [Unload("a", 0, 1)]
    world.send(Unloaded("a", 0, 1))
    world.log.clear()
    world.inject("a", 2, run=2)
    assert [c.node for c in world.all(Load)] == ["a"]


def test_A2_a_load_that_another_run_waits_for_goes_on_when_one_is_cancelled():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    world.inject("a", 2, run=2)
    assert world.send(CancelRun(1)) == [CANCELLED]


def test_A2_a_new_version_of_what_was_given_up_is_loaded_at_once():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    world.send(CancelRun(1))
    new = Module("a", "new", version=2)
    assert world.send(Update(new, "u")) == [Load("a", 0, new)]
    assert world.send(Loaded("a", 0, 2, "r-a")) == [Activate("a", 0, 2, {})]


def test_A2_a_version_that_is_to_come_is_given_up_too_and_begins_anew_with_the_next_run():
    world = World(flow("a>b"), loaded=False)
    world.send(Loaded("b", 0, 1, "r-b"))
    new = Module("a", "new", version=2)
    world.send(Update(new, "u"))
    world.inject("a", 1)
    assert world.send(CancelRun(1)) == [Unload("a", 0, 2), Reply("u", {"updated": [], "refused": []})]
    assert world.send(Unloaded("a", 0, 2)) == [CANCELLED]
    world.log.clear()
    world.inject("a", 2, run=2)
    assert world.all(Load) == [Load("a", 0, new)]
    assert Activate("a", 0, 2, {}) in world.send(Loaded("a", 0, 2, "r-a"))
    world.send(Activated("a", 0, 2, {}))
    assert [values(c.batch) for c in world.calls("a")] == [[2]]


def test_A2_a_migration_that_a_cancelled_run_waited_for_is_given_up_and_the_old_version_stays():
    world = World(flow("a>b"))
    world.send(Update(Module("a", "new", version=2), "u"))
    world.send(Loaded("a", 0, 2, "r-a"))
    world.inject("a", 1)
    commands = world.send(CancelRun(1))
    assert Unload("a", 0, 2) in commands
    (reply,) = [c for c in commands if isinstance(c, Reply)]
    assert "its `migrate`) had not ended when its run was cancelled" in reply.value["refused"][0]["message"]
    assert world.send(Unloaded("a", 0, 2)) == [CANCELLED]
    world.inject("a", 2, run=2)
    assert [values(c.batch) for c in world.calls("a")] == [[2]]


def test_B5_stop_says_at_once_that_a_run_which_is_being_cancelled_is_over():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.send(CancelRun(1))
    assert CANCELLED in world.send(Stop())


def test_stop_cancels_and_unloads_everything():
    world = World(flow("a>b"))
    world.inject("a", 1)
    commands = world.send(Stop())
    assert [(c.run, c.status) for c in commands if isinstance(c, Ended)] == [(1, "cancelled")]
    assert [c for c in commands if isinstance(c, Unload)] == [Unload("a", 0), Unload("b", 0)]
