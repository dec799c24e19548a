"""Crashes, redelivery, delays, answers in any order, a clock that jumps: nothing is lost, nothing comes twice.

``FLOE_SEEDS=20000`` plays more, ``FLOE_SEED=17`` only that one (see `tests.core.simulation.seeds`).
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson
import pytest

from floe_jupyter.core.flow.model import Flow, Node
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.machine.delivery import calls, crashes, fast_path, injecting, returns
from floe_jupyter.core.machine.state import records
from floe_jupyter.core.messages import values
from tests.core.simulation import plays, seeds
from tests.core.simulation.cases import Case, random_case
from tests.core.simulation.driver import Driver
from tests.core.simulation.fake_modules import Context, Fake, Given
from tests.core.simulation.making import wire

COUNT = 2000 * seeds.SCALE
PARTS = 8

Keys = dict[tuple[str, int, bytes], list[str]]
"""Under which keys a message was executed, by node, run and value."""


@pytest.mark.timeout(600 * seeds.SCALE)
@seeds.shared(seeds.of(COUNT, COUNT // 10), PARTS)
def test_crashes_at_any_moment_lose_nothing_and_repeat_nothing(seeds):
    for seed in seeds:
        play(seed)


def play(seed: int) -> None:
    case = random_case(seed, messages=8)
    try:
        driver = plays.debugged(case, requests=seed % 4, crashes=2, jumps=True)
        case.check(driver)
    except BaseException as error:
        error.add_note(f"play again with FLOE_SEED={seed}: {[w.name for w in case.flow.wires]} {case.roles} {case.feeds}")
        raise


def narrow(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small calls, and small windows of generators."""
    rng = random.Random(f"{seed} narrow")
    for name, limit in (("WINDOW", rng.choice((2, 3, 4))), ("CHUNK", rng.choice((1, 2, 3, 64))), ("CREDIT", rng.choice((2, 8)))):
        for module in LIMITS[name]:
            monkeypatch.setattr(module, name, limit)


LIMITS = {"WINDOW": (ev, returns), "CHUNK": (ev, calls, crashes, fast_path, injecting), "CREDIT": (ev, records)}
"""What bounds a call, and who holds to it."""


