"""Nothing ends uncounted: over random flows with joins, errors, skips, retries, error ports, cancels and crashes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine import events as ev
from tests.core.simulation import plays
from tests.core.simulation.cases import Case, random_case
from tests.core.simulation.driver import Driver
from tests.core.simulation.ledger import Ledger
from tests.core.simulation.test_comparison import shared


def lossy_case(seed: int) -> Case:
    """A random case whose joins fire once a run or a key, whose modules fail, skip and give records, and some of whose nodes
    are an `end`.
    """
    case, rng = random_case(seed), random.Random(f"{seed} lossy")
    nodes, wires = [], list(case.flow.wires)
    sources = {w.source for w in wires}
    for node in case.flow.nodes:
        if node.join != "each" and rng.random() < 0.6:
            node = Node(id=node.id, module=node.module, join=node.join, workers=node.workers)
        if case.roles[node.id] in ("map", "count", "filter") and node.workers == 1 and rng.random() < 0.3:
            case.roles[node.id] = "bad"
            node = Node(
                id=node.id, module=node.module, join=node.join, key=node.key, on_error=rng.choice(("fail", "fail", "skip"))
            )
        later = [n for n in case.flow.nodes if n.id > node.id and n.join == "each" and n.workers == 1]
        if case.roles[node.id] in ("bad", "picky", "flaky") and later and rng.random() < 0.5:
            wires.append(Wire(node.id, rng.choice(later).id, "error"))
        nodes.append(node)
    last = nodes[-1]
    if last.id not in sources and last.join == "each" and any(w.target == last.id for w in wires) and rng.random() < 0.2:
        nodes[-1] = Node(id=last.id, module="end", kind="task")
    return replace(case, flow=Flow("f", tuple(nodes), tuple(wires)), options={**case.options, "fail_fast": rng.random() < 0.5})


def check(case: Case, driver: Driver) -> Ledger:
    stuck = {run: driver.status(run) for run, _, _ in case.feeds if run not in driver.ended}
    assert not stuck, f"runs that never ended: {stuck}"
    ledger = Ledger.of(driver, case.flow)
    ledger.check(driver)
    return ledger


def each(seeds, play) -> None:
    for seed in seeds:
        case = lossy_case(seed)
        try:
            check(case, play(case))
        except BaseException as error:
            error.add_note(
                f"play again with FLOE_SEED={seed}: {[w.name for w in case.flow.wires]} {case.roles} "
                f"{[(n.id, n.join, n.on_error) for n in case.flow.nodes]} {case.options}"
            )
            raise


def cancelled(case: Case, driver: Driver) -> Driver:
    """Cancel one of the runs, or all of them, at some moment."""
    rng = random.Random(f"{case.seed} cancel")
    for run in rng.choice(([1], sorted({run for run, _, _ in case.feeds}))):
        for _ in range(rng.randint(0, 40)):
            driver.move()
        driver.handle(ev.CancelRun(run))
    plays.let_go(driver, len({run for run, _, _ in case.feeds}))
    return driver


@shared(300)
@pytest.mark.parametrize("debug", [False, True])
def test_A4_every_message_of_a_run_is_processed_or_named(debug, seeds):
    each(seeds, lambda case: plays.free(case, debug=debug))


@shared(300)
@pytest.mark.parametrize("debug", [False, True])
def test_C16_every_message_of_a_cancelled_run_is_processed_or_named(debug, seeds):
    each(seeds, lambda case: cancelled(case, plays.feed(plays.driver_of(case, debug=debug), case)))


@shared(200)
def test_every_message_is_processed_or_named_while_processes_crash_and_people_debug(seeds):
    each(seeds, lambda case: plays.debugged(case, requests=case.seed % 5, crashes=2, jumps=True))


@example(795, 138, False)  # a failure ended the run while what its call had left on a local route was on the way back
@given(st.integers(400, 2**32), st.integers(0, 2**32), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_events_leaves_nothing_uncounted(seed, order, stop):
    case = lossy_case(seed)
    driver = plays.feed(plays.driver_of(case, seed=order), case)
    driver.crashes = order % 3
    if stop:
        cancelled(case, driver)
    driver.settle()
    check(case, driver)


@shared(300)
def test_A4_a_run_that_is_done_has_dropped_what_the_oracle_says(seeds):
    for seed in seeds:
        case = random_case(seed)
        driver = plays.free(case)
        case.check(driver)
        got = Counter[tuple[int, str]]()
        for run, ended in driver.ended.items():
            for one in ended.unprocessed:
                got[run, one.node] += one.n
        expected = {place: n for place, n in case.outcome(driver).dropped.items() if n}
        assert got == expected, f"seed {seed}: {got}, not {expected}"
