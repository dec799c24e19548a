"""The independent oracle agrees with the vectors: what they say is called, given and ended follows from the flow alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import orjson
import pytest

from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.messages import values
from tests.core.simulation.oracle import Oracle
from tests.core.vectors import Player, load_vectors

PLAIN = {"Inject", "CloseRun", "Returned", "Loaded", "Start", "Tick"}
KEYS = {"msg['k']": lambda v: v["k"], "msg % 2": lambda v: v % 2, "": None}
"""What the expressions of the vectors mean, said again in Python."""


class Watch(Player):
    """Plays a vector and writes down what its modules are said to do."""

    def __post_init__(self) -> None:
        self.table: dict[str, list[tuple[int, Any, list[tuple[str, Any]] | None]]] = defaultdict(list)
        self.feeds: list[tuple[int, str, list[Any]]] = []
        self.called: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        self.results: dict[tuple[int, str], list[Any]] = defaultdict(list)
        self.ended: dict[int, str] = {}
        self.dropped: Counter[tuple[int, str]] = Counter()
        super().__post_init__()

    def handle(self, event: ev.Event) -> list[ev.Command]:
        if isinstance(event, ev.Inject):
            for i, value in enumerate(values(event.batch)):
                self.feeds.append((event.batch.run_of(i), event.node, [value]))
        elif isinstance(event, ev.Returned):
            self._returned(event)
        commands = super().handle(event)
        for c in commands:
            if isinstance(c, ev.Call):
                self.called[c.node] += [(c.batch.run_of(i), v) for i, v in enumerate(values(c.batch))]
            elif isinstance(c, ev.Result):
                for i, v in enumerate(values(c.batch)):
                    self.results[c.batch.run_of(i), f"{c.node}.{c.port}"].append(v)
            elif isinstance(c, ev.Ended):
                self.ended[c.run] = c.status
                self.dropped.update({(c.run, u.node): u.n for u in c.unprocessed})
        return commands

    def _returned(self, event: ev.Returned) -> None:
        call = self.contract.calls[event.call]
        given: dict[int, list[tuple[int, str, Any]]] = defaultdict(list)
        for output in event.outputs:
            for i, value in enumerate(values(output.batch)):
                parent = output.parent[i] if output.parent else call.at + i
                given[parent].append((output.index[i] if output.index else 0, output.port, value))
        end = call.at + event.consumed + (1 if event.failure else 0)
        for place in range(call.at, end):
            failed = event.failure is not None and place == end - 1
            outputs = [(port, value) for _, port, value in sorted(given[place], key=lambda g: g[0])]
            self.table[call.node].append((call.runs[place], call.values[place], None if failed else outputs))

    def oracle(self) -> Oracle:
        nodes = {n.id: n for n in self.contract.flow.nodes}
        left = {name: list(rows) for name, rows in self.table.items()}

        def function(name: str) -> Any:
            def call(value: Any, state: dict[str, Any], run: int) -> list[tuple[str, Any]]:
                for row in left.get(name, []):
                    if row[:2] == (run, value):
                        left[name].remove(row)
                        if row[2] is None:
                            raise ValueError("no")
                        return row[2]
                return []

            return call

        seen = {
            (n, run, KEYS[nodes[n].key](next(iter(v.values())) if nodes[n].join == "all" else v) if nodes[n].key else None): v
            for n in nodes
            if nodes[n].join != "each"
            for run, v in self.called[n]
        }
        return Oracle(
            self.contract.flow,
            {n: function(n) for n in nodes},
            keys={n: KEYS[nodes[n].key] for n in nodes},
            seen=seen,
            fail_fast=self.vector.get("options", {}).get("fail_fast", True),
        )


def maps(vector: dict[str, Any]) -> bool:
    """Whether a vector is only about messages and modules, and goes on until all of its runs have ended."""
    kinds = {kind for step in vector["steps"] for kind in step["in"]}
    frames = [step["in"]["Returned"] for step in vector["steps"] if "Returned" in step["in"]]
    simple = not any({"skipped", "emitted", "left", "counts"} & set(f) for f in frames)
    ends = sum("Ended" in c for step in vector["steps"] for c in step.get("out", []))
    runs = {step["in"]["Inject"].get("run", 1) for step in vector["steps"] if "Inject" in step["in"]}
    return kinds <= PLAIN and simple and ends == len(runs) > 0 and set(vector.get("options", {})) <= {"fail_fast"}


CASES = [v for v in load_vectors() if maps(v)]


@pytest.mark.parametrize("vector", CASES, ids=[f"{v['file']}: {v['name']}" for v in CASES])
def test_the_oracle_agrees_with_the_vector(vector: dict[str, Any]) -> None:
    watch = Watch(vector)
    watch.play()
    outcome = watch.oracle().run(watch.feeds)
    assert {r: outcome.status[r] for r in watch.ended} == watch.ended
    if set(watch.ended.values()) == {"done"} and "end" not in [n.module for n in watch.contract.flow.nodes]:
        called = {name: sorted(set(map(orjson.dumps, calls))) for name, calls in watch.called.items() if calls}
        assert watch.dropped == {place: n for place, n in outcome.dropped.items() if n}
        assert called == {name: sorted(set(map(orjson.dumps, calls))) for name, calls in outcome.consumed.items()}
        assert {k: sorted(v) for k, v in watch.results.items()} == {k: sorted(v) for k, v in outcome.results.items() if v}


def test_many_vectors_map_to_the_oracle():
    assert len(CASES) >= 20
