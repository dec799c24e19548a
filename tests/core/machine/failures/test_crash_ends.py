"""What a crash leaves behind gets to its end: nobody waits for a suspect that cannot be called, and nothing overtakes."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine.events import (
    ATTEMPTS,
    WINDOW,
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Edit,
    Ended,
    Kill,
    Load,
    Loaded,
    More,
    Notice,
    Result,
    RuntimeLost,
    Tick,
    Unbreak,
    Wake,
)
from tests.core.machine.failures.crash_kit import KEYED, finish, generate, kill, load, one
from tests.core.machine.machine_kit import World, flow, values
from tests.core.simulation.oracle import Impossible, Oracle

# --- suspects and workers with keys ------------------------------------------------------------------------------------------


def test_E11_a_suspect_whose_worker_its_key_chooses_does_not_wait_for_itself():
    world = one("a>b", nodes=(KEYED,))
    world.inject("a", {"k": 0})
    world.inject("b", {"k": 1}, {"k": 2})
    world.send(CloseRun(1))
    kill(world, "b", "a")
    world.echo(world.calls("b")[0])
    assert [call.node for call in world.calls()] == ["a"]  # the other suspect comes after it
    assert finish(world) == ["done"]


def test_E11_a_suspect_keeps_back_only_the_process_of_its_own_worker():
    home = {"a": "two", "c": "two"}
    world = World(flow("s>t", nodes=(KEYED, Node("c", "c"))), loaded=False, runtime=lambda node: home.get(node, "one"))
    world.send(Loaded("a", 0, 1, "one", False))
    world.load_all()
    message = next({"k": k} for k in range(9) if crc32(b"%d" % k) % 2)  # for the second worker, in the other process
    world.inject("a", message)
    world.log.remove(world.calls("a")[0])
    world.send(RuntimeLost("two", "signal 11"))
    world.send(Loaded("c", 0, 1, "two", False))
    world.inject("c", 1, run=2)
    world.load_all()
    world.inject("s", 2, run=3)
    assert [call.node for call in world.calls()] == ["c", "s"]
    world.echo(world.calls("c")[0])
    assert [call.node for call in world.calls()] == ["s", "a"]


def test_a_message_whose_worker_cannot_be_told_takes_no_other_along():
    """Its run fails while the messages before it were about to be called: none of that run is."""
    world = one("a>b", nodes=(KEYED,), loaded=False)
    world.inject("a", {"k": 0}, {"x": 1}, {"k": 2})
    world.inject("a", {"k": 3}, run=2)
    world.load_all()
    assert [ended.status for ended in world.all(Ended)] == ["failed"]
    assert [values(call.batch) for call in world.calls()] == [[{"k": 3}]]


@pytest.mark.parametrize("fail_fast", [True, False])
def test_E11_a_suspect_whose_worker_cannot_be_told_any_more_keeps_nobody_back(fail_fast):
    world = one("a>b", nodes=(KEYED,), fail_fast=fail_fast)
    world.inject("a", {"k": 0})
    world.send(CloseRun(1))
    kill(world)
    world.send(Edit(world.machine._instance.nodes["a"].inputs[-1].items[0].id, b'{"x":1}', token="e"))
    world.inject("b", 1, run=2)
    load(world, "b", "a")
    assert [call.node for call in world.calls()] == ["b"]
    world.echo(world.calls()[0])
    assert [(ended.run, ended.status) for ended in world.all(Ended)] == [(1, "failed")]
    world.inject("a", {"k": 0}, {"k": 0}, run=3)
    assert [call.batch.n for call in world.calls("a")] == [2]


def test_a_message_whose_worker_cannot_be_told_is_dropped_alone_where_its_run_goes_on():
    world = one("a>b", nodes=(KEYED,), loaded=False, fail_fast=False)
    world.inject("a", {"k": 0}, {"x": 1}, {"k": 0})
    world.send(CloseRun(1))
    world.load_all()
    assert [values(call.batch) for call in world.calls()] == [[{"k": 0}, {"k": 0}]]
    assert finish(world) == ["failed"]


# --- generators that wait for room -------------------------------------------------------------------------------------------


def flooded() -> World:
    """A generator is killed in the middle of its message, is called again, and gives more than its wire holds."""
    world = one("g>s", wire_messages=WINDOW)
    world.inject("g", 1)
    world.send(CloseRun(1))
    kill(world, "g", "s")
    generate(world, "g", WINDOW)
    return world


def test_E11_a_suspect_that_waits_for_room_does_not_keep_those_from_running_who_make_it():
    world = flooded()
    assert [call.node for call in world.calls()] == ["g", "s"]
    world.echo(world.calls("s")[0])
    assert world.all(More)
    generate(world, "g", 3, first=WINDOW, consumed=1, end=True)
    assert finish(world) == ["done"]
    assert sum(result.batch.n for result in world.all(Result)) == WINDOW + 3


def test_E11_a_suspect_goes_on_alone():
    world = flooded()
    assert not world.all(More)  # there is room again, and another message is at work
    world.echo(world.calls("s")[0])
    assert [more.call for more in world.all(More)] == [world.calls("g")[0].call]
    assert [call.node for call in world.calls()] == ["g"]  # though more waits in front of the other


def stuck(*messages: int) -> World:
    """A generator waits for room that nobody can make, as the node behind it does not load."""
    world = World(flow("g>s", "c>d"), loaded=False, runtime=lambda node: "one", wire_messages=WINDOW)
    load(world, "g", "c", "d")
    for message in messages:
        world.inject("g", message)
    world.send(CloseRun(1))
    generate(world, "g", WINDOW)
    return world


@pytest.mark.parametrize("messages", [(1,), (1, 2)])
def test_E11_a_crash_is_blamed_on_what_was_at_work_and_not_on_a_generator_that_waits(messages):
    """Nor on what stands behind that."""
    world = stuck(*messages)
    world.inject("c", 3, run=2)
    for _ in range(ATTEMPTS):
        assert [call.node for call in world.calls()][-1] == "c"
        assert not world.all(Notice, kind="dead")
        kill(world, "g", "c", "d")
    assert [notice.data["failure"]["attempts"] for notice in world.all(Notice, kind="dead")] == [ATTEMPTS]


def test_E11_a_crash_while_nothing_but_a_generator_that_waits_is_there_is_blamed_on_it():
    world = stuck(1)
    world.log.remove(world.all(Load, node="s")[0])
    world.send(Loaded("s", 0, 1, "two", False))
    for attempt in range(1, ATTEMPTS + 1):
        assert not world.all(Notice, kind="dead")
        beside = world.calls("s")
        kill(world, "g", "c", "d")
        world.log += beside
        while world.calls("s"):
            world.echo(world.calls("s")[0])
        if attempt < ATTEMPTS:
            generate(world, "g", WINDOW, first=WINDOW * attempt)
    assert world.all(Notice, kind="dead")


def test_E11_a_suspect_is_not_called_behind_a_generator_that_waits():
    """It could not begin there."""
    world = World(flow("h>g", "g>s"), loaded=False, runtime=lambda node: "one", wire_messages=WINDOW)
    load(world, "g", "h")
    world.inject("g", "suspect", run=2)
    world.send(CloseRun(2))
    world.send(Break("x", "g", "in", token="b"))
    kill(world, "g", "h")
    assert world.calls() == []  # held
    world.send(Unbreak(token="u"))
    world.inject("h", 1)
    world.send(CloseRun(1))
    world.echo(world.calls("h")[0])
    generate(world, "g", WINDOW)
    world.send(Continue("c"))
    assert [values(call.batch) for call in world.calls("g")] == [[1]]
    load(world, "s")
    world.echo(world.calls("s")[0])
    generate(world, "g", 3, first=WINDOW, consumed=1, end=True)
    while world.calls("s"):
        world.echo(world.calls("s")[0])
    assert [values(call.batch) for call in world.calls("g")] == [["suspect"]]
    assert finish(world) == ["done", "done"]


def test_E11_a_generator_that_was_told_to_go_on_in_time_does_not_wait():
    """What it gave meanwhile looks as if it waited; then the last message of its call is consumed, and the call is not over."""
    world = World(flow("g>s"), loaded=False, runtime=lambda node: "one", wire_messages=WINDOW)
    load(world, "g")
    world.inject("g", 1, 2, runs=(1, 2))
    generate(world, "g", WINDOW)
    call = world.calls("g")[0]
    world.give(call, consumed=2, end=False)
    load(world, "s")
    for _ in range(2):
        world.echo(world.calls("s")[0])
    assert not world.all(More)
    world.give(call, consumed=0)
    assert world.machine.view().nodes[0].taken == 2


def test_E11_a_call_that_is_over_but_for_its_end_is_late_like_any_other():
    """All that it had of two runs is consumed, one of them is cancelled, and the end does not come."""
    world = one("a>b")
    world.inject("a", 1, 2, runs=(1, 2))
    world.inject("b", 3, run=1)
    world.give(world.calls("a")[0], consumed=2, end=False)
    world.send(CancelRun(1))
    world.send(Tick(), world.all(Wake)[-1].at)
    assert len(world.all(Kill)) == 1
    kill(world, "a", "b")
    assert world.calls() == []


# --- the second opinion ------------------------------------------------------------------------------------------------------


def after(name: str) -> Any:
    return lambda value, state, run: [("out", f"{value}/{name}")]


CHAIN = Flow(
    "f",
    (Node("a", "a"), Node("b", "b"), Node("j", "j", join="any"), Node("i", "i", join="any")),
    (Wire("a", "i"), Wire("b", "i"), Wire("a", "j"), Wire("i", "j")),
)


@pytest.mark.parametrize("taken", ["1/a", "1/a/i", "2/b/i"])
def test_E11_a_join_may_take_what_a_join_before_it_let_through_last(taken):
    """The oracle asked a join of what it knew already, before the others had fired."""
    seen = {("j", 1, None): taken, ("i", 1, None): taken.removesuffix("/i")}
    outcome = Oracle(CHAIN, {name: after(name) for name in "abij"}, seen=seen).run([(1, "a", ["1"]), (1, "b", ["2"])])
    assert outcome.results[1, "j.out"] == [f"{taken}/j"]


def test_the_oracle_still_refuses_what_no_join_before_it_gives():
    seen = {("i", 1, None): "1/a", ("j", 1, None): "2/b/i"}
    with pytest.raises(Impossible, match="took 2/b/i, which is none of"):
        Oracle(CHAIN, {name: after(name) for name in "abij"}, seen=seen).run([(1, "a", ["1"]), (1, "b", ["2"])])
