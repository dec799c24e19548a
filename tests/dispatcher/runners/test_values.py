"""Values and hits that the dispatcher keeps of runs in a real runner."""

from __future__ import annotations

import json

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import define, run, values_of
from tests.dispatcher.runners.test_with_runner import chain


def test_C3_the_first_results_are_had_without_the_others(real: Client) -> None:
    chain(real)
    info = run(real, *range(50))
    first = real.call("results", ref=info.ref, messages=20)
    assert sum(item.batch.n for item in first) == 20
    assert values_of(real, info.ref)[:20] == [2 * n + 1 for n in range(20)]


@pytest.mark.parametrize("count", [3, 5_000])
def test_C3_the_last_value_of_every_wire_is_kept_also_of_those_that_a_runtime_carries_itself(real: Client, count: int) -> None:
    define(
        real,
        double="def f(x): return {'n': 2 * x, 'more': [1, {'a': 'b, c'}]}",
        inc="def f(x): return x['n'] + 1",
        last="def f(x): return [x]",
    )
    info = run(real, *range(count))
    assert real.call("latest", flow=info.ref) == {
        "double.out>inc.in": f'{{"n":{2 * count - 2},"more":[1,{{"a":"b, c"}}]}}',
        "inc.out>last.in": str(2 * count - 1),
    }
    assert real.call("latest", flow=info.ref, wire="inc.out>last.in") == {"inc.out>last.in": str(2 * count - 1)}


@pytest.mark.parametrize("lang", ["python", "js"])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_C3_of_a_long_last_value_its_beginning_and_its_size_are_known_whichever_way_it_went(
    real: Client, lang: str, count: int
) -> None:
    text = "🌲" * 6_000
    sources = {"python": "def f(x): return {'n': x, 'text': '%s'}", "js": "export default x => ({ n: x, text: '%s' })"}
    for name, source in (
        ("long", sources[lang] % text),
        ("same", {"python": "def f(x): return x", "js": "export default x => x"}[lang]),
        ("short", {"python": "def f(x): return x['n']", "js": "export default x => x.n"}[lang]),
    ):
        real.call("define", module=Module(name, source, lang=lang))
    nodes = tuple(Node(name, name) for name in ("long", "same", "short"))
    real.call("define_flow", flow=Flow("co2", nodes, (Wire("long", "same"), Wire("same", "short"))))
    info = run(real, *range(count))
    assert info.status == "done"
    found = real.call("latest", flow=info.ref)
    assert set(found) == {"long.out>same.in", "same.out>short.in"}
    for value in found.values():
        kind, begun, size = json.loads(value)["$floe"]
        assert kind == "short"
        assert begun.startswith(f'{{"n":{count - 1},"text":"🌲🌲🌲')
        assert len(begun.encode()) <= 4_000
        assert 12_000 <= size <= 24_100


def test_C23_the_hits_of_a_run_that_is_over_stay_what_they_were(real: Client) -> None:
    chain(real)
    real.call("set_break", node="double", when="msg > 3", log="saw {msg}")

    def count(flow: str) -> int:
        (found,) = real.call("breaks", flow=flow)
        return int(found["count"])

    first = run(real, *range(10))
    assert (first.status, count(first.ref), count("co2")) == ("done", 6, 6)
    second = run(real, *range(6))
    assert (count(first.ref), count(second.ref), count("co2")) == (6, 2, 2)
    real.call("stop", flow=first.ref)  # it does not stay to be looked at
    assert (count(first.ref), count(second.ref)) == (6, 2)
    held = real.call("open_run")
    assert (count(held.ref), count(first.ref)) == (0, 6)
    real.call("cancel", ref=held.ref)
    real.call("clear_break", id="b1")
    real.call("set_break", node="inc", log="another one")
    assert (count(first.ref), count(second.ref)) == (0, 0)
