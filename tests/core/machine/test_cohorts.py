"""Runs that come together at a join: taken as one they must give what they give one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import CancelRun, Debug, Ended, Rewire
from floe_jupyter.core.messages import pieces, texts
from tests.core.machine.machine_kit import World, flow, modules_of, values

SOURCES = "abc"
RUNS = tuple(range(1, 7))
JOIN = flow("a>j", "b>j", "c>j", nodes=[Node("j", "j", join="all")])


def world() -> World:
    return World(JOIN, fail_fast=False)


def cohorts(at: World) -> list[tuple[int, ...]]:
    table = at.machine._instance.nodes["j"].joins
    assert table is not None
    return [cohort.runs for cohort in table.cohorts]


def come(at: World, source: str, *runs: int, value: Callable[[str, int], Any] = lambda source, run: f"{source}{run}") -> None:
    """One message of each run, through its source to the join."""
    at.inject(source, *(value(source, run) for run in runs), runs=runs)
    for call in at.calls(source):
        at.echo(call)


def joined(at: World) -> list[tuple[int, Any]]:
    """What the join's node was called with so far: run and message."""
    found = []
    while calls := at.calls("j"):
        found += [(calls[0].batch.run_of(i), value) for i, value in enumerate(values(calls[0].batch))]
        at.give(calls[0])
    return found


def test_runs_that_come_together_on_every_wire_are_joined_as_one():
    at = world()
    for source in "acb":
        assert joined(at) == []
        come(at, source, 1, 2, 3)
        assert cohorts(at) == [(1, 2, 3)]
    assert joined(at) == [(run, {"a": f"a{run}", "b": f"b{run}", "c": f"c{run}"}) for run in (1, 2, 3)]


def test_one_that_comes_alone_takes_them_apart():
    at = world()
    come(at, "a", 1, 2, 3)
    come(at, "b", 2)
    assert cohorts(at) == []
    come(at, "b", 1, 3)
    come(at, "c", 1, 2, 3)
    assert sorted(run for run, _ in joined(at)) == [1, 2, 3]


def test_a_run_that_is_there_twice_or_known_already_is_not_gathered():
    at = world()
    come(at, "a", 1, 1, 2)
    assert cohorts(at) == []
    come(at, "a", 2, 3)
    assert cohorts(at) == []
    come(at, "a", 4, 5)
    assert cohorts(at) == [(4, 5)]
    come(at, "b", 5, 6)
    assert cohorts(at) == []


def test_a_second_message_of_a_wire_is_dropped_before_and_after_they_fired():
    at = world()
    for source in "aabbcabc":
        come(at, source, 1, 2)
    come(at, "a", 2, 1)
    assert joined(at) == [(run, {source: f"{source}{run}" for source in SOURCES}) for run in (1, 2)]


def test_a_run_that_is_cancelled_leaves_the_others_whole():
    at = world()
    come(at, "a", 1, 2, 3)
    at.send(CancelRun(2))
    come(at, "b", 1, 3)
    come(at, "c", 1, 3)
    assert [run for run, _ in joined(at)] == [1, 3]


def test_runs_that_end_one_by_one_are_forgotten_when_all_are_over():
    at = world()
    for source in SOURCES:
        come(at, source, 1, 2)
    joined(at)
    at.send(CancelRun(1))
    assert cohorts(at) == [(1, 2)]
    come(at, "a", 2, 3)
    assert cohorts(at) == []
    assert joined(at) == [], "run 2 has fired, and run 3 waits"
    at.send(CancelRun(2))
    again = world()
    for source in SOURCES:
        come(again, source, 1, 2)
    for run in (2, 1):
        again.send(CancelRun(run))
    assert cohorts(again) == []


def test_a_failure_poisons_its_own_run_alone():
    at = world()
    come(at, "a", 1, 2, 3)
    at.inject("b", "bad", run=2)
    at.fail(at.calls("b")[0])
    for source in "bc":
        come(at, source, 1, 3)
    assert [run for run, _ in joined(at)] == [1, 3]


def test_they_wait_on_when_somebody_looks():
    at = world()
    come(at, "a", 1, 2)
    at.send(Debug(True))
    at.inject("b", "b1", run=1)
    at.echo(at.calls("b")[0])
    at.send(Debug(False))
    come(at, "b", 2)
    at.send(Rewire(flow("a>j", "b>j", nodes=[Node("j", "j", join="all"), Node("c", "c")]), tuple(modules_of(JOIN).values())))
    assert joined(at) == [(run, {"a": f"a{run}", "b": f"b{run}"}) for run in (1, 2)]


def test_they_are_taken_apart_when_a_wire_goes():
    at = world()
    come(at, "a", 1, 2)
    come(at, "b", 1, 2)
    at.send(Rewire(flow("a>j", "b>j", nodes=[Node("j", "j", join="all"), Node("c", "c")]), tuple(modules_of(JOIN).values())))
    assert joined(at) == [(run, {"a": f"a{run}", "b": f"b{run}"}) for run in (1, 2)]


def test_too_much_that_waits_fails_its_runs():
    at = World(flow("a>j", "b>j", nodes=[Node("j", "j", join="all")]), fail_fast=False, wire_messages=2)
    for first in range(1, 400, 2):
        come(at, "a", first, first + 1)
    assert at.all(Ended, status="failed")


Step = tuple[str, str, list[int]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("come", "come", "come", "come", "fail", "cancel")),
        st.sampled_from(SOURCES),
        st.lists(st.sampled_from(RUNS), min_size=1, max_size=6),
    ),
    max_size=14,
)
VALUES: list[Callable[[str, int], Any]] = [
    lambda source, run: run * 10 + ord(source),
    lambda source, run: {source: [run, '",']},
    lambda source, run: None,
    lambda source, run: [run] * 2,
]


def played(steps: list[Step], value: Callable[[str, int], Any], together: bool) -> dict[int, Any]:
    at = world()
    over: set[int] = set()
    for kind, source, runs in steps:
        left = [run for run in runs if run not in over]
        if kind == "come":
            for group in [left] if together and left else [[run] for run in left]:
                come(at, source, *group, value=value)
        elif kind == "fail" and left:
            at.inject(source, 0, run=left[0])
            at.fail(at.calls(source)[0])
        elif kind == "cancel" and left:
            at.send(CancelRun(left[0]))
            over.add(left[0])
    return dict(joined(at))


@given(STEPS, st.sampled_from(VALUES))
def test_together_or_one_by_one_the_same_messages_are_joined(steps: list[Step], value: Callable[[str, int], Any]):
    assert played(steps, value, together=True) == played(steps, value, together=False)


@given(st.sampled_from(VALUES), st.integers(1, 5))
def test_the_pieces_of_an_array_are_its_texts(value: Callable[[str, int], Any], n: int):
    payload = orjson.dumps([value("a", i) for i in range(n)])
    assert [bytes(piece) for piece in pieces(payload)] == texts(payload)
