"""The second opinion: a slow, obvious interpreter of flows, written from the design alone.

Messages are handled singly, as plain values, without batches, workers or debugging: none of the three may change the results.
Where a flow lets timing decide (which message an `any` join takes), the oracle is given the observation (`seen`) and checks that
the message was available; the verdict is whether an outcome is *possible*.
"""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from floe_jupyter.core.flow.model import Flow, Node, Wire

Given = Iterable[tuple[str, Any]]
Function = Callable[[Any, dict[str, Any], int], Given]
"""(value, state, run) -> outputs (port, value); may raise."""
Instance = tuple[str, int, Any]
"""Join: (node, run, key)."""


class Impossible(AssertionError):
    """Raised when no order of events gives the observed outcome."""


@dataclass
class Outcome:
    """Required outcome."""

    results: dict[tuple[int, str], list[Any]] = field(default_factory=lambda: defaultdict(list))
    """(run, "node.port") -> values, in a possible order."""
    status: dict[int, str] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    consumed: dict[str, list[tuple[int, Any]]] = field(default_factory=lambda: defaultdict(list))
    """node -> (run, value) of the inputs of its module."""
    failed: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """run -> failed nodes, the first failure first."""
    dropped: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    """(run, join) -> messages that reached the join and are part of none of its outputs."""


def ordered(flow: Flow, feeds: Iterable[str]) -> set[str]:
    """Return the nodes whose messages of a run come in an order independent of timing."""
    fed = list(feeds)
    result: set[str] = set()
    for _ in flow.nodes:
        for node in flow.nodes:
            into = [w for w in flow.wires if w.target == node.id]
            alone = len(into) + fed.count(node.id) == 1
            if alone and node.join == "each" and node.workers == 1 and all(w.source in result for w in into):
                result.add(node.id)
    return result


