"""Random flows that fail, are mended, cancelled, flooded or rewired: what ends is ended once, what goes on loses nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.machine import events as ev
from tests.core.simulation import plays
from tests.core.simulation.cases import Case, failing_case, random_case
from tests.core.simulation.driver import Driver
from tests.core.simulation.fake_modules import Context, Fake, plain
from tests.core.simulation.making import make_flow, make_modules
from tests.core.simulation.test_comparison import SEEDS, shared


def each(make: Callable[[int], Case], act: Callable[[Case], None], seeds: list[int]) -> None:
    for seed in seeds:
        case = make(seed)
        try:
            act(case)
        except BaseException as error:
            error.add_note(f"play again with FLOE_SEED={seed}: {[w.name for w in case.flow.wires]} {case.roles}")
            raise


def failed_runs(driver: Driver) -> set[int]:
    """The runs of which a module was seen to fail that is not to be tried again."""
    policies = {n.id: n.on_error for n in driver.flow.nodes}
    return {e.failure.run for e in driver.log if isinstance(e, ev.Returned) and e.failure and policies[e.failure.node] == "fail"}


@shared(100)
@pytest.mark.parametrize("fail_fast", [True, False])
@pytest.mark.parametrize("debug", [True, False])
def test_a_run_fails_exactly_when_one_of_its_modules_does(fail_fast, debug, seeds):
    def act(case: Case) -> None:
        driver = plays.free(case, fail_fast=fail_fast, debug=debug)
        failed = failed_runs(driver)
        runs = {run for run, _, _ in case.feeds}
        case.check_possible(driver, {run: "failed" if run in failed else "done" for run in runs}, runs - failed)

    each(failing_case, act, seeds)


def mend(driver: Driver, case: Case, *, retry: bool) -> None:
    """Fix every module that failed, then try its messages again, until nothing is held."""
    mended: set[str] = set()
    for _ in range(200):
        driver.settle()
        held = [h for h in driver.held() if h.reason == "error"]
        if not held:
            return
        for node in dict.fromkeys(h.node for h in held if h.node not in mended):
            old = make_modules(case.flow)[node]
            driver.ask(ev.Update, Module(node, node, version=2, outputs=old.outputs))
            mended.add(node)
        if retry:
            for message in held:
                driver.ask(ev.Retry, message.id)
        else:
            driver.ask(ev.Continue)
    raise AssertionError(f"still held: {driver.held()}")


@shared(100)
@pytest.mark.parametrize("retry", [True, False])
def test_a_module_that_fails_is_mended_and_its_very_message_tried_again(retry, seeds):
    def act(case: Case) -> None:
        driver = plays.feed(plays.driver_of(case, debug=True, hold_errors=True), case)
        mend(driver, case, retry=retry)
        case.check(driver)

    each(failing_case, act, seeds)


@shared(100)
def test_a_module_is_mended_while_processes_crash(seeds):
    def act(case: Case) -> None:
        driver = plays.feed(plays.driver_of(case, debug=True, hold_errors=True), case)
        driver.crashes, driver.jumps = 2, True
        mend(driver, case, retry=True)
        case.check(driver)

    each(failing_case, act, seeds)


@shared(100)
@pytest.mark.parametrize("debug", [True, False])
def test_a_cancelled_run_ends_when_nothing_of_it_is_at_work_and_the_others_are_whole(debug, seeds):
    def act(case: Case) -> None:
        driver = plays.feed(plays.driver_of(case, debug=debug), case)
        for _ in range(random.Random(case.seed).randint(0, 60)):
            driver.move()
        before = driver.ended.get(1)
        driver.handle(ev.CancelRun(1))
        opened = driver.machine.view().runs.get(1) in {"cancelling", "cancelled"}
        driver.settle()
        runs = {run for run, _, _ in case.feeds}
        statuses = dict.fromkeys(runs, "done") | ({1: "cancelled"} if opened and before is None else {})
        case.check_possible(driver, statuses, {run for run, status in statuses.items() if status == "done"})

    each(random_case, act, seeds)


def flood(n: int) -> Fake:
    def call(value: Any, c: Context) -> Any:
        for i in range(n):
            yield "out", [value, i]

    return Fake(call, fusable=False)


@pytest.mark.parametrize("limit", [3, 100, 1000])
@pytest.mark.parametrize("crashes", [0, 2])
def test_a_generator_of_thousands_is_held_back_and_loses_nothing(limit, crashes):
    for seed in range(3):
        library = {"a": flood(1100), "b": plain(lambda v: v), "c": plain(lambda v: v)}
        driver = Driver(make_flow("a>b, b>c"), library, seed=seed, wire_messages=limit)
        driver.crashes = crashes
        driver.run("a", [1])
        assert driver.status() == "done"
        assert driver.outputs("c") == [[v, i] for v in (1,) for i in range(1100)]


@pytest.mark.parametrize("limit", [2, 5])
def test_a_slow_node_holds_back_the_whole_flow_before_it(limit):
    library = {"a": plain(lambda v: v), "b": plain(lambda v: v), "c": plain(lambda v: v, takes=1.0)}
    driver = Driver(make_flow("a>b, b>c"), library, seed=1, wire_messages=limit).start()
    driver.feed("a", list(range(2000)), chunk=1)
    driver.settle(lambda: driver.now >= 3.0)
    on_the_way = len(driver.calls("a")) and sum(c.batch.n for c in driver.calls("a")) - len(driver.consumed("c"))
    assert on_the_way <= 3 * (ev.CREDIT * ev.CHUNK + limit + ev.CHUNK), on_the_way


@pytest.mark.parametrize("crashes", [0, 3])
@pytest.mark.parametrize("debug", [True, False])
def test_nodes_move_between_runners_while_the_flow_runs_and_order_and_state_go_on(debug, crashes):
    for seed in SEEDS[:40]:
        rng = random.Random(seed)
        flow = make_flow("a>b, b>c")
        library = {name: Fake(lambda v, c: [("out", [*v, count_up(c)])]) for name in "abc"}
        driver = Driver(flow, library, seed=seed, debug=debug, group=lambda node, _, rng=rng: rng.choice(("one", node)))
        driver.crashes = crashes
        driver.start().feed("a", [[n] for n in range(40)], chunk=5)
        for version in range(2, 8):
            for _ in range(rng.randint(0, 30)):
                driver.move()
            nodes = tuple(Node(n.id, n.module, runner=rng.choice(("", "local:b", "local:c"))) for n in flow.nodes)
            driver.ask(ev.Rewire, Flow("f", nodes, flow.wires, version=version), tuple(make_modules(flow).values()))
        driver.settle()
        assert driver.status() == "done", f"seed {seed}"
        assert driver.outputs("c") == [[n, n, n, n] for n in range(40)], f"seed {seed}"
        assert [(n.id, n.runner) for n in driver.machine.view().nodes] == [(n.id, n.runner) for n in nodes], f"seed {seed}"


def count_up(context):
    """Return the number of messages before this one, by the state."""
    n = context.state["n"] = context.state.get("n", -1) + 1
    return n


@pytest.mark.parametrize("debug", [True, False])
def test_a_flow_is_rewired_while_it_runs_and_no_message_is_lost(debug):
    for seed in SEEDS[:40]:
        flow = make_flow("a>b")
        library = {name: plain(lambda v: v) for name in "abc"}
        driver = Driver(flow, library, seed=seed, debug=debug).start().feed("a", list(range(40)), chunk=3)
        for _ in range(random.Random(seed).randint(0, 60)):
            driver.move()
        longer = Flow("f", (*flow.nodes, Node("c", "c")), (*flow.wires, Wire("b", "c")), version=2)
        driver.ask(ev.Rewire, longer, (Module("c", "c"),))
        driver.settle()
        assert driver.status() == "done", f"seed {seed}"
        assert driver.outputs("b") + driver.outputs("c") == list(range(40)), f"seed {seed}"
