"""Plays of a random case: free, debugged, stepped, updated, crashed."""

from __future__ import annotations

import random
from collections.abc import Callable

from floe_jupyter.core.machine import events as ev
from tests.core.simulation.cases import Case, grouping
from tests.core.simulation.driver import Driver

ROUNDS = 2_000
"""Maximum steps or continues of a case; more mean that a part hangs."""


def driver_of(
    case: Case, *, group: Callable[[str, int], str] | None = None, seed: int | None = None, **options: object
) -> Driver:
    """Return a driver for a case; its order of events comes from the case's seed or *seed*."""
    seed = case.seed if seed is None else seed
    rng = random.Random(f"{seed} group")
    return Driver(case.flow, case.library(), seed=seed, group=group or grouping(rng), **{**case.options, **options})


def feed(driver: Driver, case: Case) -> Driver:
    """Start, and add all feeders of all runs before any begins: otherwise a run would be closed too early."""
    driver.start()
    for run, node, items in case.feeds:
        driver.feed(node, items, run=run, chunk=driver.rng.randint(1, 5))
    return driver


def free(case: Case, **options: object) -> Driver:
    """Run the case without intervention."""
    driver = feed(driver_of(case, **options), case)
    driver.settle()
    return driver


def stepped(case: Case, **options: object) -> Driver:
    """Play every message by `Step`."""
    driver = driver_of(case, **options)
    driver.handle(ev.Pause(token="pause"))
    feed(driver, case).settle()
    for _ in range(ROUNDS):
        if len(driver.ended) == len({run for run, _, _ in case.feeds}):
            break
        driver.ask(ev.Step)
        driver.settle()
    driver.handle(ev.Continue(token="the end"))
    driver.settle()
    return driver


def random_request(driver: Driver, case: Case, rng: random.Random, number: int) -> ev.Event:
    """Return a random action of a person that must not change the outcome."""
    node = rng.choice(case.flow.nodes).id
    token = f"request-{number}"
    kinds: list[Callable[[], ev.Event]] = [
        lambda: ev.Pause(token=token),
        lambda: ev.Continue(token=token),
        lambda: ev.Step(token=token),
        lambda: ev.Step(node=node, token=token),
        lambda: ev.Break(f"b{number}", node, rng.choice(("in", "out")), hits=rng.choice((0, 2)), token=token),
        lambda: ev.Break(f"b{number}", node, log="at {meta}" if rng.random() < 0.5 else "at {msg}", token=token),
        lambda: ev.Break(f"b{number}", node, when="msg['k'] == 1", token=token),
        lambda: ev.Unbreak(token=token),
        lambda: ev.Debug(on=rng.random() < 0.5, token=token),
        lambda: case.update(rng, 2 + number),
    ]
    return rng.choice(kinds)()


def debugged(
    case: Case, *, requests: int = 8, crashes: int = 0, jumps: bool = False, blocks: float = 0.0, **options: object
) -> Driver:
    """Play random actions at random moments; let everything go in the end."""
    driver = feed(driver_of(case, **options), case)
    driver.blocks = blocks
    rng = random.Random(f"{driver.rng.random()} wishes")
    driver.crashes, driver.jumps = crashes, jumps
    for number in range(requests):
        for _ in range(rng.randint(0, 40)):
            driver.move()
        driver.handle(random_request(driver, case, rng, number))
    let_go(driver, len({run for run, _, _ in case.feeds}))
    return driver


def let_go(driver: Driver, runs: int) -> None:
    """Remove all breakpoints and continue until every run has ended."""
    driver.settle()
    driver.handle(ev.Unbreak(token="all"))
    for number in range(20):
        driver.handle(ev.Continue(token=f"go-{number}"))
        driver.settle()
        if len(driver.ended) >= runs:
            return
