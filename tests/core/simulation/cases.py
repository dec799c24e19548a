"""Random flows with an outcome independent of timing, except for joins, and the comparison of a machine with the oracle."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from floe_jupyter.core.flow.model import Flow, Module, Node, RetryPolicy, Wire
from floe_jupyter.core.machine import events as ev
from tests.core.simulation.driver import Driver
from tests.core.simulation.fake_modules import Context, Fake, Raised
from tests.core.simulation.making import make_modules
from tests.core.simulation.oracle import Oracle, Outcome, ordered

Value = dict[str, Any]
"""``k`` is the key, ``c`` counts down the rounds of cycles, ``p`` is the path of the message."""


def named(value: Any) -> Value:
    """Return a value as a module of these flows takes it: the parts from an `all` join become one value, a record its message."""
    if "trace" in value:
        return named(value["message"])
    if "p" in value:
        return value  # type: ignore[no-any-return]
    parts = [named(value[name]) for name in sorted(value)]
    return {"k": parts[0]["k"], "c": parts[0]["c"], "p": "(" + "+".join(p["p"] for p in parts) + ")"}


def via(value: Any, node: str, mark: object = "") -> Value:
    """Return the value with the node appended to the path."""
    value = named(value)
    return {**value, "p": f"{value['p']}/{node}{mark}"}


def _map(value: Any, c: Context) -> list[tuple[str, Any]]:
    return [("out", via(value, c.node))]


def _filter(value: Any, c: Context) -> list[tuple[str, Any]]:
    value = via(value, c.node)
    return [] if value["k"] % 3 == 0 else [("out", value)]


def _split(value: Any, c: Context) -> list[tuple[str, Any]]:
    value = via(value, c.node)
    return [("alt" if value["k"] % 2 else "out", value)]


def _many(value: Any, c: Context) -> list[tuple[str, Any]]:
    k = named(value)["k"]
    return [(("out", "alt")[i % 2], via(value, c.node, i)) for i in range(k % 4)]


def _stream(value: Any, c: Context) -> Any:
    for i in range(3 + named(value)["k"] % 5):
        yield "out", via(value, c.node, i)


def _count(value: Any, c: Context) -> list[tuple[str, Any]]:
    c.state["n"] = c.state.get("n", 0) + 1
    return [("out", via(value, c.node))]


def _number(value: Any, c: Context) -> list[tuple[str, Any]]:
    c.state["n"] = c.state.get("n", 0) + 1
    return [("out", via(value, c.node, c.state["n"]))]


def _loop(value: Any, c: Context) -> list[tuple[str, Any]]:
    value = via(value, c.node)
    return [("again", {**value, "c": value["c"] - 1})] if value["c"] > 0 else [("out", {**value, "c": 2})]


def _picky(value: Any, c: Context) -> list[tuple[str, Any]]:
    c.state["seen"] = c.state.get("seen", 0) + 1
    if named(value)["k"] % 3 == 1:
        raise Raised("not this one")
    return [("out", via(value, c.node))]


def _bad(value: Any, c: Context) -> list[tuple[str, Any]]:
    """Fail on every third key until the second version."""
    if named(value)["k"] % 3 == 1 and c.version == 1:
        raise Raised("mend me")
    return [("out", via(value, c.node))]


class Flaky:
    """Module that fails on the first sight of each message."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def __call__(self, value: Any, c: Context) -> list[tuple[str, Any]]:
        name = orjson.dumps([value, c.run])
        if name not in self.seen:
            self.seen.add(name)
            raise Raised("not the first time")
        return [("out", via(value, c.node))]


ROLES: dict[str, Callable[[Any, Context], Any]] = {
    "map": _map,
    "filter": _filter,
    "split": _split,
    "many": _many,
    "stream": _stream,
    "count": _count,
    "loop": _loop,
    "picky": _picky,
    "number": _number,
    "bad": _bad,
}


