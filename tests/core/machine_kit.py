"""A tiny world around a machine: it loads everything at once and runs modules that are Python functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from floe_jupyter.core.events import (
    Activate,
    Activated,
    Back,
    Call,
    Command,
    Count,
    Failure,
    Inject,
    Load,
    Loaded,
    Output,
    Pause,
    Reply,
    Returned,
    Route,
    Routed,
    Start,
    StateChange,
    Step,
)
from floe_jupyter.core.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.model import Flow, Module, Node, Wire

Function = Callable[[Any], Iterable[Any]]


def batch(*values: Any, run: int = 1, runs: tuple[int, ...] | None = None) -> Batch:
    text = json.dumps(list(values), separators=(",", ":")).encode()
    return Batch(text, len(values), run=0 if runs else run, runs=runs)


def flow(*wires: str, nodes: Iterable[Node] = (), **options: Any) -> Flow:
    """`flow("a>b", "a.bad>c.in")`; nodes with options are given, the others are plain modules of their own name."""
    given = {node.id: node for node in nodes}
    parsed = [_wire(text) for text in wires]
    names = list(dict.fromkeys([*(end for w in parsed for end in (w.source, w.target)), *given]))
    return Flow("f", tuple(given.get(name, Node(name, name)) for name in names), tuple(parsed), **options)


def _wire(text: str) -> Wire:
    (source, _, source_port), (target, _, target_port) = (end.partition(".") for end in text.split(">"))
    return Wire(source, target, source_port or "out", target_port or "in")


def modules_of(flow: Flow) -> dict[str, Module]:
    names = [node.module for node in flow.nodes if node.kind == "module"]
    return {name: Module(name, "code", outputs=("out", "bad", "error")) for name in names}


class World:
    """Drives a machine by hand; every event is followed by `check`."""

    def __init__(self, flow: Flow, *, loaded: bool = True, runtime: Callable[[str], str] = lambda node: f"r-{node}",
                 fusable: bool = False, **options: Any) -> None:
        self.flow, self.modules = flow, modules_of(flow)
        self.machine = Machine(flow, self.modules, **options)
        self.runtime, self.fusable = runtime, fusable
        self.now = 0.0
        self.log: list[Command] = []
        self.send(Start())
        if loaded:
            self.load_all()

    def send(self, event: Any, now: float | None = None) -> list[Command]:
        self.now = self.now if now is None else now
        commands = self.machine.handle(event, self.now)
        self.machine.check()
        self.log.extend(commands)
        return commands

    def load_all(self) -> list[Command]:
        """Answer every load, activation and route that was not answered yet."""
        found: list[Command] = []
        while pending := [c for c in self.log if isinstance(c, Load | Activate | Route)]:
            self.log = [c for c in self.log if c not in pending]
            for command in pending:
                found += self.send(self._answer(command))
        return found

    def _answer(self, command: Any) -> Any:
        if isinstance(command, Load):
            return Loaded(command.node, command.lane, command.module.version, self.runtime(command.node), self.fusable)
        if isinstance(command, Activate):
            return Activated(command.node, command.lane, command.version, command.state)
        return Routed(command.node, command.lane)

    def inject(self, node: str, *values: Any, run: int = 1, runs: tuple[int, ...] | None = None, token: Any = None,
               port: str = "in") -> list[Command]:
        return self.send(Inject(node, batch(*values, run=run, runs=runs), port, token))

    def calls(self, *nodes: str) -> list[Call]:
        """The calls that are not answered, oldest first."""
        return [c for c in self.log if isinstance(c, Call) and (not nodes or c.node in nodes)]

    def give(self, call: Call, *outputs: Output, consumed: int | None = None, end: bool = True, **more: Any) -> list[Command]:
        if end:
            self.log.remove(call)
        return self.send(Returned(call.call, call.batch.n if consumed is None else consumed, outputs=outputs, end=end, **more))

    def echo(self, call: Call, port: str = "out") -> list[Command]:
        """Every message comes out as it came in."""
        b = call.batch
        return self.give(call, Output(call.node, port, Batch(b.payload, b.n, b.run, b.runs)))

    def fail(self, call: Call, message: str = "ValueError: no", consumed: int = 0, **more: Any) -> list[Command]:
        return self.give(call, consumed=consumed, failure=Failure(call.node, message), **more)

    def all(self, kind: type, /, **fields: Any) -> list[Any]:
        """All commands of a kind so far, whose fields are these."""
        return [c for c in self.log if isinstance(c, kind) and all(getattr(c, k) == v for k, v in fields.items())]


def values(batch: Batch) -> list[Any]:
    found = json.loads(batch.payload)
    assert isinstance(found, list)
    return found


def paused(*messages: object, wires: tuple[str, ...] = ("a>b",), **options: object) -> World:
    world = World(flow(*wires), **options)
    world.send(Pause("p"))
    if messages:
        world.inject("a", *messages)
    return world


def step(world: World, **fields: object) -> object:
    """Step, and let every module that is called echo."""
    world.send(Step(token="s", **fields))
    for call in world.calls():
        world.echo(call)
    return world.all(Reply, token="s")[-1].value


def back(world: World) -> Reply:
    world.send(Back("b"))
    return world.all(Reply, token="b")[-1]


__all__ = ["Count", "StateChange", "World", "back", "batch", "flow", "modules_of", "paused", "step", "values"]
