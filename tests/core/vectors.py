"""Reads `tests/vectors/core/*.json` and plays them to a machine. `tests/vectors/core/README.md` tells the format."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import orjson

from floe_jupyter.core.flow.model import Flow, Module, Node, RetryPolicy
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch, encode_plain, values
from tests.core.simulation.contract import Contract
from tests.core.simulation.making import make_modules, wire

FOLDER = Path(__file__).parents[1] / "vectors" / "core"
FREE = {"Wake", "Notice", "Reply", "Accepted", "Route", "Unload"}
"""Commands that a step need not mention; of the others it mentions all."""


def load_vectors() -> list[dict[str, Any]]:
    """All vectors of all files, by file and place."""
    return [{"file": path.stem, **vector} for path in sorted(FOLDER.glob("*.json")) for vector in json.loads(path.read_text())]


def flow_of(given: dict[str, Any]) -> Flow:
    """``{"nodes": {"b": {"join": "all"}}, "wires": ["a>b"]}``; a node that only wires mention has no options."""
    wires = tuple(wire(text) for text in given.get("wires", []))
    options = given.get("nodes", {})
    order = dict.fromkeys([n for w in wires for n in (w.source, w.target)] + list(options))
    return Flow("f", tuple(_node(n, options.get(n, {})) for n in order), wires, version=given.get("version", 1))


def _node(name: str, options: dict[str, Any]) -> Node:
    fields = {"module": name, **options}
    if "retry" in fields:
        fields["retry"] = RetryPolicy(**fields["retry"])
    return Node(id=name, **fields)


def batch_of(given: dict[str, Any], runs: list[int]) -> Batch:
    """The batch of ``values``; one run for all, or one a message."""
    items = given["values"] if "values" in given else list(range(given["count"]))
    same = len(set(runs)) <= 1
    return Batch(
        encode_plain(items),
        len(items),
        run=runs[0] if same and runs else 0,
        runs=None if same else tuple(runs),
        ids=tuple(given["ids"]) if "ids" in given else None,
    )


@dataclass
class Player:
    """Plays one vector: translates its short forms, tracks open calls, compares."""

    vector: dict[str, Any]
    machine: Machine = field(init=False)
    contract: Contract = field(init=False)
    open: dict[int, ev.Call] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self) -> None:
        flow = flow_of(self.vector["flow"])
        modules = make_modules(flow, **{k: json.dumps(v) for k, v in self.vector.get("states", {}).items()})
        self.machine = Machine(flow, modules, **self.vector.get("options", {}))
        self.contract = Contract(flow)
        if self.vector.get("loaded", True):
            self.answer(self.handle(ev.Start()))

    def answer(self, commands: list[ev.Command]) -> None:
        """Load and route everything."""
        for command in commands:
            if isinstance(command, ev.Load):
                self.answer(self.handle(self.loaded(command.node, command.worker, command.module.version)))
            elif isinstance(command, ev.Route):
                self.answer(self.handle(ev.Routed(command.node, command.worker)))

    def loaded(self, node: str, worker: int, version: int) -> ev.Loaded:
        home = self.vector.get("runtimes", {}).get(node, f"{node}-{worker}")
        return ev.Loaded(node, worker, version, home, self.vector.get("fusable", False))

    def handle(self, event: ev.Event) -> list[ev.Command]:
        self.contract.event(event)
        commands = list(self.machine.handle(event, self.now))
        for command in commands:
            self.contract.command(command)
            if isinstance(command, ev.Call):
                self.open[command.call] = command
        if isinstance(event, ev.Returned) and event.end:
            self.open.pop(event.call)
        elif isinstance(event, ev.RuntimeLost):
            self.open = {n: c for n, c in self.open.items() if n in self.contract.calls}
        self.machine.check()
        return commands

    def play(self) -> None:
        for place, step in enumerate(self.vector["steps"], 1):
            self.now = step.get("at", self.now)
            commands = self.handle(self.event(step["in"]))
            where = f"{self.vector['file']}: {self.vector['name']}: step {place}, {json.dumps(step['in'])}"
            compare(step.get("out", []), commands, where, FREE | set(step.get("free", [])))
            unwanted = [c for c in map(plain, commands) if set(c) & set(step.get("without", []))]
            assert not unwanted, f"{where}\n  not wanted: {unwanted}"
            self.look(step.get("then", {}), where)

    # --- short forms ---

    def event(self, given: dict[str, Any]) -> ev.Event:
        ((kind, fields),) = given.items()
        fields = dict(fields)
        make = getattr(self, "_make_" + kind.lower(), None)
        if make:
            return make(fields)  # type: ignore[no-any-return]
        for key in ("id", "message"):
            if str(fields.get(key, "")).startswith("held:"):
                fields[key] = self.held(fields[key][5:])
        return getattr(ev, kind)(**fields)  # type: ignore[no-any-return]

    def held(self, text: str) -> str:
        """``b`` or ``b#2``: the id of the second message held at node b."""
        node, _, place = text.partition("#")
        found = [h.id for h in self.machine.held() if h.node == node]
        assert found, f"nothing is held at {node}; held: {self.machine.held()}"
        return found[int(place or 1) - 1]

    def _make_inject(self, f: dict[str, Any]) -> ev.Event:
        return ev.Inject(
            f["node"],
            batch_of(f, f.get("runs", [f.get("run", 1)])),
            f.get("port", "in"),
            f.get("token", "inject"),
            f.get("close", False),
        )

    def _make_closerun(self, f: dict[str, Any]) -> ev.Event:
        return ev.CloseRun(f.get("run", 1))

    def _make_loaded(self, f: dict[str, Any]) -> ev.Event:
        return self.loaded(f["node"], f.get("worker", 0), f.get("version", 1))

    def _make_loadfailed(self, f: dict[str, Any]) -> ev.Event:
        return ev.LoadFailed(f["node"], f.get("worker", 0), f["version"], ev.Failure(f["node"], f["failure"], "load"))

    def _make_activated(self, f: dict[str, Any]) -> ev.Event:
        return ev.Activated(f["node"], f.get("worker", 0), f["version"], f.get("state", {}))

    def _make_update(self, f: dict[str, Any]) -> ev.Event:
        name, version = f["module"], f["version"]
        return ev.Update(Module(name, f"{name}{version}", version=version), token=f.get("token"))

    def _make_rewire(self, f: dict[str, Any]) -> ev.Event:
        flow = flow_of(f["flow"])
        return ev.Rewire(flow, tuple(make_modules(flow).values()), token=f.get("token"))

    def _make_edit(self, f: dict[str, Any]) -> ev.Event:
        return ev.Edit(
            self.held(f["id"][5:]) if f["id"].startswith("held:") else f["id"], orjson.dumps(f["value"]), token=f.get("token")
        )

    def call_of(self, text: str) -> ev.Call:
        """``b``, ``b#2``, ``b/1``: the oldest open call of node b, the second one, the oldest of worker 1."""
        name, _, place = text.partition("#")
        node, _, worker = name.partition("/")
        found = [c for c in self.open.values() if (c.node, c.worker) == (node, int(worker or 0))]
        assert len(found) >= int(place or 1), f"no open call {text}; open: {list(self.open.values())}"
        return found[int(place or 1) - 1]

    def _make_returned(self, f: dict[str, Any]) -> ev.Event:
        call = self.call_of(f["call"])
        at, n = self.contract.calls[call.call].at, call.batch.n
        failure = self._failure(call, at, f)
        consumed = f.get("consumed", 0 if failure or f.get("emitted") else n - at)
        given = f.get("outputs", [{"values": f["out"]}] if "out" in f else [])
        states = [ev.StateChange(call.node, call.worker, f.get("state", {}), tuple(f.get("unset", ())))]
        return ev.Returned(
            call.call,
            consumed,
            f.get("emitted", 0),
            tuple(self._output(call, at, g) for g in given),
            tuple(ev.Count(**c) for c in f.get("counts", [])),
            tuple(states) if "state" in f or "unset" in f else (),
            tuple(ev.Failure(call.node, s["message"], run=s.get("run", 1)) for s in f.get("skipped", [])),
            failure,
            tuple(ev.Left(g["wire"], batch_of(g, g.get("runs", [1]))) for g in f.get("left", [])),
            f.get("end", failure is not None or at + consumed == n),
        )

    def _failure(self, call: ev.Call, at: int, f: dict[str, Any]) -> ev.Failure | None:
        if "failure" not in f:
            return None
        run = call.batch.run_of(min(at + f.get("consumed", 0), call.batch.n - 1))
        given = f["failure"] if isinstance(f["failure"], dict) else {"message": f["failure"]}
        return ev.Failure(**{"node": call.node, "run": run, **given})

    def _output(self, call: ev.Call, at: int, g: dict[str, Any]) -> ev.Output:
        if "count" in g:
            g = {"index": list(range(g["count"])), "parent": [at] * g["count"], **g}
        parents = g["parent"] if "parent" in g else list(range(at, at + len(g["values"])))
        batch = batch_of(g, [call.batch.run_of(p) for p in parents])
        return ev.Output(
            g.get("node", call.node),
            g.get("port", "out"),
            batch,
            tuple(g["index"]) if "index" in g else None,
            tuple(g["parent"]) if "parent" in g else None,
        )

    # --- looking ---

    def look(self, then: dict[str, Any], where: str) -> None:
        view = self.machine.view()
        nodes = {n.id: msgspec.to_builtins(n) for n in view.nodes}
        full = {n.id: n for n in view.nodes}
        got: dict[str, Any] = {
            "held": lambda: [{**msgspec.to_builtins(h), "value": h.value, "side": h.side} for h in self.machine.held()],
            "depth": lambda: {k: n.depth for k, n in full.items()},
            "status": lambda: {k: n["status"] for k, n in nodes.items()},
            "version": lambda: {k: n.version for k, n in full.items()},
            "dropped": lambda: {k: n.dropped for k, n in full.items()},
            "unfinished": lambda: {k: n.unfinished for k, n in full.items()},
            "sent": lambda: {w.name: w.sent for w in view.wires},
            "runs": lambda: {str(k): v for k, v in view.runs.items()},
            "paused": lambda: view.paused,
            "debug": lambda: view.debug,
            "states": self.machine.states,
            "dead": lambda: [msgspec.to_builtins(f) for f in self.machine.dead()],
            "history": lambda: [[r.node, values(r.input)[0]] for r in self.machine.history()],
            "breaks": self.machine.breaks,
        }
        for key, expected in then.items():
            assert fits(expected, got[key]()), f"{where}: {key} should be {expected}, not {got[key]()}"