@dataclass
class Case:
    """Flow, with the roles of the nodes and the feeds."""

    seed: int
    flow: Flow
    roles: dict[str, str]
    feeds: list[tuple[int, str, list[Value]]]
    options: dict[str, Any] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    """Nodes whose module takes time: virtual seconds a message."""

    def library(self) -> dict[str, Fake]:
        """Return fresh fakes; a second version of each does the same, and a broken one does not load."""
        made: dict[str, Fake] = {"broken": Fake(_map, loads=False)}
        for node, role in self.roles.items():
            call = Flaky() if role == "flaky" else ROLES[role]
            made[node] = Fake(call, fusable=role not in ("stream", "flaky"), takes=self.takes.get(node, 0.0))
        return made

    def outcome(self, driver: Driver, *, partial: bool = False) -> Outcome:
        """Return the required outcome, given the messages taken by the joins. The oracle's modules are all mended."""
        library = self.library()
        functions = {n: _function(n, fake) for n, fake in library.items()}
        keys = {n.id: lambda value: value["k"] for n in self.flow.nodes}
        seen: dict[tuple[str, int, Any], Any] = {}
        for taken in driver.taken:
            if self.node(taken.node).join != "each":
                instance = (taken.node, taken.run, named(taken.value)["k"])
                assert instance not in seen, f"the join {instance} ran twice: {seen[instance]} and {taken.value}"
                seen[instance] = taken.value
        for begun in driver.begun:
            if self.node(begun.node).join != "each":
                seen.setdefault((begun.node, begun.run, named(begun.value)["k"]), begun.value)
        return Oracle(self.flow, functions, keys=keys, seen=seen, partial=partial).run(self.feeds)

    def node(self, name: str) -> Node:
        """Return a node."""
        return next(n for n in self.flow.nodes if n.id == name)

    def check(self, driver: Driver) -> None:
        """Compare a driver's observations with the oracle."""
        stuck = {run: driver.status(run) for run, _, _ in self.feeds if run not in driver.ended}
        nodes = [(n.id, n.status, n.depth) for n in driver.machine.view().nodes]
        assert not stuck, f"runs that never ended: {stuck}; nodes (status, depth): {nodes}"
        expected = self.outcome(driver)
        got = {run: driver.status(run) for run in expected.status}
        assert got == expected.status, f"the runs are {got}; failures {[e.failures for e in driver.ended.values()]}"
        fixed = ordered(self.flow, [node for _, node, _ in self.feeds])
        ports = {(r, p) for r, p, _ in driver.results} | set(expected.results)
        for run, port in sorted(ports):
            want, have = expected.results[run, port], driver.outputs(port, run)
            if port.partition(".")[0] not in fixed:
                want, have = sorted(want, key=orjson.dumps), sorted(have, key=orjson.dumps)
            assert have == want, f"run {run}, {port}: got {have}, not {want}"
        self._check_states(driver, expected)
        self._check_versions(driver)
        view = driver.machine.view()
        assert [(n.id, n.depth) for n in view.nodes if n.depth] == []
        assert driver.held() == []
        assert driver.contract.calls == {}, "calls are still in flight"
        assert [t for t in driver.contract.asked if t is not None] == [], "not answered"

    def check_possible(self, driver: Driver, statuses: dict[int, str], whole: set[int]) -> None:
        """Compare a driver, whose runs may have been ended early, with the oracle.

        Every result must be possible; the runs of *whole* must be complete.
        """
        got = {run: driver.status(run) for run in statuses}
        assert got == statuses, f"the runs are {got}, not {statuses}"
        expected = self.outcome(driver, partial=True)
        for run, port in sorted({(r, p) for r, p, _ in driver.results}):
            have = Counter(map(orjson.dumps, driver.outputs(port, run)))
            extra = have - Counter(map(orjson.dumps, expected.results[run, port]))
            assert not extra, f"run {run}, {port}: {extra} came though nothing asked for it"
        for (run, port), values in expected.results.items():
            if run in whole:
                assert sorted(driver.outputs(port, run), key=orjson.dumps) == sorted(values, key=orjson.dumps), (run, port)
        assert driver.contract.calls == {}, "calls are still in flight"
        assert [(n.id, n.depth) for n in driver.machine.view().nodes if n.depth] == []

    def _check_states(self, driver: Driver, expected: Outcome) -> None:
        single = {n.id for n in self.flow.nodes if n.workers == 1}
        states = driver.machine.states()
        for name, state in expected.states.items():
            if name in single:
                assert states.get(name, {}) == state, f"the state of {name} is {states.get(name)}, not {state}"

    def _check_versions(self, driver: Driver) -> None:
        newest: Counter[tuple[str, int]] = Counter()
        for taken in driver.taken:
            worker = (taken.node, taken.worker)
            assert taken.version >= newest[worker], f"{worker} went back from version {newest[worker]} to {taken.version}"
            newest[worker] = taken.version

    def update(self, rng: random.Random, version: int) -> ev.Update:
        """Return a new version of some node's module, which does the same, or does not load."""
        node = rng.choice(self.flow.nodes)
        old = make_modules(self.flow)[node.module]
        source = "broken" if rng.random() < 0.3 else old.source
        return ev.Update(Module(old.name, source, version=version, outputs=old.outputs), token=f"update-{version}")


