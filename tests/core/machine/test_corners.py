"""Corners: keys of workers, mixed batches, bounds, requests at odd moments."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import (
    Back,
    Break,
    CancelRun,
    CloseRun,
    Continue,
    Ended,
    Failure,
    LoadFailed,
    Notice,
    Output,
    Pause,
    Record,
    Reply,
    Returned,
    Rewire,
    RuntimeLost,
    StateChange,
    Step,
    Update,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.machine.state.recorder import Recorder
from floe_jupyter.core.messages import Batch
from floe_jupyter.errors import UnknownName
from tests.core.machine.machine_kit import World, batch, flow, modules_of, values


def keyed(**options: object) -> World:
    return World(flow("a>b", nodes=[Node("a", "a", workers=2, by="msg['k']")]), runtime=lambda node: "one", **options)


def test_messages_of_a_busy_worker_wait_and_keep_their_order():
    world = keyed()
    world.send(Pause())
    world.inject("a", *({"k": 1, "n": n} for n in range(3)))
    world.send(Continue())
    seen = []
    while world.calls("a"):
        call = world.calls("a")[0]
        seen += [value["n"] for value in values(call.batch)]
        world.give(call)
    assert seen == [0, 1, 2]


def test_a_worker_takes_one_step_after_the_other():
    world = keyed()
    world.send(Pause())
    world.inject("a", {"k": 1}, {"k": 1})
    for _ in range(2):
        world.send(Step(token="s"))
        world.give(world.calls("a")[0])
    assert len(world.all(Reply, token="s")) == 2


def test_a_message_without_the_key_fails_its_run():
    world = keyed(fail_fast=False)
    world.inject("a", {"k": 1}, 5, {"k": 2})
    world.send(CloseRun(1))
    commands = []
    for call in world.calls("a"):
        commands += world.give(call)
    assert [(c.status, c.failures[0].kind) for c in commands if isinstance(c, Ended)] == [("failed", "value")]


def test_a_full_wire_before_workers_with_keys_lets_its_feeder_go_on():
    world = World(flow("x>a", nodes=[Node("a", "a", workers=2, by="msg")]), wire_messages=2)
    world.inject("x", 1, 2, 3)
    world.echo(world.calls("x")[0])
    assert sum(c.batch.n for c in world.calls("a")) == 3


def test_a_run_is_taken_out_of_mixed_batches():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1, 2, 3, runs=(1, 2, 1))
    world.inject("a", 4, runs=(1,))
    world.send(CancelRun(1))
    world.load_all()
    assert [(values(c.batch), c.batch.run_of(0)) for c in world.calls()] == [([2], 2)]


def test_a_late_output_of_a_mixed_call_keeps_the_runs_that_go_on():
    world = World(flow("a>b", "a>j", nodes=[Node("j", "j", join="any")]))
    world.inject("a", 1, 2, runs=(1, 2))
    call = world.calls("a")[0]
    world.send(CancelRun(1))
    world.give(call, Output("a", "out", Batch(b"[1,2]", 2, runs=(1, 2))), Output("gone", "out", batch(1, run=2)))
    assert [(c.node, values(c.batch), c.batch.run_of(0)) for c in world.calls("b", "j")] == [("b", [2], 2), ("j", [2], 2)]


def test_a_run_that_overflows_one_wire_leaves_nothing_on_the_next():
    world = World(flow("a>a", "a>b"), wire_messages=1)
    world.inject("a", 1)
    out = Output("a", "out", batch(*range(30)), tuple(range(30)), (0,) * 30)
    world.send(Returned(world.calls("a")[0].call, 0, 30, (out,)))
    assert world.machine.view().runs == {1: "failed"}


def test_messages_of_megabytes_are_called_a_few_at_a_time():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", *["x" * 400_000] * 5)
    world.inject("a", *["x" * 900_000] * 2)
    world.load_all()
    assert [c.batch.n for c in world.calls()] == [2, 2, 1, 1, 1]


def test_an_injection_at_a_port_that_does_not_exist_is_refused():
    world = World(flow("a>b"))
    with pytest.raises(UnknownName):
        raise UnknownName(world.inject("a", 1, port="inn", token=1)[0].error[1])


def test_a_flow_with_a_wire_to_nowhere_is_refused():
    lost = flow("a>b")
    with pytest.raises(UnknownName, match="no node"):
        Machine(type(lost)("f", lost.nodes[:1], lost.wires), modules_of(lost))


def test_the_recorder_is_bounded_by_number_and_bytes():
    def record(n: int, text: str = "1") -> Record:
        return Record(n, "a", 0, 1, str(n), "in", 1, Batch(f"[{text}]".encode(), 1), (), {}, {})

    recorder = Recorder(most=2, most_bytes=100)
    for n in range(4):
        recorder.add(record(n), [])
    assert [r.seq for r, _ in recorder.records] == [2, 3]
    for _ in range(2):
        recorder.undo(recorder.records[-1])
    recorder.add(record(9), [])
    recorder.undo(recorder.records[-1])
    assert list(recorder.undone) == [("a", "2"), ("a", "9")]
    recorder.add(record(5, "1" * 200), [])
    assert list(recorder.records) == []


def test_a_step_waits_for_what_is_being_loaded():
    world = World(flow("a>b"), loaded=False)
    world.inject("a", 1)
    assert not [c for c in world.send(Step(token="s")) if isinstance(c, Reply)]
    world.load_all()
    world.echo(world.calls("a")[0])
    assert len(world.all(Reply, token="s")) == 1


def test_a_generator_that_is_stepped_goes_on_while_there_is_room():
    world = World(flow("a>b"))
    world.send(Pause())
    world.inject("a", 1)
    world.send(Step(token="s"))
    call = world.calls("a")[0]
    out = Output("a", "out", batch(*range(512)), tuple(range(512)), (0,) * 512)
    commands = world.send(Returned(call.call, 0, 512, (out,)))
    assert [type(c).__name__ for c in commands] == ["More"]
    world.give(call)
    assert len(world.all(Reply, token="s")[0].value["a"]["outputStates"]["out"]) == 512


def test_back_puts_joins_and_their_pills_where_they_were():
    joins = [Node("j", "j", join="all"), Node("k", "k", join="any")]
    world = World(flow("a>j", "b>j", "a>k", "b>k", nodes=joins), fail_fast=False)
    world.send(Pause())
    world.inject("a", 1)
    world.inject("b", 2)
    for name in "ab":
        world.send(Step(node=name, token="s"))
        world.echo(world.calls(name)[0])
    depths = [w.depth for w in world.machine.view().wires]
    world.send(Back("x"))
    assert [w.depth for w in world.machine.view().wires] == [1, 0, 0, 0]
    world.send(Step(node="b", token="s"))
    assert [w.depth for w in world.machine.view().wires] == depths
    world.send(Back("x"))
    world.send(Update(Module("b", "x", version=2), token="u"))
    world.load_all()
    world.send(Step(node="b", token="s"))
    world.fail(world.calls("b")[0])
    world.send(Back("x"))
    world.send(Back("x"))
    assert [(n.id, n.depth) for n in world.machine.view().nodes if n.depth] == [("a", 1), ("b", 1)]


def test_back_unlocks_an_any_join():
    world = World(flow("a>k", "b>k", nodes=[Node("k", "k", join="any")]))
    world.send(Pause())
    world.inject("a", 1)
    for name in "ak":
        world.send(Step(token="s"))
        world.echo(world.calls(name)[0])
    world.send(Back("x"))
    assert world.all(Reply, token="x")[0].error is None
    assert [(h.node, h.value) for h in world.machine.held()] == [("k", 1)]


def test_an_end_node_lets_its_feeder_go_on():
    world = World(flow("a>done", nodes=[Node("done", "end", kind="task")]), wire_messages=1)
    for run in (1, 2, 3):
        world.inject("a", 1, run=run)
    while world.calls("a"):
        world.echo(world.calls("a")[0])
    assert [e.run for e in world.all(Ended)] == [1, 2, 3]


def test_a_run_that_is_over_leaves_nothing_behind_a_node():
    world = World(flow("a>b"))
    world.send(Break("x", "a", side="out"))
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    world.send(CancelRun(1))
    assert world.machine.held() == []


def test_state_of_a_node_that_is_gone_is_nothing():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.give(world.calls("a")[0], states=(StateChange("gone", set={"n": 1}), StateChange("a", 7)))
    assert world.machine.states() == {"a": {}, "b": {}}


def test_a_node_that_gets_another_module_swaps_to_it():
    world = World(flow("a>b"))
    other = flow("a>b", nodes=[Node("b", "c")])
    world.send(Rewire(other, tuple(modules_of(other).values()), token="w"))
    world.load_all()
    assert world.all(Reply, token="w")[0].value == {"updated": ["b"], "refused": []}


def test_a_rewired_join_keeps_what_waits_and_learns_new_ports():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="any")]))
    wider = flow("a>j", "b>j", "c>j.x", nodes=[Node("j", "j", join="any")])
    world.send(Rewire(wider, tuple(modules_of(wider).values()), token="w"))
    world.load_all()
    world.inject("c", 1)
    world.echo(world.calls("c")[0])
    assert [(c.port, values(c.batch)) for c in world.calls("j")] == [("x", [1])]


def test_what_a_breakpoint_holds_behind_a_node_goes_with_the_node():
    world = World(flow("a>b"))
    world.send(Break("x", "a", side="out"))
    world.inject("a", 1)
    world.send(CloseRun(1))
    world.echo(world.calls("a")[0])
    commands = world.send(Rewire(flow(nodes=[Node("b", "b")]), tuple(modules_of(flow("a>b")).values()), token="w"))
    assert [c.status for c in commands if isinstance(c, Ended)] == ["done"]
    assert world.machine.breaks() == []


def test_a_message_whose_retries_end_in_a_crash_of_an_ended_run_is_nothing():
    world = World(flow("a>b"))
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(CancelRun(1))
    world.log.remove(call)
    world.send(RuntimeLost("r-a", "x"))
    world.load_all()
    assert world.calls() == []
    assert world.machine.dead() == []


def test_a_failure_of_a_message_whose_run_is_over_is_nothing():
    world = World(flow("a>b"))
    world.inject("a", 1)
    call = world.calls("a")[0]
    world.send(CancelRun(1))
    assert not [c for c in world.fail(call) if isinstance(c, Notice)]


def test_two_newer_versions_survive_the_crash_of_one_that_is_activated():
    world = World(flow("a>b"))
    world.send(Update(Module("a", "2", version=2), token="u2"))
    from floe_jupyter.core.machine.events import Loaded

    world.send(Loaded("a", 0, 2, "other"))
    assert Reply("u2", {"updated": [], "refused": []}) in world.send(Update(Module("a", "3", version=3), token="u3"))
    world.send(RuntimeLost("other", "x"))
    assert [c.token for c in world.send(LoadFailed("a", 0, 3, Failure("a", "no"))) if isinstance(c, Reply)] == ["u3"]
