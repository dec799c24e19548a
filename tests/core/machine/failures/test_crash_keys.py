"""After a crash what was executed is executed again under its own keys, and its outputs come once."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    CloseRun,
    Debug,
    Ended,
    Kill,
    Output,
    Result,
    Rewire,
    RuntimeLost,
    Tick,
    Wake,
)
from floe_jupyter.core.machine.state.queues import CALL_BYTES
from tests.core.machine.failures.crash_kit import KEYED, generate, keys, kill, one
from tests.core.machine.machine_kit import World, batch, flow, modules_of, values

# --- idempotency keys ----------------------------------------------------------------------------------------------------------


def neighbours() -> World:
    """Calls of several messages beside one that takes too long."""
    world = one(nodes=(Node("slow", "slow", timeout=1.0), Node("n", "n"), Node("m", "m")))
    world.inject("slow", 0, run=9)
    for node in ("n", "m"):
        world.inject(node, 1, 2, 3)
        world.inject(node, 4, 5)
    return world


def test_E10_after_a_timeout_its_neighbours_keep_their_idempotency_keys_and_come_as_many_at_once():
    world = neighbours()
    before = keys(world, "n", "m")
    world.send(Tick(), world.all(Wake)[-1].at)
    assert world.all(Kill)
    kill(world, "slow", "n", "m")
    assert sorted(keys(world)) == sorted(before)
    assert [call.batch.n for call in world.calls("n")] == [5]


def test_E10_after_a_crash_every_call_keeps_its_idempotency_keys_and_not_only_the_first():
    world = neighbours()
    world.give(world.calls("n")[0], consumed=2, end=False)
    before = [key for key in keys(world) if key not in {("n", 0), ("n", 1)}]
    kill(world, "slow", "n", "m")
    seen = []
    while world.calls():
        seen += keys(world)
        world.echo(world.calls()[0])
    assert sorted(set(seen)) == sorted(before)


def test_E10_what_was_executed_under_a_number_keeps_it_where_its_node_gets_workers_with_keys():
    world = World(flow("a>b"))
    world.inject("a", {"k": 0}, {"k": 1})
    world.inject("a", {"k": 2})
    before = keys(world)
    world.log = [c for c in world.log if c not in world.calls()]
    world.send(Rewire(flow("a>b", nodes=(KEYED, Node("b", "b"))), tuple(modules_of(world.flow).values()), token="w"))
    world.send(RuntimeLost("r-a", "x"))
    seen = []
    world.load_all()
    while world.calls("a"):
        seen += keys(world, "a")
        world.echo(world.calls("a")[0])
    assert sorted(set(seen)) == before


def test_E10_large_messages_do_not_all_come_at_once_again():
    world = neighbours()
    world.inject("n", *["x" * (CALL_BYTES // 2)] * 3, run=3)
    before = keys(world, "n", "m")
    world.send(Tick(), world.all(Wake)[-1].at)
    kill(world, "slow", "n", "m")
    assert sorted(keys(world)) == sorted(before)
    assert [call.batch.n for call in world.calls("n")] == [6, 1, 1]


# --- a message under way -------------------------------------------------------------------------------------------------------


def under_way(given: int) -> World:
    """A generator in the middle of its second message, with a neighbour that takes too long, and a call behind it."""
    world = one("g>s", nodes=(Node("slow", "slow", timeout=1.0), Node("g", "g")))
    world.inject("slow", 0, run=9)
    world.inject("g", "a", "b", "c")
    world.inject("g", "d")
    world.send(CloseRun(1))
    generate(world, "g", 2, consumed=1)
    world.give(
        world.calls("g")[0],
        Output("g", "out", batch(*range(given)), tuple(range(given)), (1,) * given),
        consumed=0,
        end=False,
        emitted=given,
    )
    while world.calls("s"):
        world.echo(world.calls("s")[0])
    return world


def time_out(world: World) -> None:
    """Our own kill: nobody is a suspect."""
    world.send(Tick(), world.all(Wake)[-1].at)
    assert world.all(Kill)
    kill(world, "g", "s", "slow")


def rest_of(world: World, given: int) -> tuple[list[object], list[object]]:
    """What the generator is called with until nothing is left, and what comes out; each message gives 0 to 4."""
    called: list[object] = []
    while world.calls():
        call = world.calls()[0]
        if call.node != "g":
            (world.echo if call.node == "s" else world.give)(call)
            continue
        called += values(call.batch)
        places = [(i, k) for i in range(call.batch.n) for k in range(call.skip if i == 0 else 0, 5)]
        out = Output("g", "out", batch(*(k for _, k in places)), tuple(k for _, k in places), tuple(i for i, _ in places))
        world.give(call, out)
    results = [value for result in world.all(Result) for value in values(result.batch)]
    return called, results[2 + given :]


@pytest.mark.parametrize("end", [time_out, lambda world: kill(world, "g", "s", "slow")], ids=["killed", "crashed"])
@pytest.mark.parametrize("given", [1, 3])
def test_E11_a_message_under_way_is_executed_again_and_its_outputs_come_once(given, end):
    """Neither is it skipped, nor any after it; what it gave before is not given again."""
    world = under_way(given)
    end(world)
    [call, *_] = world.calls("g")
    assert (values(call.batch)[0], call.skip, call.first, call.batch.ids) == ("b", given, 1, None)
    assert rest_of(world, given) == (["b", "c", "d"], [*range(given, 5), *range(5), *range(5)])
    assert [ended.status for ended in world.all(Ended, run=1)] == ["done"]


@pytest.mark.parametrize("emitted", [0, 1, 4])
def test_E11_a_message_that_is_cut_off_twice_skips_all_that_it_gave(emitted):
    """The second time it may not have come as far as the first."""
    world = under_way(3)
    kill(world, "g", "s", "slow")
    [call] = world.calls("g")
    if emitted:
        world.give(call, consumed=0, end=False, emitted=emitted)
    kill(world, "g", "s", "slow")
    assert [(values(again.batch), again.skip) for again in world.calls("g")] == [(["b"], max(3, emitted))]


def test_E11_the_same_holds_while_single_messages_are_looked_at():
    world = under_way(3)
    world.send(Debug(on=True, token="d"))
    time_out(world)
    [call] = world.calls("g")
    assert (values(call.batch), call.skip) == (["b"], 3)
