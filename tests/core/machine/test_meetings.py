"""Where two mechanisms meet: each branch that random histories reach sometimes is reached here every time."""

from __future__ import annotations

import msgspec

from floe_jupyter.core.flow.model import Flow, Module, Node, RetryPolicy
from floe_jupyter.core.machine.events import (
    Activate,
    Activated,
    Back,
    Break,
    CancelRun,
    CloseRun,
    Count,
    Debug,
    Edit,
    Ended,
    Failure,
    Inject,
    Kill,
    Loaded,
    Notice,
    Output,
    Pause,
    Recall,
    Reply,
    Returned,
    Rewire,
    Route,
    Routed,
    RuntimeLost,
    Start,
    Step,
    Tick,
    Unload,
    Update,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch
from tests.core.machine.machine_kit import World, batch, flow, modules_of, values


def rewired(world: World, new: Flow) -> None:
    world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))
    world.load_all()


def called(world: World, *nodes: str) -> list[tuple[str, list[object]]]:
    return [(call.node, values(call.batch)) for call in world.calls(*nodes)]


# --- time ------------------------------------------------------------------------------------------------------------------


def test_the_time_of_a_message_begins_when_its_runtime_is_free_for_it():
    limits = [Node("a", "a", timeout=1.0), Node("b", "b", timeout=1.0)]
    world = World(flow(nodes=limits), runtime=lambda node: "one")
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(Tick(), 0.9)
    world.give(world.calls("a")[0])
    assert not [c for c in world.send(Tick(), 1.0) if isinstance(c, Kill)]
    assert "node 'b'" in next(c.cause for c in world.send(Tick(), 1.9) if isinstance(c, Kill))


def test_a_runtime_is_killed_once_for_all_calls_that_should_have_come_back():
    world = World(flow(nodes=[Node("a", "a"), Node("b", "b")]), runtime=lambda node: "one")
    world.inject("a", 1)
    world.inject("b", 2)
    world.send(CancelRun(1))
    assert [c.runtime for c in world.send(Tick(), 2.0) if isinstance(c, Kill)] == ["one"]


def test_a_timeout_where_failures_are_skipped_passes_over_the_message():
    world = World(flow(nodes=[Node("a", "a", timeout=1.0, on_error="skip")]))
    world.inject("a", 1)
    world.send(CloseRun(1))
    assert [c.runtime for c in world.send(Tick(), 1.0) if isinstance(c, Kill)] == ["r-a"]
    world.send(RuntimeLost("r-a", "killed"))
    assert [n.data["failure"]["kind"] for n in world.all(Notice, kind="failure")] == ["timeout"]
    assert [(e.status, e.failures) for e in world.all(Ended)] == [("done", ())]


# --- debugging -------------------------------------------------------------------------------------------------------------


def test_a_step_back_over_a_failure_leaves_the_message_where_it_is_held():
    world = World(flow("a>b"), debug=True, hold_errors=True)
    world.send(Pause())
    world.inject("a", 1)
    world.send(Step(token="s"))
    world.fail(world.calls("a")[0])
    assert [(h.value, h.reason) for h in world.machine.held()] == [(1, "error")]
    world.send(Back(token="b"))
    assert world.all(Reply, token="b")[0].error is None
    assert [(h.value, h.failure) for h in world.machine.held()] == [(1, None)]


def test_the_second_message_that_is_held_behind_a_node_is_found_by_its_id():
    world = World(flow("a>b"))
    world.send(Break("1", "a", "out"))
    world.inject("a", 0)
    world.give(world.calls("a")[0], Output("a", "out", batch(1, 2), (0, 1), (0, 0)))
    held = world.machine.held()
    assert [(h.side, h.value) for h in held] == [("out", 1), ("out", 2)]
    world.send(Edit(held[1].id, b"20"))
    assert [h.value for h in world.machine.held()] == [1, 20]