@pytest.mark.timeout(600 * seeds.SCALE)
@seeds.shared(seeds.of(COUNT // 3, COUNT // 20), PARTS)
def test_E11_nor_do_they_where_calls_are_small_and_generators_wait_for_room(seeds, monkeypatch):
    for seed in seeds:
        narrow(seed, monkeypatch)
        play(seed)


@pytest.mark.timeout(600 * seeds.SCALE)
@seeds.shared(seeds.of(COUNT // 10, COUNT // 40), 2)
def test_E11_a_cancelled_run_ends_and_the_others_are_whole_while_processes_crash(seeds, monkeypatch):
    for seed in seeds:
        case = random_case(seed)
        try:
            cancelled(case, monkeypatch)
        except BaseException as error:
            error.add_note(f"play again with FLOE_SEED={seed}")
            raise


def cancelled(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(f"{case.seed} cancelled")
    if rng.random() < 0.5:
        narrow(case.seed, monkeypatch)
    driver = plays.feed(plays.driver_of(case, debug=rng.random() < 0.3), case)
    driver.crashes, driver.jumps = 2, True
    for _ in range(rng.randint(0, 80)):
        driver.move()
    before = driver.ended.get(1)
    driver.handle(ev.CancelRun(1))
    opened = driver.machine.view().runs.get(1) in {"cancelling", "cancelled"}
    driver.settle()
    statuses = {run: "done" for run, _, _ in case.feeds} | ({1: "cancelled"} if opened and before is None else {})
    case.check_possible(driver, statuses, {run for run, status in statuses.items() if status == "done"})


@pytest.mark.timeout(600 * seeds.SCALE)
@seeds.shared(seeds.of(COUNT // 3, COUNT // 20), PARTS)
def test_E5_nor_is_anything_lost_where_nodes_are_moved_out_of_busy_processes(seeds):
    moved = 0
    for seed in seeds:
        case = random_case(seed, messages=8)
        try:
            driver = spread(case)
            case.check(driver)
        except BaseException as error:
            error.add_note(f"play again with FLOE_SEED={seed}")
            raise
        moved += sum(isinstance(said, ev.Load) and said.elsewhere for said in driver.log)
    assert moved or len(seeds) < 20


def spread(case: Case) -> Driver:
    """All nodes begin in one process or in a few; at any moment one of these is said to be blocked."""
    rng = random.Random(f"{case.seed} spread")
    group = (lambda node, worker: "one") if rng.random() < 0.7 else None
    requests, crashes = rng.choice(((0, 0), (0, 2), (3, 0), (3, 2)))
    return plays.debugged(
        case,
        requests=requests,
        crashes=crashes,
        jumps=True,
        blocks=rng.choice((0.02, 0.2)),
        group=group,
        spreads=rng.random() < 0.8,
    )


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


@pytest.mark.parametrize("apart", [True, False])
def test_E10_a_message_that_is_executed_again_has_the_idempotency_key_that_it_had(apart):
    """Whatever ends its runtime: a crash, a neighbour that takes too long, a run that is over."""
    again = 0
    for seed in range(200):
        case = with_a_slow_neighbour(random_case(seed, messages=8))
        keys: Keys = defaultdict(list)
        driver = plays.driver_of(case, group=(lambda node, worker: f"{node}-{worker}") if apart else (lambda node, worker: "one"))
        driver.library = {name: told(fake, keys) for name, fake in driver.library.items()}
        plays.feed(driver, case).crashes = 2
        driver.settle()
        consumed = case.outcome(driver).consumed
        for (node, run, value), seen in keys.items():
            messages = sum((run, value) == (r, orjson.dumps(v)) for r, v in consumed[node])
            assert len(set(seen)) <= messages, f"seed {seed}: {node} got {value!r} as {seen}, {messages} times"
            again += len(seen) - len(set(seen))
    assert again > 200


@pytest.mark.parametrize("roles", [("map", "map", "map"), ("many", "many", "map"), ("stream", "many", "map")])
def test_E10_a_message_behind_local_routes_has_one_key_of_its_own_whichever_way_it_comes_again(roles):
    """One node is reached by several ways from one message, by two ports, and by calls of several nodes."""
    wires = [wire(text) for text in ("a>b", "b>c", "a>c", "a>c.other", "a.alt>c", "b.alt>c.other", "b.alt>d", "c>d")]
    again = 0
    for seed in range(20):
        values = [{"k": i, "c": 0, "p": str(i)} for i in range(30)]
        case = Case(
            seed,
            Flow("f", tuple(Node(name, name) for name in "abcd"), tuple(wires)),
            dict(zip("abcd", (*roles, "map"), strict=True)),
            [(1, "a", values), (2, "a", values), (1, "b", [{**value, "p": f"b{value['k']}"} for value in values])],
        )
        keys: Keys = defaultdict(list)
        driver = plays.driver_of(case, group=lambda node, worker: "one")
        driver.library = {name: told(fake, keys) for name, fake in driver.library.items()}
        plays.feed(driver, case).crashes = 3
        driver.settle()
        consumed = {
            node: Counter((run, orjson.dumps(value)) for run, value in got) for node, got in case.outcome(driver).consumed.items()
        }
        for (node, run, value), seen in keys.items():
            assert len(set(seen)) == consumed[node][run, value], f"seed {seed}: {node} got {value!r} of run {run} as {seen}"
            again += len(seen) - len(set(seen))
        users = Counter((node, run, key) for (node, run, _), seen in keys.items() for key in set(seen))
        assert max(users.values()) == 1, f"seed {seed}: {users.most_common(1)}"
    assert again > 50


def with_a_slow_neighbour(case: Case) -> Case:
    """A node each of whose messages takes too long, which ends its runtime; each is skipped then."""
    slow = Node("slow", "slow", on_error="skip", timeout=1.0)
    case.flow = msgspec.structs.replace(case.flow, nodes=(*case.flow.nodes, slow))
    case.roles["slow"], case.takes["slow"] = "map", 3.0
    case.feeds.append((1, "slow", [{"k": i, "c": 0, "p": f"slow.{i}"} for i in range(3)]))
    return case


def told(fake: Fake, keys: Keys) -> Fake:
    """The same module; it notes which message was executed under which key."""

    def call(value: Any, context: Context) -> Iterable[Given]:
        if context.node != "slow":
            keys[context.node, context.run, orjson.dumps(value)].append(context.key)
        return fake.call(value, context)

    return dataclasses.replace(fake, call=call)