def _function(node: str, fake: Fake) -> Callable[[Any, dict[str, Any], int], Any]:
    return lambda value, state, run: fake.call(value, Context(state, node, 0, run, 2))


def random_case(seed: int, *, messages: int = 12) -> Case:
    """Return a flow of two to seven nodes and one to three runs, with wires of small capacity."""
    rng = random.Random(seed)
    names = [f"n{i}" for i in range(rng.randint(2, 7))]
    runs = rng.choice((1, 1, 2, 3))
    roles: dict[str, str] = {}
    nodes: list[Node] = []
    wires: list[Wire] = []
    for i, name in enumerate(names):
        sources = rng.sample(names[:i], min(i, rng.choice((1, 1, 1, 2, 3)))) if i and rng.random() < 0.9 else []
        into = [Wire(s, name, rng.choice(("out", "out", "alt")) if roles[s] in ("split", "many") else "out") for s in sources]
        roles[name] = rng.choice(("map", "map", "filter", "split", "many", "stream", "count", "loop", "picky", "flaky"))
        node = _node(rng, name, roles[name], len(into))
        if node.join != "each" and roles[name] == "loop":
            roles[name] = "map"
        if roles[name] == "loop":
            into.append(Wire(name, name, "again"))
        wires += into
        nodes.append(node)
    flow = Flow("f", tuple(nodes), tuple(wires))
    feeds = _feeds(rng, flow, runs, messages)
    fixed = ordered(flow, [node for _, node, _ in feeds])
    for node in nodes:
        if runs == 1 and node.id in fixed and roles[node.id] == "map" and rng.random() < 0.5:
            roles[node.id] = "number"
    narrow = rng.random() < 0.5 and "loop" not in roles.values()  # a cycle may overflow, and then its run fails
    options: dict[str, Any] = {"wire_messages": rng.randint(2, 5)} if narrow else {}
    takes = {name: rng.choice((0.001, 0.1, 3.0)) for name in names if rng.random() < 0.15}
    return Case(seed, flow, roles, feeds, options, takes)


def failing_case(seed: int) -> Case:
    """Return a random case with at least one module to mend."""
    case, rng = random_case(seed), random.Random(f"{seed} bad")
    able = [n for n in case.flow.nodes if n.on_error == "fail" and case.roles[n.id] != "loop"]
    for node in rng.sample(able, min(len(able), rng.randint(1, 2))):
        case.roles[node.id] = "bad"
    for name in [name for name, role in case.roles.items() if role == "number"]:
        case.roles[name] = "map"  # the numbers given depend on where a run was ended
    return case


def _node(rng: random.Random, name: str, role: str, into: int) -> Node:
    join = rng.choice(("each", "all", "any")) if into > 1 else "each"
    options: dict[str, Any] = {"join": join, "key": "" if join == "each" else KEY}
    if role == "picky":
        options["on_error"] = "skip"
    elif role == "flaky":
        options |= {"on_error": "retry", "retry": RetryPolicy(2, rng.choice((0.0, 0.5)), rng.choice((0.0, 0.5)))}
    elif role in ("map", "many", "filter") and rng.random() < 0.2:
        options |= {"workers": rng.randint(2, 3), "by": rng.choice(("", KEY if join == "each" else ""))}
    return Node(id=name, module=name, **options)


KEY = "msg['k']"


def _feeds(rng: random.Random, flow: Flow, runs: int, messages: int) -> list[tuple[int, str, list[Value]]]:
    sources = [n.id for n in flow.nodes if not any(w.target == n.id and w.source != n.id for w in flow.wires)]
    feeds = []
    for run in range(1, runs + 1):
        for source in sources:
            n = rng.randint(1, max(1, messages // (runs * len(sources))))
            feeds.append((run, source, [{"k": i, "c": rng.randint(0, 3), "p": f"{run}.{source}.{i}"} for i in range(n)]))
    return feeds


def grouping(rng: random.Random) -> Callable[[str, int], str]:
    """Return which workers share a process: none, all, or some."""
    kind = rng.choice(("own", "one", "some"))
    if kind == "own":
        return lambda node, worker: f"{node}-{worker}"
    if kind == "one":
        return lambda node, worker: f"p{worker}"
    return lambda node, worker: f"p{sum(map(ord, node)) % 2}-{worker}"