def test_an_error_record_is_given_once_when_its_step_is_done_again():
    world = World(flow("a.error>h"), debug=True)
    world.send(Pause())
    world.inject("a", 1)
    world.send(Step(token="s"))
    world.give(world.calls("a")[0], Output("a", "out", batch(7), (0,), (0,)), consumed=0, failure=Failure("a", "no"))
    world.send(Back())
    world.send(Step(token="t"))
    assert not world.calls("a")
    assert world.all(Reply, token="t")[0].value["a"]["outputStates"]["out"] == [7]
    assert [(h.node, h.value["error"]) for h in world.machine.held()] == [("h", "no")]


def test_a_step_passes_over_a_node_with_no_room_behind_it():
    world = World(flow("a>b"), wire_messages=1)
    world.send(Pause())
    world.inject("b", 0)
    world.inject("a", 1)
    world.send(Step("a"))
    world.echo(world.calls("a")[0])
    world.inject("a", 2)
    world.send(Step(token="s"))
    assert called(world) == [("b", [1])]


def test_the_states_before_a_message_leave_those_of_other_workers_alone():
    world = World(flow(nodes=[Node("a", "a", workers=2)]), debug=True)
    world.inject("a", 1, 2)
    first, second = world.calls("a")
    world.give(first)
    world.give(second)
    [one, two] = world.machine.history()
    assert (one.lane, two.lane) == (0, 1)
    assert world.machine.at(one.id)[3] == {"a": {}}


def test_a_message_that_comes_back_after_its_run_is_over_is_gone():
    world = World(flow("a>b"), debug=True)
    world.inject("a", 1)
    world.send(CancelRun(1))
    world.give(world.calls("a")[0], consumed=0)
    assert called(world) == []
    assert world.machine.view().nodes[0].depth == 0


def test_one_message_of_a_batch_that_names_its_run_apart_belongs_to_that_run():
    world = World(flow("a>b"), debug=True)
    world.inject("a", 1, runs=(7,))
    assert [(c.batch.run, c.batch.runs) for c in world.calls()] == [(7, None)]


def test_a_run_that_overflows_a_join_while_it_is_debugged_gives_nothing_more_to_any_wire():
    join = Node("j", "j", join="all", key="msg")
    world = World(flow("a>j", "b>j", "a>c", nodes=[join]), debug=True, wire_messages=1)
    world.inject("a", 0)
    n = 200
    given = Output("a", "out", batch(*range(n)), tuple(range(n)), (0,) * n)
    world.give(world.calls("a")[0], given, consumed=1)
    [ended] = world.all(Ended)
    assert (ended.status, ended.failures[0].kind) == ("failed", "overflow")
    assert not [w for w in world.machine.view().wires if w.depth]


# --- calls -----------------------------------------------------------------------------------------------------------------


def test_workers_share_what_waits():
    world = World(flow(nodes=[Node("a", "a", workers=2)]))
    world.inject("a", *range(8))
    assert [(c.worker, values(c.batch)) for c in world.calls()] == [(0, [0, 1]), (1, [2]), (0, [3]), (1, [4])]


def test_workers_by_key_wait_for_room_behind_them():
    nodes = [Node("a", "a", workers=2, by="msg"), Node("b", "b", timeout=9.0)]
    world = World(flow("a>b", nodes=nodes), wire_messages=1)
    for value in (1, 2):
        world.inject("a", value)
        world.echo(world.calls("a")[0])
    world.inject("a", 3)
    assert called(world) == [("b", [1])]
    world.give(world.calls("b")[0])
    assert sorted(called(world)) == [("a", [3]), ("b", [2])]


def test_what_a_call_of_several_pieces_did_not_consume_comes_again():
    world = World(flow("a>b"), loaded=False)
    for value in (1, 2, 3):
        world.inject("a", value)
    world.load_all()
    call = world.calls("a")[0]
    assert values(call.batch) == [1, 2, 3]
    world.send(Returned(call.call, 1, outputs=(Output("a", "out", batch(1)),)))
    world.send(Update(Module("a", "2", version=2)))
    assert Recall("a", 0) in world.send(Loaded("a", 0, 2, "r-a"))
    world.give(call, consumed=1)
    world.load_all()
    assert called(world, "a") == [("a", [3])]


def test_named_messages_are_not_called_together_with_those_before_them_that_have_no_names():
    world = World(flow(nodes=[Node("a", "a")]), loaded=False)
    world.inject("a", 1)
    world.send(Inject("a", msgspec.structs.replace(batch(2), ids=("named",))))
    world.load_all()
    assert [(values(c.batch), c.batch.ids) for c in world.calls()] == [([1], None), ([2], ("named",))]


