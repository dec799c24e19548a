"""When a join fires: the pure function, and the machine around it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.machine.events import CloseRun, Ended, Output, Rewire
from floe_jupyter.core.machine.joins.rules import Entry, Join, arrive, consumed
from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.core.tags import shift
from tests.core.machine.machine_kit import World, batch, flow, values

A, B, C = 1, 2, 4


def play(join: Join, *arrivals: tuple[int, str]) -> list[str]:
    verdicts = []
    for wire, kind in arrivals:
        join, verdict = arrive(join, wire, kind)
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize("order", list(itertools.permutations([A, B, C])))
def test_all_waits_for_every_wire_in_any_order(order):
    assert play(Join("all", 7), *((wire, "message") for wire in order)) == ["wait", "wait", "run"]


def test_all_counts_wires_and_not_messages():  # D3, D10
    assert play(Join("all", 3), *((w, "message") for w in (A, A, B, B, A))) == ["wait", "drop", "run", "drop", "drop"]


def test_a_pill_fails_all_at_once_and_only_once():
    assert play(Join("all", 3), (A, "message"), (B, "pill"), (B, "message"), (A, "pill")) == ["wait", "fail", "drop", "drop"]


def test_a_pill_after_all_is_complete_changes_nothing():
    assert play(Join("all", 3), (A, "message"), (B, "message"), (A, "pill")) == ["wait", "run", "drop"]


@pytest.mark.parametrize("order", list(itertools.permutations([A, B, C])))
def test_any_takes_the_first_and_drops_the_rest(order):  # D1
    assert play(Join("any", 7), *((wire, "message") for wire in order)) == ["run", "drop", "drop"]


def test_a_pill_cancels_any_before_and_after_it_is_locked():  # D2
    assert play(Join("any", 3), (A, "pill"), (B, "message")) == ["fail", "drop"]
    assert play(Join("any", 3), (A, "message"), (B, "pill"), (B, "message")) == ["run", "fail", "drop"]


def test_any_that_runs_cannot_be_cancelled():
    join = consumed(arrive(Join("any", 3), A, "message")[0])
    assert arrive(join, B, "pill") == (join, "drop")
    assert consumed(join) == join


def test_any_that_tolerates_fails_only_when_every_wire_has():
    tolerant = Join("any", 3, tolerate=True)
    assert play(tolerant, (A, "pill"), (B, "message"), (B, "pill")) == ["drop", "run", "drop"]
    assert play(tolerant, (A, "pill"), (A, "pill"), (B, "pill")) == ["drop", "drop", "fail"]


@given(st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from(["message", "pill"])), max_size=8), st.booleans())
def test_what_an_entry_adds_is_what_the_pure_function_says(arrivals, tolerate):
    join = Join("all", 7, tolerate)
    entry = Entry(join, 1)
    for wire, kind in arrivals:
        join, verdict = arrive(join, wire, kind)
        if kind == "message":
            assert entry.add(wire) == verdict
        else:
            entry.join = arrive(entry.join, wire, kind)[0]
        assert entry.join == join


def test_an_entry_remembers_what_it_was_before_it_ran():
    entry = Entry(Join("any", 3), 1)
    entry.join = arrive(entry.join, A, "message")[0]
    before = entry.join
    entry.run_it()
    assert entry.join.state == "run"
    entry.put_back(before, None)
    assert entry.join == before


# --- in a machine ------------------------------------------------------------------------------------------------------------


def joined(kind: str = "all", **options: object) -> World:
    return World(flow("a>j", "b>j", nodes=[Node("j", "j", join=kind, **options)]), fail_fast=False)


def test_all_gives_one_object_of_the_values_by_their_source():
    world = joined()
    world.inject("b", 2)
    world.inject("a", 1)
    for call in world.calls():
        world.echo(call)
    assert [values(call.batch) for call in world.calls("j")] == [[{"a": 1, "b": 2}]]


def test_a_run_in_which_only_parts_are_left_is_over():
    world = joined()
    world.inject("a", 1)
    world.send(CloseRun(1))
    (ended,) = [c for c in world.echo(world.calls("a")[0]) if isinstance(c, Ended)]
    assert (ended.status, [(u.name, u.n) for u in ended.unprocessed]) == ("done", [("join j", 1)])
    assert [wire.depth for wire in world.machine.view().wires] == [0, 0]


def test_every_run_of_a_mixed_batch_has_a_join_of_its_own():
    world = joined()
    world.inject("a", 1, 2, runs=(1, 2))
    world.inject("b", 3, 4, runs=(2, 3))
    for call in world.calls():
        world.echo(call)
    (call,) = world.calls("j")
    assert (values(call.batch), call.batch.run_of(0)) == ([{"a": 2, "b": 3}], 2)
    assert [wire.depth for wire in world.machine.view().wires] == [1, 1]


def test_a_key_makes_a_join_for_each_of_its_values():
    world = joined(key="msg['k']")
    world.inject("a", {"k": 1}, {"k": 2}, {"k": 1})
    world.inject("b", {"k": 2}, {"k": 1})
    for call in world.calls():
        world.echo(call)
    (call,) = world.calls("j")
    assert values(call.batch) == [{"a": {"k": 2}, "b": {"k": 2}}, {"a": {"k": 1}, "b": {"k": 1}}]


def test_a_key_that_cannot_be_evaluated_fails_the_run_and_says_so():
    world = joined(key="msg['k']")
    world.inject("a", 1)
    world.send(CloseRun(1))
    (ended,) = [c for c in world.echo(world.calls("a")[0]) if isinstance(c, Ended)]
    assert (ended.status, ended.failures[0].kind) == ("failed", "join")
    assert ended.failures[0].message.startswith("key= of node 'j'")


def test_parts_are_named_with_their_port_where_that_tells_them_apart():
    wide = flow("a>j", "a.bad>j", "b.bad>j", "c>j.x", "c>j.y", nodes=[Node("j", "j", join="all")])
    names = {"a.out", "a.bad", "b.bad", "c.out>x", "c.out>y"}
    world = World(wide)
    for name in "abc":
        world.inject(name, name)
    for call in world.calls():
        one = batch(call.node)
        outputs = {"a": [("out", 0), ("bad", 1)], "b": [("bad", 0)], "c": [("out", 0)]}[call.node]
        world.give(call, *(Output(call.node, port, one, (i,), (0,)) for port, i in outputs))
    (call,) = world.calls("j")
    assert values(call.batch)[0].keys() == names


def test_buffers_of_parts_are_renumbered():
    world = joined()
    for name in "ab":
        world.inject(name, 0)
    for call in world.calls():
        data = Buffer(1, call.node.encode())
        inner = b'{"$floe":["escape",{"$floe":{"x":{"$floe":["array",0,"u1",[1]]}}}]}'
        text = b'[[{"$floe":["bytes",0]},' + inner + b',{"y":{"$floe":["int","1"]}}]]'
        world.give(call, Output(call.node, "out", Batch(text, 1, 1, tagged=True, buffers=(data,), counts=(1,))))
    (call,) = world.calls("j")
    second = values(call.batch)[0]["b"]
    assert second == [
        {"$floe": ["bytes", 1]},
        {"$floe": ["escape", {"$floe": {"x": {"$floe": ["array", 1, "u1", [1]]}}}]},
        {"y": {"$floe": ["int", "1"]}},
    ]
    assert [b.data for b in call.batch.buffers] == [b"a", b"b"]


def test_A7_the_buffers_that_the_header_of_a_table_names_move_too():
    text = b'[{"$floe":["frame",{"blocks":[[[0],{"$floe":["array",0,"<f8",[1,2]]}]],"n":1}]}]'
    moved = shift(Batch(text, 1, tagged=True, buffers=(Buffer(16, bytes(16)),), counts=(1,)), 2)
    assert moved == b'{"$floe":["frame",{"blocks":[[[0],{"$floe":["array",2,"<f8",[1,2]]}]],"n":1}]}'


def test_texts_without_buffers_are_not_touched_when_joined():
    assert shift(Batch(b'[ {"a": 1.50} ]', 1), 3) == b' {"a": 1.50} '


def test_a_join_with_far_too_many_parts_fails_the_run_instead_of_filling_memory():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="all", key="msg")]), wire_messages=2)
    world.inject("a", *range(25))
    commands = world.echo(world.calls("a")[0])
    (ended,) = [c for c in commands if isinstance(c, Ended)]
    assert ended.failures[0].kind == "overflow"
    assert "a.out>j.in" in ended.failures[0].message


def test_a_failed_predecessor_fails_the_join_and_those_behind_it_once():
    deep = flow("a>m", "m>j", "b>j", "j>k", "b>k", nodes=[Node("j", "j", join="all"), Node("k", "k", join="all")])
    world = World(deep, fail_fast=False)
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(CloseRun(1))
    world.fail(world.calls("a")[0])
    commands = world.echo(world.calls("b")[0])
    assert [(c.run, c.status, len(c.failures)) for c in commands if isinstance(c, Ended)] == [(1, "failed", 1)]
    assert world.calls("j", "k") == []


def test_a_cancelled_any_join_gives_up_the_message_that_waits():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="any")]), fail_fast=False, loaded=False)
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(CloseRun(1))
    loads = [c for c in world.log if type(c).__name__ == "Load" and c.node != "j"]
    for load in loads:
        world.send(world._answer(load))
    world.echo(world.calls("a")[0])
    assert [(c.run, c.status) for c in world.fail(world.calls("b")[0]) if isinstance(c, Ended)] == [(1, "failed")]


def test_taking_away_the_wire_that_a_join_waits_for_completes_it():
    world = joined()
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    smaller = flow("a>j", nodes=[Node("j", "j", join="all")], version=2)
    world.send(Rewire(smaller, (Module("j", "code", outputs=("out", "bad", "error")),), token=1))
    assert [values(call.batch) for call in world.calls("j")] == [[{"a": 1}]]
