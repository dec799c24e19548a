"""What happens seldom: several misfortunes at once, and requests that meet them."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module, Node, RetryPolicy
from floe_jupyter.core.machine.delivery import crashes
from floe_jupyter.core.machine.events import (
    Accepted,
    CancelRun,
    CloseRun,
    Drop,
    Ended,
    Failure,
    Inject,
    Load,
    Loaded,
    LoadFailed,
    Output,
    Pause,
    Reply,
    Rewire,
    RuntimeLost,
    Step,
    Tick,
    Update,
)
from floe_jupyter.core.messages import Batch, Buffer
from tests.core.machine.machine_kit import World, batch, flow, modules_of, values


def crash(world: World, node: str = "a") -> None:
    """The runtime of a node ends while it is at work; everything is loaded again."""
    for call in world.calls(node):
        world.log.remove(call)
    world.send(RuntimeLost(f"r-{node}", "killed"))
    world.load_all()


def test_a_run_without_a_key_ends_and_the_other_run_goes_on_over_the_next_wires():
    world = World(flow("a>j", "a>b", nodes=[Node("j", "j", join="any", key="msg['k']")]))
    world.inject("a", {}, {"k": 2}, runs=(1, 2))
    out = Batch(b'[{},{"k":2}]', 2, runs=(1, 2))
    world.give(world.calls("a")[0], Output("a", "out", out))
    assert [(e.run, e.status) for e in world.all(Ended)] == [(1, "failed")]
    assert [(c.node, values(c.batch), c.batch.run_of(0)) for c in world.calls("j", "b")] == [
        ("j", [{"k": 2}], 2),
        ("b", [{"k": 2}], 2),
    ]


def test_two_messages_without_a_key_end_their_run_once():
    world = World(flow("a>j", nodes=[Node("j", "j", join="any", key="msg['k']")]))
    world.inject("a", 1, 2)
    world.echo(world.calls("a")[0])
    assert [(e.run, e.status, len(e.failures)) for e in world.all(Ended)] == [(1, "failed", 1)]


def test_two_messages_without_a_key_doom_their_run_once_while_it_is_stepped():
    world = World(flow("a>j", nodes=[Node("j", "j", join="any", key="msg['k']")]))
    world.send(Pause())
    world.inject("a", 1)
    world.send(Step(token="s"))
    world.give(world.calls("a")[0], Output("a", "out", batch(1, 2), (0, 1), (0, 0)))
    assert world.all(Reply, token="s")[0].error is None
    assert not world.calls("j")


def test_the_end_is_recorded_while_debugging_without_a_pause():
    world = World(flow("a>done", nodes=[Node("done", "end", kind="task")]), debug=True)
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    assert [record.node for record in world.machine.history()] == ["a", "done"]
    assert [(e.run, e.status) for e in world.all(Ended)] == [(1, "done")]


def test_dropping_a_message_of_a_full_queue_accepts_the_injection_that_waited():
    world = World(flow("a>b"), wire_messages=1)
    world.send(Pause())
    assert Accepted("t") not in world.send(Inject("a", batch(1), token="t"))
    commands = world.send(Drop(world.machine.held()[0].id, token="d"))
    assert Accepted("t") in commands
    assert Reply("d") in commands


def test_cancelling_a_run_leaves_a_mixed_batch_of_other_runs_as_it_is():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1, 2, runs=(1, 2))
    world.inject("a", 3, run=3)
    world.send(CancelRun(3))
    world.load_all()
    assert [(values(c.batch), c.batch.runs) for c in world.calls()] == [([1, 2], (1, 2))]


def test_joined_values_with_buffers_count_them_on_and_keep_what_is_plain():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="all")]))
    text = b'[{"n":5,"data":[{"$floe":["bytes",0]}]}]'
    for name in "ab":
        world.inject(name, 1)
        given = Batch(text, 1, run=1, tagged=True, buffers=(Buffer(1, name.encode()),), counts=(1,))
        world.give(world.calls(name)[0], Output(name, "out", given))
    joined = world.calls("j")[0].batch
    assert values(joined) == [{name: {"n": 5, "data": [{"$floe": ["bytes", place]}]} for place, name in enumerate("ab")}]
    assert [buffer.data for buffer in joined.buffers] == [b"a", b"b"]


def test_the_old_version_is_loaded_again_when_the_new_one_fails_after_a_crash_of_the_old():
    world = World(flow("a>b"))
    world.send(Update(Module("a", "2", version=2), token="u"))
    world.send(Loaded("a", 0, 2, "other"))
    assert not [c for c in world.send(RuntimeLost("r-a", "killed")) if isinstance(c, Load)]
    commands = world.send(LoadFailed("a", 0, 2, Failure("a", "no")))
    assert [(c.node, c.state) for c in commands if isinstance(c, Load)] == [("a", {})]


def test_a_message_that_fails_between_its_crashes_is_a_dead_letter_after_the_last():
    node = Node("a", "a", on_error="retry", retry=RetryPolicy(times=2, backoff=1.0))
    world = World(flow("a>b", nodes=[node]))
    world.inject("a", 1)
    crash(world)
    crash(world)
    world.fail(world.calls("a")[0])
    world.send(Tick(), 10.0)
    crash(world)
    assert [(letter.kind, letter.input) for letter in world.machine.dead()] == [("crashed", 1)]


def test_the_oldest_dead_letter_is_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(crashes, "REMEMBERED", 1)
    world = World(flow("a>b"))
    for value in (1, 2):
        world.inject("a", value)
        for _ in range(3):
            crash(world)
    assert [letter.input for letter in world.machine.dead()] == [2]


def test_a_join_takes_no_error_record_of_a_message_that_crashes_for_the_last_time_after_its_run():
    world = World(flow("a.error>j", nodes=[Node("j", "j", join="any")]))
    world.inject("a", 1)
    crash(world)
    crash(world)
    world.send(CancelRun(1))
    crash(world)
    assert not world.calls()
    assert [e.status for e in world.all(Ended)] == ["cancelled"]


def test_a_wire_in_the_place_of_one_that_brought_a_pill_leaves_a_tolerant_join_waiting():
    join = Node("j", "j", join="any", tolerate=True)
    world = World(flow("a>j", "b>j", nodes=[join]), fail_fast=False)
    world.inject("a", 1)
    world.inject("b", 2)
    world.fail(world.calls("a")[0], consumed=0)
    other = flow("c>j", "b>j", nodes=[join])
    world.send(Rewire(other, tuple(modules_of(other).values()), token="w"))
    world.load_all()
    world.inject("c", 3)
    world.fail(world.calls("c")[0])
    world.echo(world.calls("b")[0])
    assert [values(c.batch) for c in world.calls("j")] == [[2]]
    world.send(CloseRun(1))
    world.give(world.calls("j")[0])
    assert [e.status for e in world.all(Ended)] == ["failed"]
