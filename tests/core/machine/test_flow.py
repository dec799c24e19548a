"""Plain flows: order, batches, back pressure, runs, results."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import (
    CHUNK,
    Accepted,
    Call,
    CancelRun,
    CloseRun,
    Ended,
    Inject,
    Load,
    Output,
    Result,
    Returned,
    Start,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch
from tests.core.machine.machine_kit import World, batch, flow, modules_of, values


def test_start_loads_every_node_with_its_first_state():
    chain = flow("a>b")
    modules = modules_of(chain) | {"a": Module("a", "code", state='{"n":1}')}
    assert Machine(chain, modules).handle(Start()) == [
        Load("a", 0, modules["a"], {"n": 1}, "fail"),
        Load("b", 0, modules["b"], {}, "fail"),
    ]


def test_a_message_goes_through_a_chain_and_ends_its_run():
    world = World(flow("a>b"))
    assert world.inject("a", 7, token="t") == [Accepted("t"), Call(1, "a", 0, "in", batch(7))]
    world.send(CloseRun(1))
    world.echo(world.calls("a")[0])
    assert world.echo(world.calls("b")[0]) == [Result("b", "out", batch(7)), Ended(1, "done")]


def test_messages_wait_until_the_node_is_loaded():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1, 2)
    assert world.calls() == []
    world.load_all()
    assert [values(call.batch) for call in world.calls()] == [[1, 2]]


def test_small_batches_are_merged_into_one_call():
    world = World(flow("a>b"), loaded=False)
    for n in range(5):
        world.inject("a", n)
    world.load_all()
    assert [values(call.batch) for call in world.calls()] == [[0, 1, 2, 3, 4]]


def test_large_batches_are_cut_into_calls_of_a_chunk():
    world = World(flow("a>b"))
    world.inject("a", *range(3 * CHUNK + 8))
    assert [call.batch.n for call in world.calls()] == [CHUNK, CHUNK, CHUNK, 8]


def test_a_full_wire_stops_the_node_before_it_up_to_the_source():
    world = World(flow("a>b"), wire_messages=2)
    world.inject("a", 1, 2, 3, token=1)
    world.echo(world.calls("a")[0])
    world.inject("a", 4, token=2)
    assert [c.batch.n for c in world.calls("b")] == [3]
    for n in range(10):
        world.inject("a", n)
    assert sum(c.batch.n for c in world.calls("a")) >= 1


def test_a_wire_with_its_node_loading_fills_up_and_holds_the_feeder_back():
    world = World(flow("a>b"), wire_messages=2, loaded=False)
    assert Accepted(1) in world.inject("a", 1, token=1)
    assert Accepted(2) not in world.inject("a", 2, token=2)
    assert Accepted(2) in world.load_all()


def test_outputs_on_an_unconnected_port_are_results_and_one_dangling_branch_does_not_end_the_run():  # D12, D19
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.send(CloseRun(1))
    call = world.calls("a")[0]
    commands = world.give(call, Output("a", "bad", batch("x"), (0,), (0,)), Output("a", "out", batch("y"), (1,), (0,)))
    assert Result("a", "bad", batch("x")) in commands
    assert not world.all(Ended)
    assert world.give(world.calls("b")[0]) == [Ended(1, "done")]  # D18: no output is a value like any other


def test_a_run_stays_open_until_it_is_closed():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.give(world.calls("a")[0])
    assert not world.all(Ended)
    assert world.send(CloseRun(1)) == [Ended(1, "done")]
    assert world.send(CloseRun(1)) == []


def test_what_comes_for_a_run_that_is_over_is_accepted_and_dropped():  # D23
    world = World(flow("a>b"))
    world.send(CloseRun(1))
    assert world.inject("a", 1, token="late") == [Accepted("late")]
    assert world.calls() == []


def test_fan_in_takes_its_wires_in_turn():
    world = World(flow("a>c", "b>c"), loaded=False)
    world.load_all()
    for name in "ab":
        world.inject(name, *[name] * 3)
    first = world.calls("a")[0]
    world.echo(first)
    world.echo(world.calls("b")[0])
    assert [values(call.batch) for call in world.calls("c")] == [["a"] * 3, ["b"] * 3]


def test_fan_out_puts_the_same_batch_on_every_wire():
    world = World(flow("a>b", "a>c"))
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    b, c = world.calls("b")[0], world.calls("c")[0]
    assert b.batch is c.batch


def test_runs_are_counted_apart_in_a_mixed_batch():
    world = World(flow("a>b"))
    world.inject("a", 1, 2, runs=(1, 2))
    world.send(CloseRun(1))
    world.send(CloseRun(2))
    world.echo(world.calls("a")[0])
    call = world.calls("b")[0]
    assert world.give(call, consumed=1, end=False) == [Ended(1, "done")]
    world.log = [c for c in world.log if c != call]
    assert Ended(2, "done") in world.send(Returned(call.call, 1, end=True))


def test_an_end_node_ends_the_run_and_drops_the_rest():
    world = World(flow("a>done", "a>b", nodes=[Node("done", "end", kind="task")]))
    world.inject("a", 1, 2)
    world.send(CloseRun(1))
    commands = world.give(world.calls("a")[0], Output("a", "out", batch(1)), consumed=1, end=False)
    (ended,) = [c for c in commands if isinstance(c, Ended)]
    assert (ended.run, ended.status) == (1, "done")
    assert [(u.node, u.name, u.n) for u in ended.unprocessed] == [("a", "end done", 1), ("b", "end done", 1)]
    assert world.machine.view().runs == {1: "done"}


def test_injecting_into_an_unknown_node_names_the_nearest():
    world = World(flow("abc>b"))
    reply = world.send(Inject("abd", batch(1), token=5))[0]
    assert reply.token == 5
    assert "did you mean 'abc'?" in reply.error[1]


def test_batch_of_two_runs_keeps_runs():
    world = World(flow("a>b"))
    world.send(Inject("a", Batch(b"[1,2]", 2, runs=(3, 4))))
    assert world.calls()[0].batch.runs == (3, 4)


def test_a_run_that_was_never_fed_is_cancelled():
    world = World(flow("a>b"))
    assert world.send(CancelRun(7)) == [Ended(7, "cancelled")]
    assert world.send(CancelRun(7)) == []


def test_an_injection_may_close_each_of_its_runs():
    world = World(flow(nodes=[Node("a", "a")]))
    world.send(Inject("a", batch(1, 2, runs=(1, 2)), close=True))
    world.echo(world.calls()[0])
    assert [(e.run, e.status) for e in world.all(Ended)] == [(1, "done"), (2, "done")]
