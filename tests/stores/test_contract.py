"""One contract, every store: what `floe_jupyter.stores.Store` promises."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.machine.events import Status
from floe_jupyter.core.run_life import OVER
from floe_jupyter.stores import Store
from floe_jupyter.stores.memory import MemoryStore
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.control.replies import RunInfo

KINDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda path: SqliteStore(str(path / "data" / "store.sqlite")),
}


@pytest.fixture(params=sorted(KINDS))
def store(request: pytest.FixtureRequest, tmp_path: Path):
    made = KINDS[request.param](tmp_path)
    yield made
    made.close()


def record(number: int, status: Status = "active", **fields: object) -> RunInfo:
    return RunInfo(ref=f"co2.1.local.{number}", flow="co2", version=1, status=status, **fields)


def test_a_new_store_is_empty(store: Store) -> None:
    assert (store.modules(), store.flows(), store.runs(), store.counters()) == ([], [], [], {})


def test_definitions_come_back_whole(store: Store) -> None:
    module = Module("clean", "def f(x): return x", deps=("numpy",), outputs=("out", "bad"))
    flow = Flow("co2", (Node("clean", "clean", workers=2), Node("mean", "clean")), (Wire("clean", "mean"),), timeout=3.0)
    store.put_definition(module)
    store.put_definition(flow)
    assert (store.modules(), store.flows()) == ([module], [flow])


def test_D11_the_newest_version_is_the_largest_in_whatever_order_they_come(store: Store) -> None:
    for version in (3, 1, 10, 2):
        store.put_definition(Module("clean", f"v{version}", version=version))
    assert [m.version for m in store.modules()] == [10]


def test_definitions_come_by_name(store: Store) -> None:
    for name in ("b", "a", "c"):
        store.put_definition(Flow(name))
    assert [f.name for f in store.flows()] == ["a", "b", "c"]


def test_records_come_in_the_order_in_which_they_were_first_put(store: Store) -> None:
    store.put_runs([record(2), record(1)])
    store.put_runs([record(3), record(2, "held")])
    assert [(r.ref[-1], r.status) for r in store.runs()] == [("2", "held"), ("1", "active"), ("3", "active")]


@pytest.mark.parametrize("over", OVER)
def test_D23_an_archived_run_never_changes(store: Store, over: Status) -> None:
    store.put_runs([record(1, over, results=3)])
    for late in ("active", "done", "failed", "cancelled"):
        store.put_runs([record(1, late, results=4)])
    assert store.runs() == [record(1, over, results=3)]


def test_D24_runs_ending_together_drop_nothing(store: Store) -> None:
    random_order = random.Random(24)
    store.put_runs([record(n) for n in range(1, 301)])
    ending = random_order.sample(range(1, 301), 200)
    while ending:
        group = [ending.pop() for _ in range(min(4, len(ending)))]
        store.put_runs([record(n, "done") for n in group])
        store.commit()
    assert len(store.runs()) == 300
    assert sum(r.status == "active" for r in store.runs()) == 100


def test_records_can_be_forgotten(store: Store) -> None:
    store.put_runs([record(1, "done"), record(2)])
    store.drop_runs(["co2.1.local.1", "never.1.local.1"])
    assert [r.ref for r in store.runs()] == ["co2.1.local.2"]


def test_counters_are_what_was_put_last(store: Store) -> None:
    store.put_counter("co2", 1_000)
    store.put_counter("co2", 17)
    store.put_counter("other", 2)
    assert store.counters() == {"co2": 17, "other": 2}


def test_D26_the_cost_of_a_record_does_not_grow_with_the_history(store: Store) -> None:
    """A thousand records more or less make no difference of an order of magnitude; rewriting all of them would. In time of this
    thread: what else the machine does at the moment does not count.
    """
    from time import thread_time

    def cost(first: int) -> float:
        began = thread_time()
        for n in range(first, first + 200):
            store.put_runs([record(n)])
        return thread_time() - began

    cost(0)
    early = min(cost(1_000), cost(2_000), cost(3_000))
    store.put_runs([record(n, "done") for n in range(10_000, 20_000)])
    late = min(cost(30_000), cost(31_000), cost(32_000))
    assert late < 10 * early + 0.01


def test_whatever_is_put_twice_is_there_once(store: Store) -> None:
    for _ in range(2):
        store.put_runs([record(1, "done")])
        store.put_definition(Module("clean", "x"))
        store.commit()
    assert (len(store.runs()), len(store.modules())) == (1, 1)


def test_records_keep_every_field(store: Store) -> None:
    given = record(5, "held", instance="i", created=1.5, started=2.5, detached=True, fed=3, results=4, held=1, waits_for="you")
    store.put_runs([given])
    assert msgspec.to_builtins(store.runs()[0]) == msgspec.to_builtins(given)
