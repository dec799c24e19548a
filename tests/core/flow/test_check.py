"""What is wrong with a flow that did not come from a text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.flow.check import Problem, check, entries
from floe_jupyter.core.flow.model import Flow, Module, Node, RetryPolicy, Wire
from floe_jupyter.errors import DefinitionError, UnknownName

MODULES = {
    "read": Module("read", ""),
    "parse": Module("parse", "", outputs=("out", "bad")),
    "join": Module("join", "", inputs=("left", "right")),
}


def flow(*nodes: Node, wires: tuple[Wire, ...] = (), name: str = "f") -> Flow:
    return Flow(name, nodes, wires)


def said(problem_flow: Flow, modules: Any = MODULES) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(str(problem), problem.about) for problem in check(problem_flow, modules)]


def test_a_right_flow_has_no_problems() -> None:
    right = flow(
        Node("read", "read"),
        Node("parse", "parse", workers=2, by="msg"),
        Node("all", "all", "task", "all", key="msg.id"),
        wires=(Wire("read", "parse"), Wire("parse", "all", "bad"), Wire("read", "all", "error")),
    )
    assert check(right, MODULES) == []
    assert check(right) == []


def test_all_problems_are_found_at_once_and_each_can_be_raised() -> None:
    problems = check(flow(Node("a", "gone", workers=0), wires=(Wire("a", "b"),), name="No"), MODULES)
    assert [p.about for p in problems] == [("flow",), ("node", "a"), ("option", "a", "workers"), ("wire", 0, "target")]
    with pytest.raises(DefinitionError):
        raise problems[0]


@pytest.mark.parametrize(
    ("node", "message", "about"),
    [
        (Node("a", "raed"), "no module 'raed'; did you mean 'read'?", ("node", "a")),
        (Node("Ab c", "read"), "write 'ab_c'", ("node", "Ab c")),
        (Node("9", "read"), "write '_9'", ("node", "9")),
        (Node("a" * 101, "read"), "at most 100 characters, not 101", ("node", "a" * 101)),
        (
            Node("a", "read", args={"workers_": 1}),
            "takes options only, not 'workers_'; did you mean 'workers'?",
            ("option", "a", "workers_"),
        ),
        (Node("a", "read", workers=0), "workers=0: a node has 1 to 1000 workers", ("option", "a", "workers")),
        (Node("a", "read", workers=1001), "workers=1001", ("option", "a", "workers")),
        (Node("a", "read", timeout=-1.0), "write a duration like 30s", ("option", "a", "timeout")),
        (Node("a", "read", timeout=float("nan")), "write a duration like 30s", ("option", "a", "timeout")),
        (Node("a", "read", join="all"), "no wire leads to 'a'", ("option", "a", "join")),
        (Node("a", "read", key="msg"), "add join=all or join=any", ("option", "a", "key")),
        (Node("a", "read", tolerate=True), "add join=any", ("option", "a", "tolerate")),
        (Node("a", "read", by="msg"), "add workers=2 or more", ("option", "a", "by")),
        (Node("a", "read", by="mgs", workers=2), "column 1: no name 'mgs'; did you mean 'msg'?", ("option", "a", "by")),
        (Node("a", "read", on_error="retry"), "needs to know how often", ("option", "a", "on_error")),
        (Node("a", "read", retry=RetryPolicy(1)), "needs to know how often", ("option", "a", "on_error")),
        (Node("a", "read", on_error="retry", retry=RetryPolicy(0)), "at least 1 time", ("option", "a", "on_error")),
        (Node("a", "read", on_error="retry", retry=RetryPolicy(1, -1.0)), "at least 1 time", ("option", "a", "on_error")),
        (Node("a", "timr", "trigger", args={"every": 1.0}), "no trigger 'timr'; did you mean 'timer'?", ("node", "a")),
        (Node("a", "timer", "task", args={"every": 1.0}), "no task 'timer'", ("node", "a")),
        (Node("a", "timer", "trigger"), "timer needs every: write `a = timer(every=10s)`", ("node", "a")),
        (
            Node("a", "timer", "trigger", args={"every": "1s"}),
            "every of timer is a duration like 10s, not '1s'",
            ("option", "a", "every"),
        ),
        (Node("a", "timer", "trigger", args={"every": True}), "not True", ("option", "a", "every")),
        (
            Node("a", "timer", "trigger", args={"every": 1.0, "count": 0}),
            "count of timer is a count like 1, not 0",
            ("option", "a", "count"),
        ),
        (Node("a", "timer", "trigger", args={"every": 1.0, "count": True}), "not True", ("option", "a", "count")),
        (
            Node("a", "timer", "trigger", args={"evry": 1.0, "every": 1.0}),
            "no argument 'evry'; did you mean 'every'?",
            ("option", "a", "evry"),
        ),
        (Node("a", "timer", "trigger", args={"every": 1.0}, timeout=1.0), "timer takes no timeout", ("option", "a", "timeout")),
        (Node("a", "file", "pub", args={"path": 1}), "path of file is a text", ("option", "a", "path")),
        (
            Node("a", "file", "pub", args={"path": "x", "append": 1}),
            "append of file is a switch like true",
            ("option", "a", "append"),
        ),
        (Node("a", "all", "task"), "all joins by 'all', not 'each'", ("option", "a", "join")),
    ],
)
def test_a_wrong_node_is_told(node: Node, message: str, about: tuple[str, ...]) -> None:
    problems = check(flow(node), MODULES)
    assert about in [problem.about for problem in problems]
    assert message in "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (Wire("raed", "parse"), "no node 'raed' in this flow; did you mean 'read'?"),
        (Wire("read", "prase"), "no node 'prase' in this flow; did you mean 'parse'?"),
        (Wire("parse", "read", "bda"), "parse has no output 'bda'; did you mean 'bad'?"),
        (Wire("read", "join"), "join has no input 'in'; known: left, right"),
        (Wire("read", "join", "out", "error"), "join has no input 'error'"),
        (Wire("read", "timer"), "timer is a trigger (timer) and has no input"),
        (Wire("end", "read"), "end (end) passes nothing on: its only output is 'error'"),
        (Wire("read", "parse", "No", "in"), "a port cannot be called 'No'"),
    ],
)
def test_a_wrong_wire_is_told(wire: Wire, message: str) -> None:
    nodes = [
        *(Node(name, name) for name in MODULES),
        Node("timer", "timer", "trigger", args={"every": 1.0}),
        Node("end", "end", "task"),
    ]
    problems = check(flow(*nodes, wires=(wire,)), MODULES)
    assert message in str(problems[0])
    assert problems[0].about[:2] == ("wire", 0)


def test_two_nodes_of_one_name_and_two_wires_of_one_kind_are_told() -> None:
    twice = flow(Node("a", "read"), Node("a", "parse"), wires=(Wire("a", "a"), Wire("a", "a")))
    assert said(twice) == [
        ("two nodes are called 'a'; rename one", ("node", "a")),
        ("the wire a.out -> a.in is there twice; remove one", ("wire", 1, "target")),
    ]


def test_the_error_port_is_an_output_of_every_node_and_an_input_of_none() -> None:
    nodes = (Node("read", "read"), Node("parse", "parse"))
    assert said(flow(*nodes, wires=(Wire("read", "parse", "error"),))) == []
    assert len(said(flow(*nodes, wires=(Wire("read", "parse", "out", "error"),)))) == 1


def test_an_unknown_module_is_one_problem_and_its_ports_are_none() -> None:
    assert len(said(flow(Node("a", "gone"), wires=(Wire("a", "a", "x", "y"),)))) == 1


def test_with_names_only_ports_are_not_checked() -> None:
    assert said(flow(Node("a", "m"), wires=(Wire("a", "a", "x", "y"),)), ["m"]) == []


def test_a_problem_is_shown_without_a_traceback_and_travels_as_a_definition_error() -> None:
    assert isinstance(Problem("x", ("flow",)), DefinitionError)
    assert Problem("x", ("flow",)).kind == "definition"


def test_ten_thousand_nodes_are_checked() -> None:
    nodes = tuple(Node(f"n{i}", "read") for i in range(10_000))
    assert check(Flow("f", nodes, tuple(Wire(a.id, b.id) for a, b in pairwise(nodes))), MODULES) == []


def test_what_arrives_from_another_process_is_checked_like_what_was_typed() -> None:
    sent = msgspec.json.decode(b'{"name": "f", "nodes": [{"id": "a", "module": "raed"}]}', type=Flow)
    assert "did you mean 'read'?" in str(check(sent, MODULES)[0])


def test_input_goes_to_a_named_node_or_to_the_sources_and_never_to_a_port_that_is_not_there() -> None:
    modules = {"a": Module("a", "x"), "b": Module("b", "x", inputs=("left", "right"))}
    chain = Flow("f", (Node("a", "a"), Node("b", "b")), (Wire("a", "b", target_port="left"),))
    assert entries(chain, modules) == ("a",)
    assert entries(chain, modules, "b", "right") == ("b",)
    assert entries(chain, None, "b") == ("b",)  # nothing is known of its ports
    with pytest.raises(UnknownName, match="no node in flow 'f' 'c'"):
        entries(chain, modules, "c")
    with pytest.raises(
        UnknownName, match=r"no input port of node 'b' 'in'; known: left, right; write NODE\.port, such as b\.left"
    ):
        entries(chain, modules, "b")
    with pytest.raises(UnknownName, match="no input port of node 'a' 'x'"):
        entries(chain, {"a": Module("a", "x", inputs=())}, port="x")
    ring = msgspec.structs.replace(chain, wires=(*chain.wires, Wire("b", "a")))
    with pytest.raises(DefinitionError, match=r"every node of flow 'f' has incoming wires; .* --to NODE .*, such as a"):
        entries(ring, modules)
