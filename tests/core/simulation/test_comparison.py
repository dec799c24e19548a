"""The machine against the oracle on random flows: whatever timing, debugging, stepping and updating do, the outcome is the same.

A failure names its seed; ``FLOE_SEED=17 pytest tests/core/simulation/test_comparison.py`` plays only that one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.simulation import plays, seeds
from tests.core.simulation.cases import Case, random_case
from tests.core.simulation.driver import Driver

SEEDS = seeds.of(150, 0)
PARTS = 5


def shared(count: int) -> pytest.MarkDecorator:
    """The first *count* seeds, and a tenth as many others."""
    return seeds.shared(seeds.of(count, count // 10 * seeds.SCALE), PARTS)


quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def hold(case: Case, driver: Driver) -> None:
    try:
        case.check(driver)
    except AssertionError as error:
        error.add_note(f"seed {case.seed}: {case.flow.nodes} {[w.name for w in case.flow.wires]} {case.roles} {case.feeds}")
        raise


def play(seeds: list[int], how: Callable[[Case], Driver]) -> None:
    for seed in seeds:
        try:
            case = random_case(seed)
            hold(case, how(case))
        except BaseException as error:
            error.add_note(f"play again with FLOE_SEED={seed}")
            raise


@shared(150)
def test_a_free_run_gives_what_the_oracle_says(seeds):
    play(seeds, plays.free)


@shared(150)
def test_a_run_that_is_debugged_gives_what_the_oracle_says(seeds):
    play(seeds, lambda case: plays.free(case, debug=True))


@shared(60)
def test_a_fully_stepped_run_gives_what_a_free_one_gives(seeds):
    play(seeds, plays.stepped)


@shared(150)
def test_pauses_steps_breakpoints_and_updates_change_nothing(seeds):
    play(seeds, plays.debugged)


@shared(80)
@pytest.mark.parametrize("debug", [False, True])
def test_local_routes_change_nothing(debug, seeds):
    for seed in seeds:
        case = random_case(seed)
        fused = plays.free(case, group=lambda node, worker: f"one-{worker}", debug=debug)
        apart = plays.free(case, group=lambda node, worker: f"{node}-{worker}", debug=debug)
        hold(case, fused)
        hold(case, apart)
        assert {k: v.status for k, v in fused.ended.items()} == {k: v.status for k, v in apart.ended.items()}, f"seed {seed}"


def test_the_same_seed_gives_the_same_commands():
    for seed in SEEDS[:20]:
        assert plays.debugged(random_case(seed)).log == plays.debugged(random_case(seed)).log, f"seed {seed}"


@given(st.integers(200, 2**32), st.integers(0, 2**32), st.integers(1, 20))
@quick
def test_any_order_of_events_gives_what_the_oracle_says(seed, order, messages):
    case = random_case(seed, messages=messages)
    hold(case, plays.free(case, seed=order))


@given(st.integers(200, 2**32), st.integers(0, 2**32))
@quick
def test_any_debugging_in_any_order_gives_what_the_oracle_says(seed, order):
    case = random_case(seed)
    hold(case, plays.debugged(case, seed=order))