def plain(command: ev.Command) -> dict[str, Any]:
    """A command as plain data; a batch as its ``values`` and, where there are several, its ``runs``."""
    data = {f: getattr(command, f) for f in command.__struct_fields__}
    batch = data.pop("batch", None)
    data = msgspec.to_builtins(data)
    if batch is not None:
        runs = [batch.run_of(i) for i in range(batch.n)]
        data |= {"values": values(batch), "runs": runs, "run": runs[0], "ids": batch.ids and list(batch.ids)}
    return {type(command).__name__: data}


def fits(expected: Any, got: Any) -> bool:
    """Dictionaries may hold more than expected; text that begins with ``~`` is to be found in the other."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return all(k in got and fits(v, got[k]) for k, v in expected.items())
    if isinstance(expected, list) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(fits(e, g) for e, g in zip(expected, got, strict=True))
    if isinstance(expected, str) and expected.startswith("~"):
        return expected[1:] in str(got)
    return bool(expected == got)


def compare(expected: list[dict[str, Any]], commands: list[ev.Command], where: str, free: set[str]) -> None:
    """Every expected command is there; no other that matters is. Order counts for equal kinds of one node."""
    got = [plain(c) for c in commands]
    rest = list(got)
    for one in expected:
        found = next((g for g in rest if fits(one, g)), None)
        assert found is not None, f"{where}\n  expected {json.dumps(one)}\n  got      {json.dumps(got, default=str)}"
        rest.remove(found)
    more = [g for g in rest if not set(g) <= free]
    assert not more, f"{where}\n  not expected: {json.dumps(more, default=str)}"
