"""Crashes, redelivery, delays, answers in any order, a clock that jumps: nothing is lost, nothing comes twice.

``FLOE_SEEDS=20000`` plays more, ``FLOE_SEED=17`` only that one.
"""

from __future__ import annotations

import os

import orjson
import pytest

from floe_jupyter.core import events as ev
from floe_jupyter.core.messages import values

from . import plays
from .cases import random_case

COUNT = int(os.environ.get("FLOE_SEEDS", "2000"))
PARTS = 8
"""So many tests share the seeds, so that a failure leaves the others to tell more."""


def seeds(part: int) -> list[int]:
    if "FLOE_SEED" in os.environ:
        return [int(os.environ["FLOE_SEED"])]
    return list(range(part, COUNT, PARTS))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_crashes_at_any_moment_lose_nothing_and_repeat_nothing(part):
    for seed in seeds(part):
        case = random_case(seed, messages=8)
        try:
            driver = plays.debugged(case, wishes=seed % 4, crashes=2, jumps=True)
            case.check(driver)
        except BaseException as error:
            error.add_note(f"play again with FLOE_SEED={seed}: {[w.name for w in case.flow.wires]} {case.roles} {case.feeds}")
            raise


def test_an_idempotency_key_never_stands_for_two_messages():
    for seed in range(150):
        case = random_case(seed, messages=8)
        driver = plays.feed(plays.driver_of(case), case)
        driver.crashes = 2
        driver.settle()
        seen: dict[tuple[str, int], tuple[int, bytes]] = {}
        for call in [c for c in driver.log if isinstance(c, ev.Call) and c.batch.ids is None]:
            for place, value in enumerate(values(call.batch), call.first):
                message = (call.batch.run_of(place - call.first), orjson.dumps(value))
                same = seen.setdefault((call.node, place), message)
                assert same == message, f"seed {seed}: {call.node} got {same} and {message} as its message number {place}"
