"""Defects seen in comparable systems, each as a test with its number (D11 and D15 are tested with versions and the notation)."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.flow.model import RetryPolicy
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.messages import Batch, encode_plain
from tests.core.simulation.driver import Driver
from tests.core.simulation.fake_modules import Context, Fake, Raised, plain
from tests.core.simulation.making import make_flow

same = plain(lambda value: value)


def failing(value: Any, c: Context) -> list[tuple[str, Any]]:
    raise Raised("no")


def merge_flow(k: int, join: str, **options: Any) -> tuple[Any, dict[str, Fake]]:
    """k predecessors p0 ... of one join j."""
    flow = make_flow(", ".join(f"p{i}>j" for i in range(k)), {"j": {"join": join, **options}})
    return flow, {n.id: same for n in flow.nodes}


def orders(k: int) -> list[tuple[int, ...]]:
    """Every order of k predecessors; for many, 60 of them."""
    if k <= 4:
        return list(itertools.permutations(range(k)))
    rng = random.Random(k)
    return [tuple(rng.sample(range(k), k)) for _ in range(60)]


def arrive(driver: Driver, order: tuple[int, ...]) -> Driver:
    """The predecessors speak in this order, each when the one before is through."""
    driver.start().settle()
    for i in order:
        driver.feed(f"p{i}", [i], close=False).settle()
    driver.handle(ev.CloseRun(1))
    driver.settle()
    return driver


@pytest.mark.parametrize("k", range(2, 9))
def test_D1_an_any_join_of_predecessors_that_all_succeed_fires_once_and_the_run_stays_done(k):
    for order in orders(k):
        driver = arrive(Driver(*merge_flow(k, "any")), order)
        assert (driver.outputs("j"), driver.status()) == ([order[0]], "done"), order
        assert len([c for c in driver.log if isinstance(c, ev.Ended)]) == 1


@pytest.mark.parametrize("k", range(2, 9))
def test_D1_in_any_interleaving_too(k):
    for seed in range(20):
        driver = Driver(*merge_flow(k, "any"), seed=seed).start()
        for i in range(k):
            driver.feed(f"p{i}", [i])
        driver.settle()
        assert driver.status() == "done"
        assert len(driver.outputs("j")) == 1


@pytest.mark.parametrize("fail_fast", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("ready", [True, False])
def test_D2_a_failed_predecessor_cancels_an_any_join_that_has_not_run(fail_fast, order, ready):
    flow, library = merge_flow(2, "any")
    library["p0"] = Fake(failing)
    driver = Driver(flow, library, fail_fast=fail_fast)
    if not ready:  # the join is locked by p1, if that comes first, but cannot run
        driver.handle(ev.Break("b", "j"))
    arrive(driver, order)
    driver.handle(ev.Continue())
    driver.settle()
    ran_first = ready and order == (1, 0)
    assert driver.status() == "failed"
    assert driver.consumed("j") == ([1] if ran_first else [])
    assert [f.node for f in driver.ended[1].failures][:1] == ["p0"]
    assert len([c for c in driver.log if isinstance(c, ev.Ended)]) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_D2_tolerate_lets_the_join_run(order):
    flow, library = merge_flow(2, "any", tolerate=True)
    library["p0"] = Fake(failing)
    driver = arrive(Driver(flow, library, fail_fast=False), order)
    assert driver.consumed("j") == [1]


@given(st.lists(st.integers(0, 3), max_size=12))
@settings(deadline=None)
def test_D3_an_all_join_counts_wires_not_deliveries(deliveries):
    driver = Driver(*merge_flow(4, "all")).start()
    driver.settle()
    seen: dict[int, int] = {}
    for n, i in enumerate(deliveries):
        driver.feed(f"p{i}", [n], close=False).settle()
        seen.setdefault(i, n)
        assert len(driver.consumed("j")) == (1 if len(seen) == 4 else 0)
    if len(seen) == 4:
        assert driver.consumed("j") == [{f"p{i}": seen[i] for i in range(4)}]


class Recorder:
    """A module that remembers what it was really asked to do."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, value: Any, c: Context) -> list[tuple[str, Any]]:
        self.asked.append(value)
        c.state["n"] = c.state.get("n", 0) + 1
        return [("out", value + 1)]


