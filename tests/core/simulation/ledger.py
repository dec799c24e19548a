"""Independent accounts of a machine: messages put in front of each node, and their fates, by run.

Written from the accounting rule in `floe_jupyter.core.machine.unprocessed`, and from no other part of the machine: events say
what was put and processed, `Notice` what failed for good, and `Ended` what the machine reports as dropped or left unfinished.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.messages import Batch
from tests.core.simulation.driver import Driver

Place = tuple[int, str]
"""(run, node)."""


def runs_of(batch: Batch) -> list[int]:
    """Return the run of each message."""
    return [batch.run_of(i) for i in range(batch.n)]


@dataclass
class Ledger:
    """Accounts made from a driver's log."""

    flow: Flow
    fed: Counter[Place] = field(default_factory=Counter)
    came: Counter[Place] = field(default_factory=Counter)
    """Messages over wires."""
    given: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """Outputs on ports without wires: (run, node, port)."""
    processed: Counter[Place] = field(default_factory=Counter)
    results: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    over: set[int] = field(default_factory=set)
    unprocessed: dict[int, tuple[ev.Unprocessed, ...]] = field(default_factory=dict)
    calls: dict[int, list[object]] = field(default_factory=dict)
    """Call -> [node, runs, number consumed]."""

    @classmethod
    def of(cls, driver: Driver, flow: Flow) -> Ledger:
        """Return the accounts of a driver."""
        ledger = cls(flow)
        skipped = 0
        for entry in driver.log:
            if isinstance(entry, ev.Event):
                ledger._event(entry)
                skipped = len(entry.skipped) if isinstance(entry, ev.Returned) else 0
            elif isinstance(entry, ev.Notice) and entry.kind == "failure" and entry.data.get("skipped") and skipped:
                skipped -= 1  # the runtime passed over it, and consumed it
            else:
                ledger._command(entry)
        return ledger

    def _alive(self, run: int) -> bool:
        return run not in self.over

    def _event(self, e: ev.Event) -> None:
        if isinstance(e, ev.CancelRun):
            self.over.add(e.run)  # what its calls still do counts no more; `Ended` follows when they are through
        elif isinstance(e, ev.Inject):
            self.fed.update((run, e.node) for run in runs_of(e.batch) if self._alive(run))
        elif isinstance(e, ev.Returned) and e.call in self.calls:
            call = self.calls[e.call]
            node, runs, at = call
            call[2] = at + e.consumed
            self.processed.update((run, node) for run in runs[at : at + e.consumed] if self._alive(run))
            for output in e.outputs:
                for run in runs_of(output.batch):
                    self._give(output.node, output.port, run)
            for left in e.left:
                target = left.wire.partition(">")[2].partition(".")[0]
                self.came.update((run, target) for run in runs_of(left.batch) if self._alive(run))

    def _give(self, node: str, port: str, run: int) -> None:
        if not self._alive(run):
            return
        wires = [w for w in self.flow.wires if (w.source, w.source_port) == (node, port)]
        self.came.update((run, w.target) for w in wires)
        if not wires:
            self.given[run, node, port] += 1

    def _command(self, c: ev.Command) -> None:
        if isinstance(c, ev.Call):
            self.calls[c.call] = [c.node, runs_of(c.batch), 0]
        elif isinstance(c, ev.Result):
            self.results.update((run, c.node, c.port) for run in runs_of(c.batch))
        elif isinstance(c, ev.Notice) and c.kind == "failure":
            self.processed[c.run, c.node] += 1
            if any((w.source, w.source_port) == (c.node, "error") for w in self.flow.wires):
                self._give(c.node, "error", c.run)
        elif isinstance(c, ev.Ended):
            assert c.run not in self.unprocessed, f"run {c.run} ended twice"
            self.unprocessed[c.run] = c.unprocessed
            self.over.add(c.run)

    def _says(self, run: int, node: str, start: str) -> int:
        """Return the machine's count for a node under names with the prefix *start*."""
        return sum(u.n for u in self.unprocessed[run] if u.node == node and u.name.startswith(start))

    def check(self, driver: Driver) -> None:
        """Check that every message of every finished run ended exactly once, by node, and that the views agree."""
        for run in self.unprocessed:
            names = [(u.node, u.name, u.reason, u.text) for u in self.unprocessed[run]]
            assert len(set(names)) == len(names)
            for node in self.flow.nodes:
                self._check_node(run, node.id, node.join, end=node.module == "end" and node.kind == "task")
        for (run, name, port), n in self.given.items():
            behind = self._behind(run, name, port)
            assert n == self.results[run, name, port] + behind, f"run {run}: {name}.{port} gave {n}"
        self._check_views(driver)

    def _cut_parts(self, run: int, node: str) -> int:
        return sum(u.n for u in self.unprocessed[run] if u.node == node and u.text.endswith("while the join waited"))

    def _behind(self, run: int, node: str, port: str) -> int:
        return self._says(run, node, f"output {node}.{port}") + self._cut_behind(run, node, f"while {node}.{port} was held")

    def _cut_behind(self, run: int, node: str, text: str = "was held") -> int:
        """Return the number of outputs held behind the node when an `end` ended the run."""
        return sum(u.n for u in self.unprocessed[run] if u.node == node and u.reason == "cut" and u.text.endswith(text))

    def _check_node(self, run: int, node: str, join: str, *, end: bool) -> None:
        """Check ``put = processed + dropped + unfinished``; at a join once for the messages in, and once for the messages out."""
        wires = [w for w in self.flow.wires if w.target == node]
        ports = {(w.source, w.source_port) for w in wires}
        behind = sum(self._behind(run, s, p) * sum((w.source, w.source_port) == (s, p) for w in wires) for s, p in ports)
        came, parts = self.came[run, node] - behind, self._cut_parts(run, node)
        here = self._says(run, node, "node ") + self._says(run, node, "end ") - parts - self._cut_behind(run, node)
        fired = self.processed[run, node] + here - self.fed[run, node]
        if end:
            return
        if join == "each":
            assert came == fired, f"run {run}: {came} came to {node}, and {fired} ended there; {self.unprocessed[run]}"
            return
        used = fired * (len(wires) if join == "all" else 1)
        lost = self._says(run, node, "join ") + parts
        assert came == used + lost, f"run {run}: {came} came to join {node}: {used} used, {lost} not; {self.unprocessed[run]}"

    def _check_views(self, driver: Driver) -> None:
        view = driver.machine.view()
        sent = Counter[str]()
        for wire in view.wires:
            sent[wire.name.partition(">")[2].partition(".")[0]] += wire.sent
        for (_, node), n in self.fed.items():
            sent[node] += n
        joins = {n.id: n.join for n in self.flow.nodes}
        for node in view.nodes:
            told = [u for found in self.unprocessed.values() for u in found if u.node == node.id]
            assert node.dropped == sum(u.n for u in told if u.dropped), node
            assert node.unfinished == sum(u.n for u in told if not u.dropped), node
            behind = sum(u.n for u in told if u.name.startswith("output "))
            behind += sum(self._cut_behind(run, node.id) for run in self.unprocessed)
            if joins[node.id] == "each":
                assert sent[node.id] == node.taken + node.dropped + node.unfinished - behind, (node, sent[node.id])
