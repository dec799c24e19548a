"""Debugging: breakpoints, held messages, what is done with them; and what people see of it."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module, Node, RetryPolicy
from floe_jupyter.core.machine.events import (
    Break,
    Continue,
    Debug,
    Drop,
    Duplicate,
    Edit,
    Ended,
    Inject,
    Notice,
    Output,
    Pause,
    Recall,
    Reply,
    Retry,
    Returned,
    Step,
    Tick,
    Unbreak,
    Update,
)
from floe_jupyter.core.messages import Batch, Buffer
from tests.core.machine.machine_kit import World, back, batch, flow, paused, step, values


def test_a_message_is_dropped_and_duplicated():
    world = paused(1, 2)
    first, second = world.machine.held()
    copy = world.send(Duplicate(first.id, token=1))[0].value["id"]
    world.send(Drop(second.id, token=2))
    assert [(h.id, h.value) for h in world.machine.held()] == [(first.id, 1), (copy, 1)]
    assert [n.depth for n in world.machine.view().nodes] == [2, 0]


def test_the_copy_of_what_a_breakpoint_holds_is_held_too():
    world = World(flow("a>b"))
    world.send(Break("x", "b", when="msg > 1", token=1))
    world.inject("a", 2)
    world.echo(world.calls("a")[0])
    (held,) = world.machine.held()
    copy = world.send(Duplicate(held.id, token=1))[-1].value["id"]
    assert [(h.id, h.reason, h.breakpoint) for h in world.machine.held()] == [
        (held.id, "breakpoint", "x"),
        (copy, "breakpoint", "x"),
    ]
    world.send(Continue())
    assert [values(c.batch) for c in world.calls("b")] in ([[2], [2]], [[2]])


def test_held_messages_are_found_by_id_and_place_and_show_their_buffers_when_asked():
    world = paused(1, 2)
    first, second = world.machine.held()
    assert [h.id for h in world.machine.held(id=second.id)] == [second.id]
    assert [h.id for h in world.machine.held(id=f"{first.id[:11]}@a")] == [first.id]
    assert world.machine.held(id=f"{first.id}@b") == []
    data = Batch(b'[{"$floe":["bytes",0]}]', 1, 1, tagged=True, buffers=(Buffer(3, b"abc"),), counts=(1,))
    world.send(Inject("a", data))
    (held,) = [h for h in world.machine.held(buffers=True) if h.buffers]
    assert (held.value, held.buffers) == ({"$floe": ["bytes", 0]}, (Buffer(3, b"abc"),))
    assert not any(h.buffers for h in world.machine.held())


def test_a_step_back_over_what_was_dropped_and_duplicated_counts_right():
    world = paused(1, 2)
    step(world)
    (held,) = [h for h in world.machine.held() if h.node == "b"]
    world.send(Duplicate(held.id))
    world.send(Drop(held.id))
    back(world)
    assert [(h.node, h.value) for h in world.machine.held()] == [("a", 1), ("a", 2)]


def test_a_text_log_with_a_mistake_is_refused_and_one_that_fails_on_a_message_holds_nothing():
    world = World(flow("a>b"))
    world.send(Break("x", "a", log="got {nosuch}", token=1))
    assert "no name 'nosuch'" in world.all(Reply, token=1)[0].error[1]
    world.send(Break("y", "a", log="got {msg.ppm}", token=2))
    world.inject("a", {"ppm": 1}, 5)
    for _ in range(2):
        world.echo(world.calls("a")[0])
    texts = [notice.data["text"] for notice in world.all(Notice, kind="log")]
    assert texts[0] == "got 1"
    assert texts[1].startswith("breakpoint 'y' cannot log 'got {msg.ppm}': ")
    assert world.machine.held() == []


def test_a_breakpoint_holds_and_says_idle_once():
    world = World(flow("a>b"))
    world.send(Break("x", "b", when="msg > 1", token=1))
    world.inject("a", 1, 2)
    for _ in range(2):
        world.echo(world.calls("a")[0])
    world.echo(world.calls("b")[0])
    (held,) = world.machine.held()
    assert (held.node, held.value, held.reason, held.breakpoint) == ("b", 2, "breakpoint", "x")
    assert len(world.all(Notice, kind="idle")) == 1
    assert world.machine.view().runs == {1: "held"}
    world.send(Continue())
    assert values(world.calls("b")[0].batch) == [2]
    assert len(world.all(Notice, kind="resumed")) == 1
    assert world.machine.breaks() == [
        {"id": "x", "node": "b", "side": "in", "port": "", "when": "msg > 1", "hits": 0, "log": "", "enabled": True, "count": 1}
    ]


def test_a_condition_that_fails_holds_the_message_and_says_why():
    world = World(flow("a>b"))
    world.send(Break("x", "a", when="msg['k'] == 1"))
    world.inject("a", 5)
    (held,) = world.machine.held()
    assert held.failure.kind == "expression"
    assert "x" in held.failure.message


def test_hits_and_logs_and_disabled_breakpoints():
    world = World(flow("a>b"), debug=True)
    world.send(Break("log", "a", log="got {msg}"))
    world.send(Break("off", "a", enabled=False))
    world.send(Break("third", "a", hits=2))
    world.inject("a", 1, 2)
    world.echo(world.calls("a")[0])
    assert [n.data["text"] for n in world.all(Notice, kind="log")] == ["got 1", "got 2"]
    assert [h.value for h in world.machine.held() if h.node == "a"] == [2]
    assert world.machine.hits() == {"log": 2, "third": 2}
    assert world.send(Unbreak(node="a", token=1))[0].value == 3


def test_a_breakpoint_on_an_output_holds_behind_the_node():
    world = World(flow("a>b"))
    world.send(Break("x", "a", side="out"))
    world.inject("a", 1, 2)
    world.echo(world.calls("a")[0])
    (held,) = world.machine.held()
    assert (held.node, held.side, held.value) == ("a", "out", 1)
    assert world.calls() == []
    world.send(Edit(held.id, b"9"))
    world.send(Continue())
    assert [values(c.batch) for c in world.calls("b")] == [[9]]


def test_what_is_held_behind_a_node_goes_on_with_a_step_and_can_be_dropped():
    world = World(flow("a>b"))
    world.send(Break("x", "a", side="out"))
    world.inject("a", 1)
    world.give(world.calls("a")[0], Output("a", "out", batch(1, 2), (0, 1), (0, 0)))
    one, _ = world.machine.held()
    world.send(Drop(one.id))
    step(world)
    assert [(h.node, h.value, h.side) for h in world.machine.held()] == [("b", 2, "in")]
    assert back(world).error is None
    assert [(h.node, h.value) for h in world.machine.held()] == [("a", 1)]


def test_a_failed_message_is_held_mended_and_tried_again():
    world = World(flow("a>b"), debug=True, hold_errors=True)
    world.inject("a", 1)
    world.fail(world.calls("a")[0])
    (held,) = world.machine.held()
    assert (held.reason, held.failure.message, held.failure.input) == ("error", "ValueError: no", 1)
    assert world.machine.view().nodes[0].status == "failed"
    world.send(Update(Module("a", "new", version=2), token="u"))
    world.load_all()
    world.send(Retry(held.id, token="r"))
    (call,) = world.calls("a")
    assert call.batch.ids == (held.id,)
    world.echo(call)
    assert world.machine.history()[-1].version == 2


def test_A9_an_id_names_the_copy_that_is_held_and_not_one_that_waits_elsewhere():
    later = Node("b", "b", on_error="retry", retry=RetryPolicy(times=2, backoff=10.0))
    world = World(flow("a>b", "a>c", nodes=[later]), debug=True, hold_errors=True)
    world.inject("a", 1)
    world.echo(world.calls("a")[0])
    world.fail(world.calls("b")[0])
    world.fail(world.calls("c")[0])
    (held,) = world.machine.held()
    assert held.node == "c"
    world.send(Edit(held.id, b"5", token="e"))
    world.send(Retry(held.id, token="r"))
    (call,) = world.calls()
    assert (call.node, values(call.batch)) == ("c", [5])
    world.echo(call)
    world.send(Tick(), 10.0)
    (call,) = world.calls()
    assert (call.node, values(call.batch)) == ("b", [1])


def test_retry_while_paused_is_a_step():
    world = World(flow("a>b"), hold_errors=True)
    world.send(Pause())
    world.inject("a", 1)
    world.send(Step(token="s"))
    world.fail(world.calls("a")[0])
    (held,) = world.machine.held()
    world.send(Retry(held.id, token="r"))
    world.echo(world.calls("a")[0])
    assert world.all(Reply, token="r")[0].value["a"]["outputStates"] == {"out": [1]}


def test_a_generator_is_stepped_window_by_window_and_not_undone_in_the_middle():
    world = paused(1, wire_messages=2)
    world.send(Step(token="s"))
    call = world.calls("a")[0]
    out = Output("a", "out", batch(*range(512)), tuple(range(512)), (0,) * 512)
    world.send(Returned(call.call, 0, 512, (out,)))
    assert world.all(Reply, token="s")[0].value == {}
    assert "in the middle of its message" in back(world).error[1]
    world.send(Step(node="a", token="t"))
    world.give(call)
    assert world.all(Reply, token="t")[0].value["a"]["inputStates"] == {"in": 1}


def test_continue_refuses_steps_that_still_wait():
    world = World(flow("a>b"))
    world.inject("a", 1)
    world.send(Step(token="s"))
    world.send(Pause("p"))
    commands = world.send(Continue("c"))
    assert [(r.token, r.error is None) for r in commands if isinstance(r, Reply)] == [("s", False), ("p", True), ("c", True)]


def test_a_fork_starts_from_the_states_before_the_message():
    world = World(flow("a>b"), debug=True)
    world.inject("a", 1, 2)
    from floe_jupyter.core.machine.events import StateChange

    for n in (1, 2):
        call = world.calls("a")[0]
        world.give(call, states=(StateChange("a", set={"n": n}),))
    first, second = world.machine.history("a")
    assert world.machine.at(first.id)[3] == {"a": {}, "b": {}}
    node, port, message, states = world.machine.at(second.id)
    assert (node, port, values(message), states) == ("a", "in", [2], {"a": {"n": 1}, "b": {}})
    assert world.machine.history(limit=1) == [second]
    world.send(Pause())
    world.inject("a", 3)
    held = world.machine.held()[0]
    assert world.machine.at(f"{held.id}@a")[3] == {"a": {"n": 2}, "b": {}}


def test_switching_debugging_on_names_what_waits_and_gets_back_what_is_under_way():
    world = World(flow("a>b"))
    world.inject("a", 1, 2)
    assert Recall("a", 0) in world.send(Debug(token=1))
    world.give(world.calls("a")[0], consumed=0)
    assert world.calls("a")[0].batch.n == 1
    world.send(Debug(on=False, token=2))
    assert not world.machine.view().debug


def test_end_nodes_are_stepped_like_others():
    world = World(flow("a>done", nodes=[Node("done", "end", kind="task")]))
    world.send(Pause())
    world.inject("a", 1)
    step(world)
    assert list(step(world)) == ["done"]
    assert back(world).error is None
    step(world)
    assert world.send(Continue())[0] == Ended(1, "done", fed=1)


def test_messages_keep_their_ids_over_runs_of_the_same_events():
    def ids() -> list[str]:
        world = World(flow("a>b", "a>c"), debug=True)
        world.send(Inject("a", Batch(b"[1,2]", 2, 1)))
        world.echo(world.calls("a")[0])
        return [c.batch.ids[0] for c in world.calls()]

    assert ids() == ids()


def test_of_each_node_at_most_so_many_held_messages_are_told():
    world = paused(1, 2, 3)
    step(world)
    assert [(h.node, h.value) for h in world.machine.held(limit=1)] == [("a", 2), ("b", 1)]
    assert [(h.node, h.value) for h in world.machine.held()] == [("a", 2), ("a", 3), ("b", 1)]