def test_D5_a_declared_timeout_is_enforced():
    driver = Driver(make_flow("", {"a": {"timeout": 0.1}}), {"a": plain(lambda v: v, takes=0.6)}).run("a", [1])
    assert driver.status() == "failed"
    assert driver.now == pytest.approx(0.1)
    assert [f.kind for f in driver.ended[1].failures] == ["timeout"]


def test_D5_a_declared_back_off_is_waited_for():
    node = {"a": {"on_error": "retry", "retry": RetryPolicy(3, 0.5)}}
    driver = Driver(make_flow("", node), {"a": Fake(failing)}).run("a", [1])
    assert driver.status() == "failed"
    assert driver.now == pytest.approx(0.5 + 1.0 + 2.0)
    assert len(driver.calls("a")) == 4


def test_D5_jitter_lengthens_the_wait_by_its_part_at_most_and_always_by_the_same():
    node = {"a": {"on_error": "retry", "retry": RetryPolicy(3, 0.5, 0.2)}}
    times = [Driver(make_flow("", node), {"a": Fake(failing)}).run("a", [1]).now for _ in range(2)]
    assert times[0] == times[1]
    assert 3.5 * 0.8 <= times[0] <= 3.5 * 1.2


def stepping(steps: int) -> tuple[Driver, Recorder, Recorder]:
    one, two = Recorder(), Recorder()
    driver = Driver(make_flow("a>b"), {"a": Fake(one), "b": Fake(two)}).start()
    driver.ask(ev.Pause)
    driver.feed("a", [10, 20, 30]).settle()
    for _ in range(steps):
        driver.ask(ev.Step)
    return driver, one, two


def test_D6_one_step_is_one_message_of_each_node():
    driver, one, two = stepping(1)
    assert (one.asked, two.asked) == ([10], [])
    driver.ask(ev.Step)
    assert (one.asked, two.asked) == ([10, 20], [11])


@given(st.lists(st.booleans(), max_size=12))
@settings(deadline=None, max_examples=40)
def test_D6_however_often_one_steps_back_and_forth_no_user_code_runs_twice(moves):
    driver, one, two = stepping(2)
    at = 2
    for forth in moves:
        if forth and at < 4:  # a fifth step finds nothing to do, and so ends the run for good
            driver.ask(ev.Step)
            at += 1
        elif not forth and at > 0:
            driver.ask(ev.Back)
            at -= 1
        counts = [min(at, 3), max(0, min(at - 1, 3))]
        assert [driver.machine.states().get(n, {}).get("n", 0) for n in "ab"] == counts
    assert one.asked == [10, 20, 30][: len(one.asked)]
    assert two.asked == [11, 21, 31][: len(two.asked)]
    driver.handle(ev.Continue())
    driver.settle()
    assert (one.asked, two.asked) == ([10, 20, 30], [11, 21, 31])
    assert (driver.outputs("b"), driver.status()) == ([12, 22, 32], "done")


def test_D8_two_inputs_of_a_join_two_days_apart_still_fire_it():
    driver = Driver(*merge_flow(2, "all")).start()
    driver.feed("p0", [1], close=False).settle()
    for hour in range(1, 49):
        driver.now = hour * 3600.0
        driver.handle(ev.Tick())
    driver.feed("p1", [2]).settle()
    assert (driver.outputs("j"), driver.status()) == ([{"p0": 1, "p1": 2}], "done")


@pytest.mark.parametrize(
    ("join", "order", "value"),
    [
        ("any", (0, 0), 0),
        ("any", (0, 1, 0, 1), 0),
        ("all", (0, 1, 1), {"p0": 0, "p1": 1}),
        ("all", (0, 0, 1, 0, 1), {"p0": 0, "p1": 1}),
    ],
)
def test_D10_a_join_fires_at_most_once_a_run(join, order, value):
    driver = arrive(Driver(*merge_flow(2, join)), order)
    assert (driver.consumed("j"), driver.status()) == ([value], "done")


def test_D10_once_more_in_the_next_run():
    driver = Driver(*merge_flow(2, "any")).start()
    driver.feed("p0", [1, 2], run=1).feed("p1", [3, 4], run=2).settle()
    assert driver.consumed("j") == [1, 3]