def test_a_message_that_is_tried_again_is_not_called_together_with_those_that_came_back_before_it():
    node = Node("a", "a", workers=2, on_error="retry", retry=RetryPolicy(times=2, backoff=1.0))
    world = World(flow(nodes=[node]))
    world.inject("a", *range(16))
    first, second = world.calls("a")
    assert (values(first.batch), values(second.batch)) == ([0, 1, 2, 3], [4, 5, 6])
    world.fail(first)
    world.send(Update(Module("a", "2", version=2)))
    world.send(Loaded("a", 1, 2, "r-a"))
    world.give(second, consumed=0)
    world.send(Activated("a", 1, 2, {}))
    assert called(world, "a") == [("a", [4, 5, 6])]


def test_room_behind_a_chain_inside_a_runtime_wakes_what_feeds_it():
    chain = flow("a>b", "b>c", nodes=[Node("c", "c", timeout=9.0)])
    world = World(chain, runtime=lambda node: "x" if node == "c" else "one", fusable=True, wire_messages=1)
    world.inject("a", 1)
    world.give(world.calls("a")[0], Output("b", "out", batch(10)), counts=(Count("a.out>b.in", 1),))
    world.inject("a", 2)
    world.give(world.calls("a")[0], Output("b", "out", batch(20)), counts=(Count("a.out>b.in", 1),))
    world.inject("a", 3)
    assert called(world) == [("c", [10])]
    world.give(world.calls("c")[0])
    assert sorted(called(world)) == [("a", [3]), ("c", [20])]


# --- joins -----------------------------------------------------------------------------------------------------------------


def test_a_pill_counts_for_the_keys_that_come_after_it():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="any", key="msg")]), fail_fast=False)
    world.inject("a", 1)
    world.fail(world.calls("a")[0])
    world.inject("b", 5)
    world.echo(world.calls("b")[0])
    assert called(world, "j") == []


def test_a_pill_is_forgotten_with_its_wire():
    join = Node("j", "j", join="any", key="msg", tolerate=True)
    stays = [join, Node("a", "a"), Node("c", "c")]
    world = World(flow("a>j", "b>j", nodes=[*stays]), fail_fast=False)
    world.inject("a", 1)
    world.fail(world.calls("a")[0])
    rewired(world, flow("b>j", nodes=[*stays]))
    rewired(world, flow("b>j", "c>j", nodes=[*stays]))
    world.inject("b", 2)
    world.fail(world.calls("b")[0])
    world.inject("c", 5)
    world.echo(world.calls("c")[0])
    assert called(world, "j") == [("j", [5])]


def test_a_pill_takes_the_message_of_a_join_out_of_whichever_port_it_waits_at():
    world = World(flow("a>j.left", "b>j.right", nodes=[Node("j", "j", join="any")]), fail_fast=False)
    world.send(Break("1", "j"))
    world.inject("b", 1)
    world.echo(world.calls("b")[0])
    assert [h.port for h in world.machine.held()] == ["right"]
    world.inject("a", 2)
    world.fail(world.calls("a")[0])
    assert world.machine.held() == []


def test_pills_do_not_pass_by_the_error_ports_of_nodes_on_their_way():
    joins = [Node("j", "j", join="all"), Node("k", "k", join="any")]
    world = World(flow("a>b", "b>j", "c>j", "b.error>k", "c>k", nodes=joins), fail_fast=False)
    world.inject("a", 1)
    world.fail(world.calls("a")[0])
    world.inject("c", 2)
    world.echo(world.calls("c")[0])
    assert called(world, "j", "k") == [("k", [2])]


def test_a_join_that_overflows_in_a_batch_with_a_run_that_has_no_key_ends_both_runs_once():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="all", key="msg['k']")]), wire_messages=1)
    n = 150
    text = b"[{}," + b",".join(b'{"k":%d}' % i for i in range(n)) + b"]"
    runs = (1, *(2,) * n)
    world.inject("a", {}, 0, runs=(1, 2))
    call = world.calls("a")[0]
    world.give(call, Output("a", "out", Batch(text, n + 1, runs=runs), tuple(range(n + 1)), (0, *(1,) * n)))
    assert [(e.run, e.failures[0].kind) for e in world.all(Ended)] == [(1, "join"), (2, "overflow")]


