"""A flow written as notation and read again is the same flow."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from floe_jupyter.core.flow.check import check
from floe_jupyter.core.flow.model import Flow, Node, RetryPolicy, Wire
from floe_jupyter.core.notation.parser import parse, to_text
from floe_jupyter.core.notation.values import duration_text, quoted, unquoted

NAMES = ["a", "b1", "read", "x-y", "_z", "q"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DURATIONS = st.one_of(
    st.floats(0, 1e8, allow_subnormal=False), st.integers(0, 10**6).map(float), st.integers(0, 9_999).map(lambda n: n / 1000)
)
RETRIES = st.builds(RetryPolicy, st.integers(1, 99), DURATIONS, st.floats(0, 1))
WIRES = st.builds(
    Wire,
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.sampled_from(["out", "error", "bad"]),
    st.sampled_from(["in", "in", "left"]),
)


@st.composite
def modules(draw: st.DrawFn, name: str) -> Node:
    join = draw(st.sampled_from(["each", "all", "any"]))
    workers = draw(st.integers(1, 9))
    retry = draw(st.none() | RETRIES)
    return Node(
        name,
        draw(st.sampled_from(["clean", "m", name])),
        join=join,
        workers=workers,
        retry=retry,
        key=draw(st.sampled_from(["", "msg['id']", 'msg.x or "y"'])) if join != "each" else "",
        tolerate=join == "any" and draw(st.booleans()),
        by=draw(st.sampled_from(["", "msg"])) if workers > 1 else "",
        on_error="retry" if retry else draw(st.sampled_from(["fail", "skip", "hold"])),
        timeout=draw(DURATIONS),
        runner=draw(st.sampled_from(["", "local:", "local:b", *["local:b, local:c"] * (workers > 1)])),
    )


def nodes(name: str) -> st.SearchStrategy[Node]:
    return st.one_of(
        modules(name),
        modules(name),
        st.just(Node(name, "end", "task")),
        st.just(Node(name, "all", "task", "all", key="msg")),
        st.builds(lambda path: Node(name, "file", "pub", args={"path": path, "append": False}), TEXTS),
        st.builds(lambda every: Node(name, "timer", "trigger", args={"every": every, "count": 3}), DURATIONS),
    )


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    made = [draw(nodes(name)) for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))]
    known = {node.id for node in made}
    wires = [w for w in draw(st.lists(WIRES, unique=True, max_size=8)) if w.source in known and w.target in known]
    targets = {w.target for w in wires}
    calm = [n if n.id in targets or n.join == "each" else Node(n.id, "m") for n in made]
    return Flow("f", tuple(calm), tuple(wires))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(flows())
def test_a_flow_written_and_read_again_is_the_same(flow: Flow) -> None:
    assume(not check(flow))
    text = to_text(flow)
    assert parse(text, "f") == msgspec.structs.replace(flow, source=text)


@settings(deadline=None)
@given(DURATIONS)
def test_a_duration_written_and_read_again_is_the_same(seconds: float) -> None:
    assert parse(f"a = m(timeout={duration_text(seconds)})", "f").nodes[0].timeout == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0ms"), (0.25, "250ms"), (1.0, "1s"), (90.0, "90s"), (7200.0, "2h"), (86400.0, "1d"), (0.1234567, "0.1234567s")],
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@settings(deadline=None)
@given(TEXTS)
def test_a_text_in_quotes_is_on_one_line_and_says_the_same(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert len(quoted(text).splitlines()) == 1


def test_a_flow_is_written_with_its_wires_first_where_the_order_allows() -> None:
    flow = parse("read -> c -> mean\nc = clean(workers=2, tolerate=false)", "f")
    assert to_text(flow) == "read -> c\nc -> mean\nc = clean(workers=2)\n"


def test_nodes_come_first_where_the_order_of_the_wires_would_change_theirs() -> None:
    assert to_text(parse("b\na -> b", "f")) == "b\na\na -> b\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [("a\nb", '"a\\x0ab"'), ("\u2028", '"\\u2028"'), ("\U000e0001", '"\\U000e0001"'), ('it\'s "so"', '"it\'s \\"so\\""')],
)
def test_what_cannot_be_seen_is_escaped(text: str, written: str) -> None:
    assert quoted(text) == written
    assert unquoted(written) == text


@pytest.mark.parametrize(
    "policy", ["retry(3)", "retry(3, backoff=2s)", "retry(3, backoff=2s, jitter=0.5)", "retry(3, jitter=0.5)"]
)
def test_a_policy_is_written_as_short_as_it_can_be(policy: str) -> None:
    text = f"a -> b\na = m(on_error={policy})\n"
    flow = parse(text, name="f")
    assert policy in to_text(flow)
    assert parse(to_text(flow), name="f").nodes == flow.nodes