def test_D12_one_dangling_branch_does_not_end_the_run_of_the_others():
    nothing = Fake(lambda value, c: [])
    for seed in range(20):
        library = {"a": same, "b": nothing, "c": plain(lambda v: v, takes=5.0), "d": same}
        driver = Driver(make_flow("a>b, a>c, c>d"), library, seed=seed).run("a", [1])
        assert (driver.outputs("d"), driver.status()) == ([1], "done")


def test_D14_what_happens_to_a_run_is_told_in_order():
    for seed in range(20):
        driver = Driver(make_flow("a>b, b>c"), dict.fromkeys("abc", same), seed=seed).run("a", list(range(100)), chunk=7)
        assert driver.outputs("c") == list(range(100))
        mine = [c for c in driver.log if isinstance(c, ev.Result | ev.Ended)]
        assert isinstance(mine[-1], ev.Ended)
        assert not any(isinstance(c, ev.Ended) for c in mine[:-1])


@given(st.integers(1, 6), st.integers(0, 8))
@settings(deadline=None, max_examples=30)
def test_D16_the_depth_shown_is_the_depth_counted(messages, steps):
    driver = Driver(make_flow("a>b"), {"a": same, "b": same}).start()
    driver.ask(ev.Pause)
    driver.feed("a", list(range(messages)), close=False).settle()
    for step in range(steps + 1):
        at_a = max(0, messages - step)
        at_b = min(1, step) if at_a or step == messages else 0
        assert (driver.depth("a"), len(driver.held("a"))) == (at_a, at_a), step
        assert (driver.depth("b"), len(driver.held("b"))) == (at_b, at_b), step
        driver.ask(ev.Step)


def test_D17_a_retry_is_visible_with_its_attempt_and_its_next_try():
    node = {"a": {"on_error": "retry", "retry": RetryPolicy(2, 1.0)}}
    driver = Driver(make_flow("", node), {"a": Fake(failing)}).run("a", [1])
    told = [n.data for n in driver.notices if n.kind == "retry"]
    assert [(t["attempt"], t["at"]) for t in told] == [(2, 1.0), (3, 3.0)]
    assert driver.ended[1].failures[0].attempts == 3


@pytest.mark.parametrize("given_", [[], [("out", None)]])
def test_D18_no_output_and_null_are_not_errors(given_):
    driver = Driver(make_flow("a>b"), {"a": Fake(lambda value, c: given_), "b": same}).run("a", [1, 2])
    assert driver.status() == "done"
    assert driver.outputs("b") == [None, None] * len(given_)


def test_D19_a_branch_that_is_not_taken_does_not_keep_the_run():
    choose = Fake(lambda value, c: [("yes" if value % 2 else "no", value)])
    driver = Driver(make_flow("a.yes>b, a.no>c"), {"a": choose, "b": same, "c": same}).run("a", [1, 3])
    assert (driver.outputs("b"), driver.outputs("c"), driver.status()) == ([1, 3], [], "done")


late_events = st.sampled_from(
    [
        ev.CloseRun(1),
        ev.CancelRun(1),
        ev.Tick(),
        ev.Continue(),
        ev.Pause(),
        ev.Step(),
        ev.RuntimeLost("a-0:1", "late"),
        ev.Back(),
        ev.Inject("a", Batch(encode_plain([9]), 1, run=1), token="late"),
        ev.Debug(),
        ev.Break("b", "a"),
        ev.Unbreak(),
    ]
)


@given(st.lists(late_events, max_size=6), st.sampled_from(["done", "failed", "cancelled"]), st.booleans())
@settings(deadline=None)
def test_D23_whatever_comes_late_an_ended_run_stays_as_it_is(late, status, debug):
    library = {"a": Fake(failing) if status == "failed" else same, "b": same}
    driver = Driver(make_flow("a>b"), library, debug=debug).start()
    driver.feed("a", [1, 2])
    driver.settle(lambda: status == "cancelled" and bool(driver.calls("a")))
    if status == "cancelled":
        driver.handle(ev.CancelRun(1))
    driver.settle()
    results, ended = list(driver.results), driver.ended[1]
    assert ended.status == status
    for event in late:
        driver.handle(event)
        driver.settle()
    assert (driver.results, driver.ended[1], driver.machine.view().runs[1]) == (results, ended, status)