# --- local routes ----------------------------------------------------------------------------------------------------------


def test_a_route_on_one_port_stays_while_another_is_switched_on():
    world = World(flow("a>b", "a.bad>c"), runtime=lambda node: "one", fusable=True, loaded=False)
    for name in "ab":
        world.send(Loaded(name, 0, 1, "one", True))
    assert [c.routes for c in world.log if isinstance(c, Route)] == [{"out": ("a.out>b.in",)}]
    world.send(Routed("a", 0))
    commands = world.send(Loaded("c", 0, 1, "one", True))
    assert [c.routes for c in commands if isinstance(c, Route)] == [{"out": ("a.out>b.in",), "bad": ("a.bad>c.in",)}]


def test_routes_are_as_ordered_last_when_two_orders_were_on_their_way():
    world = World(flow("a>b"), runtime=lambda node: "one", fusable=True, loaded=False)
    for name in "ab":
        world.send(Loaded(name, 0, 1, "one", True))
    world.send(Debug())
    world.send(Routed("a", 0))
    wire = world.machine._instance.wires["a.out>b.in"]
    assert wire.routed
    world.send(Routed("a", 0))
    assert not wire.routed


def test_what_passed_over_a_wire_that_is_gone_is_not_counted():
    world = World(flow("a>b"), runtime=lambda node: "one", fusable=True)
    world.inject("a", 1)
    call = world.calls("a")[0]
    rewired(world, flow(nodes=[Node("a", "a"), Node("b", "b")]))
    world.give(call, counts=(Count("a.out>b.in", 1),))
    assert [(n.taken, n.given) for n in world.machine.view().nodes] == [(1, 0), (0, 0)]


# --- new versions and shapes -----------------------------------------------------------------------------------------------


def test_suspects_of_a_node_that_leaves_stand_in_nobodys_way():
    world = World(flow(nodes=[Node("b", "b"), Node("a", "a")]))
    world.inject("b", 1)
    call = world.calls("b")[0]
    world.send(Returned(call.call, 0, 1, (Output("b", "out", batch(5), (0,), (0,)),)))
    world.inject("a", 1)
    world.log.remove(world.calls("a")[0])
    world.send(RuntimeLost("r-a", "killed"))
    rewired(world, flow(nodes=[Node("a", "a")]))
    assert called(world, "a") == [("a", [1])]
    world.give(call, consumed=1)
    assert [node.id for node in world.machine.view().nodes] == ["a"]


def test_a_flow_may_be_rewired_before_it_is_started():
    made, wanted = flow("a>b"), flow("a>b", "b>c")
    machine = Machine(made, modules_of(made))
    assert machine.handle(Rewire(wanted, tuple(modules_of(wanted).values()), token="w")) == []
    assert [c.node for c in machine.handle(Start())] == ["a", "b", "c"]
    said = [machine.handle(Loaded(name, 0, 1, "r")) for name in "abc"]
    assert Reply("w", {"updated": ["c"], "refused": []}) in said[-1]


def test_a_version_that_comes_again_under_its_number_is_used_and_not_unloaded():
    world = World(flow("a>b"), loaded=False)
    world.send(Update(Module("a", "other", version=2)))
    world.send(Update(Module("a", "one", version=1), token="u"))
    assert world.send(Loaded("a", 0, 1, "r-a")) == [Activate("a", 0, 1, {})]
    commands = world.send(Activated("a", 0, 1, {}))
    assert not [c for c in commands if isinstance(c, Unload)]
    assert Reply("u", {"updated": ["a"], "refused": []}) in commands


def test_a_wire_that_a_join_waited_for_is_gone_and_it_fires():
    world = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="all")]))
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    assert called(world, "j") == []
    rewired(world, flow("a>j", nodes=[Node("j", "j", join="all"), Node("b", "b")]))
    assert called(world, "j") == [("j", [{"a": 1}])]
