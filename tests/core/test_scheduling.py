"""Which pending run is next, and what the others wait for."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.scheduling import Pending, blocked_by, fair_order, missing_tags, next_run, waits_for


def pend(name: str, order: float, host_tags: tuple[str, ...] = (), resource_tags: tuple[str, ...] = ()) -> Pending:
    return Pending(f"{name}.1.local.{int(order)}", name, order, host_tags, resource_tags)


def names(runs: list[Pending]) -> list[str]:
    return [f"{run.flow}{int(run.order)}" for run in runs]


def test_flows_take_turns_and_within_a_flow_the_oldest_is_first() -> None:
    runs = [pend("a", 1), pend("a", 2), pend("a", 3), pend("b", 4), pend("c", 5), pend("b", 6)]
    for shuffled in itertools.permutations(runs):
        assert names(fair_order(shuffled)) == ["a1", "b4", "c5", "a2", "b6", "a3"]


def test_a_flow_with_active_runs_waits_for_the_others() -> None:
    assert names(fair_order([pend("a", 1), pend("b", 2)], {"a": 1})) == ["b2", "a1"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), unique=True))
def test_fair_order_loses_nothing_and_lets_no_flow_run_ahead(pairs: list[tuple[str, int]]) -> None:
    runs = [pend(*pair) for pair in pairs]
    order = fair_order(runs)
    assert sorted(run.ref for run in order) == sorted(run.ref for run in runs)
    for i, run in enumerate(order):
        rest = {other.flow for other in order[i:]}
        taken = [sum(r.flow == flow for r in order[:i]) for flow in rest]
        assert sum(r.flow == run.flow for r in order[:i]) == min(taken)
        assert all(other.order >= run.order for other in order[i:] if other.flow == run.flow)


def test_a_host_executes_a_run_when_it_has_all_of_its_tags() -> None:
    run = pend("a", 1, ("gpu", "linux"))
    assert missing_tags(run, {"linux"}) == ("gpu",)
    assert next_run([run], {"linux"}, {}) is None
    assert next_run([run], {"linux", "gpu", "more"}, {}) == run


def test_a_resource_is_held_by_one_run() -> None:
    camera, other = pend("a", 1, (), ("camera", "lamp")), pend("b", 2)
    holders = {"camera": "x.1.local.1", "lamp": "x.1.local.1", "disk": "y.1.local.1"}
    assert blocked_by(camera, holders) == ("x.1.local.1",)
    assert next_run([camera, other], (), holders) == other
    assert next_run([camera, other], (), {}) == camera


@pytest.mark.parametrize(
    ("hosts", "holders", "said"),
    [
        ({}, {}, "a host: none is serving; start one with `floe host`"),
        ({"h1": [], "h2": ["gpu"]}, {}, "a host with the tags gpu, linux; h2 lacks linux"),
        ({"h1": ["linus"]}, {}, "a host with the tags gpu, linux; h1 lacks gpu, linux"),
        ({"h1": ["gpu", "linus"]}, {}, "a host with the tags gpu, linux; h1 lacks linux (did you mean 'linus'?)"),
        ({"h1": ["gpu", "linux"]}, {"camera": "x.1.h1.4"}, "the end of x.1.h1.4"),
        ({"h1": ["gpu", "linux"]}, {}, "its turn"),
    ],
)
def test_a_pending_run_says_what_it_waits_for(hosts: dict[str, list[str]], holders: dict[str, str], said: str) -> None:
    assert waits_for(pend("a", 1, ("gpu", "linux"), ("camera",)), hosts, holders) == said