class Oracle:
    """Runs a flow to its end. ``seen[node, run, key]`` is the observed input of a join."""

    def __init__(
        self,
        flow: Flow,
        functions: Mapping[str, Function],
        *,
        keys: Mapping[str, Callable[[Any], Any]] | None = None,
        seen: Mapping[Instance, Any] | None = None,
        states: Mapping[str, dict[str, Any]] | None = None,
        fail_fast: bool = True,
        partial: bool = False,
    ) -> None:
        self.flow, self.functions, self.keys, self.seen, self.fail_fast = flow, functions, keys or {}, seen, fail_fast
        self.partial = partial
        """True if unobserved joins need not run, because the runs were ended early."""
        self.nodes: dict[str, Node] = {n.id: n for n in flow.nodes}
        self.outcome = Outcome()
        self.outcome.states = {n.id: copy.deepcopy((states or {}).get(n.id, {})) for n in flow.nodes}
        self.queues: dict[str, deque[tuple[int, Any]]] = {}
        """Wire (or "" + node, for feeds) -> (run, value)."""
        self.into: dict[str, list[str]] = {n.id: [">" + n.id] for n in flow.nodes}
        for wire in flow.wires:
            self.into[wire.target].append(wire.name)
        for names in self.into.values():
            for name in names:
                self.queues[name] = deque()
        self.arrived: dict[Instance, dict[str, list[Any]]] = {}
        self.fired: set[Instance] = set()
        self.over: set[int] = set()
        self.pills: set[tuple[str, int]] = set()
        """(join, run) of joins that must not run any more."""

    def run(self, feeds: Iterable[tuple[int, str, list[Any]]]) -> Outcome:
        """Feed (run, node, values) and go on until no message is left."""
        runs = []
        for run, node, items in feeds:
            runs.append(run)
            self.queues[">" + node].extend((run, item) for item in items)
        while self._one() or self._join():
            pass
        for (name, run, _), parts in self.arrived.items():
            self.outcome.dropped[run, name] += sum(map(len, parts.values()))
        for name, run, _ in self.fired:
            self.outcome.dropped[run, name] -= len(self.into[name]) - 1 if self.nodes[name].join == "all" else 1
        for run in dict.fromkeys(runs):
            self.outcome.status.setdefault(run, "failed" if self.outcome.failed[run] else "done")
        return self.outcome

    # --- one message ---

    def _one(self) -> bool:
        for node in self.flow.nodes:
            for name in self.into[node.id]:
                if self.queues[name]:
                    run, value = self.queues[name].popleft()
                    if run not in self.over:
                        self._arrive(node, name, run, value)
                    return True
        return False

    def _arrive(self, node: Node, wire: str, run: int, value: Any) -> None:
        if node.module == "end" and node.kind == "task":
            self.over.add(run)
            self.outcome.status[run] = "done"
        elif node.join == "each" or wire.startswith(">"):
            self._consume(node, run, value)
        else:
            key = self.keys[node.id](value) if node.key else None
            self.arrived.setdefault((node.id, run, key), {}).setdefault(wire, []).append(value)

    def _consume(self, node: Node, run: int, value: Any) -> None:
        self.outcome.consumed[node.id].append((run, value))
        error, attempts = "", 1 + (node.retry.times if node.on_error == "retry" and node.retry else 0)
        for _ in range(attempts):
            state = copy.deepcopy(self.outcome.states[node.id])
            try:
                given = list(self.functions[node.id](copy.deepcopy(value), state, run))
            except Exception as raised:  # noqa: BLE001 - whatever a module raises is its failure
                error = f"{type(raised).__name__}: {raised}"
                continue
            self.outcome.states[node.id] = state
            for port, output in given:
                self._give(node, port, run, output)
            return
        self._fail(node, run, {"error": error, "kind": "raised", "node": node.id, "message": value, "trace": ""})

    def _give(self, node: Node, port: str, run: int, value: Any) -> None:
        wires = [w for w in self.flow.wires if (w.source, w.source_port) == (node.id, port)]
        for wire in wires:
            self.queues[wire.name].append((run, copy.deepcopy(value)))
        if not wires:
            self.outcome.results[run, f"{node.id}.{port}"].append(value)

    def _fail(self, node: Node, run: int, record: dict[str, Any]) -> None:
        if any((w.source, w.source_port) == (node.id, "error") for w in self.flow.wires):
            self._give(node, "error", run, record)
            return
        if node.on_error == "skip":
            return
        self.outcome.failed[run].append(node.id)
        if self.fail_fast:
            self.over.add(run)
            self.outcome.status[run] = "failed"
        else:
            self._pill(node.id, run, set())

    def _pill(self, source: str, run: int, been: set[str]) -> None:
        """Tell the joins behind a failed node; stop at nodes already visited."""
        for wire in self.flow.wires:
            if wire.source != source or wire.target in been:
                continue
            been.add(wire.target)
            node = self.nodes[wire.target]
            if node.join == "each":
                self._pill(node.id, run, been)
            elif not (node.join == "any" and node.tolerate) and not any(i[:2] == (node.id, run) for i in self.fired):
                self.pills.add((node.id, run))
                self._pill(node.id, run, been)

    # --- joins ---

    def _join(self) -> bool:
        """Fire one join that can fire, and only when no other move is left: everything able to arrive before has arrived."""
        not_yet: Impossible | None = None
        for instance, parts in self.arrived.items():
            name, run, _ = instance
            node = self.nodes[name]
            if instance in self.fired or run in self.over or (name, run) in self.pills:
                continue
            if self.partial and self.seen is not None and instance not in self.seen:
                continue
            wires = [w for w in self.flow.wires if w.target == name]
            if node.join == "any" or all(w.name in parts for w in wires):
                try:
                    taken = self._taken(instance, node, wires, parts)
                except Impossible as error:  # the input may come out of an earlier join, which has still to fire
                    not_yet = not_yet or error
                    continue
                self.fired.add(instance)
                self._consume(node, run, taken)
                return True
        if not_yet is not None:
            raise not_yet
        return False

    def _taken(self, instance: Instance, node: Node, wires: list[Wire], parts: dict[str, list[Any]]) -> Any:
        if self.seen is not None and instance not in self.seen:
            raise Impossible(f"the join {instance} never ran, though it could: {parts}")
        if node.join == "any":
            return self._any(instance, parts)
        labels = {w.name: label(w, wires) for w in wires}
        if self.seen is None:
            return {labels[w.name]: parts[w.name][0] for w in wires}
        value = self.seen[instance]
        for wire in wires:
            if value[labels[wire.name]] not in parts[wire.name]:
                raise Impossible(f"the join {instance} took {value} of {parts}")
        return value

    def _any(self, instance: Instance, parts: dict[str, list[Any]]) -> Any:
        candidates = [value for values in parts.values() for value in values]
        value = candidates[0] if self.seen is None else self.seen[instance]
        if value not in candidates:
            raise Impossible(f"the join {instance} took {value}, which is none of {candidates}")
        return value


def label(wire: Wire, wires: list[Wire]) -> str:
    """Return the name of a predecessor in the value given by an `all` join."""
    twice = sum(w.source == wire.source for w in wires) > 1
    return f"{wire.source}.{wire.source_port}" if twice or wire.source_port != "out" else wire.source
