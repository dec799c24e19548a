"""The shape of a flow: beginnings, what lies behind a node, circles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.flow.graph import components, cycle_wires, downstream, sources, upstream
from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.errors import UnknownName


def graph(text: str) -> Flow:
    """``a>b b>c d`` as a flow."""
    parts = [part.split(">") for part in text.split()]
    names = dict.fromkeys(name for part in parts for name in part)
    return Flow("f", tuple(Node(n, n) for n in names), tuple(Wire(p[0], p[1]) for p in parts if len(p) == 2))


@pytest.mark.parametrize(("text", "begins"), [("a>b c>b d", ("a", "c", "d")), ("a>a", ()), ("", ()), ("a>b b>a", ())])
def test_sources_have_no_incoming_wires(text: str, begins: tuple[str, ...]) -> None:
    assert sources(graph(text)) == begins


def test_downstream_is_the_node_and_what_its_messages_can_reach() -> None:
    flow = graph("z>a a>b b>c c>b d>c c>e")
    assert downstream(flow, "a") == ("a", "b", "c", "e")
    assert downstream(flow, "e") == ("e",)
    assert upstream(flow, "c") == ("z", "a", "b", "c", "d")


def test_downstream_of_an_unknown_node_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'clean'"):
        downstream(graph("clean>mean"), "claen")


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("a>b b>c", ""),
        ("a>a", "a>a"),
        ("a>b b>a", "a>b b>a"),
        ("a>b b>c c>a c>d d>e e>d", "a>b b>c c>a d>e e>d"),
        ("a>b a>c b>d c>d", ""),
        ("a>b b>c c>b c>d d>b e>a", "b>c c>b c>d d>b"),
        ("a>b b>c d>c c>d x>a", "c>d d>c"),
    ],
)
def test_wires_on_a_cycle_are_found(text: str, cycle: str) -> None:
    assert cycle_wires(graph(text)) == {f"{a}.out>{b}.in" for a, b in (part.split(">") for part in cycle.split())}


def test_a_circle_of_twenty_thousand_nodes_is_found_without_deep_recursion() -> None:
    names = [f"n{i}" for i in range(20_000)]
    wires = tuple(Wire(a, b) for a, b in pairwise([*names, names[0]]))
    ring = Flow("f", tuple(Node(n, n) for n in names), wires)
    assert len(cycle_wires(ring)) == 20_000
    assert len(downstream(ring, "n5")) == 20_000


def test_what_is_behind_comes_before_what_is_in_front() -> None:
    assert components(graph("a>b b>c c>b c>d")) == {"d": 0, "c": 1, "b": 1, "a": 2}


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), unique=True))
def test_a_wire_is_on_a_cycle_when_its_source_can_be_reached_from_its_target(pairs: list[tuple[str, str]]) -> None:
    flow = Flow("f", tuple(Node(n, n) for n in "abcdef"), tuple(Wire(a, b) for a, b in pairs))
    assert cycle_wires(flow) == {w.name for w in flow.wires if w.source in downstream(flow, w.target)}
