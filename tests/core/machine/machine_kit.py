"""A tiny world around a machine: loads everything at once and runs modules made of Python functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from floe_jupyter.core.flow.model import Flow, Module, Node, RetryPolicy, Wire
from floe_jupyter.core.machine.events import (
    Activate,
    Activated,
    Back,
    Call,
    Command,
    Count,
    Ended,
    Failure,
    Inject,
    Load,
    Loaded,
    LoadFailed,
    Output,
    Pause,
    Reply,
    Returned,
    Rewire,
    Route,
    Routed,
    RuntimeLost,
    Start,
    StateChange,
    Step,
    Unprocessed,
)
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch

Function = Callable[[Any], Iterable[Any]]


def batch(*values: Any, run: int = 1, runs: tuple[int, ...] | None = None) -> Batch:
    """Return a batch of values."""
    text = json.dumps(list(values), separators=(",", ":")).encode()
    return Batch(text, len(values), run=0 if runs else run, runs=runs)


def flow(*wires: str, nodes: Iterable[Node] = (), **options: Any) -> Flow:
    """Return the flow of `flow("a>b", "a.bad>c.in")`; *nodes* are nodes with options, all others plain modules of the node's
    name.
    """
    given = {node.id: node for node in nodes}
    parsed = [_wire(text) for text in wires]
    names = list(dict.fromkeys([*(end for w in parsed for end in (w.source, w.target)), *given]))
    return Flow("f", tuple(given.get(name, Node(name, name)) for name in names), tuple(parsed), **options)


def _wire(text: str) -> Wire:
    (source, _, source_port), (target, _, target_port) = (end.partition(".") for end in text.split(">"))
    return Wire(source, target, source_port or "out", target_port or "in")


def modules_of(flow: Flow) -> dict[str, Module]:
    """Return a module for every node."""
    names = [node.module for node in flow.nodes if node.kind == "module"]
    return {name: Module(name, "code", outputs=("out", "bad", "error")) for name in names}


class World:
    """Drives a machine by hand; `check` follows every event."""

    def __init__(
        self,
        flow: Flow,
        *,
        loaded: bool = True,
        runtime: Callable[[str], str] = lambda node: f"r-{node}",
        fusable: bool = False,
        **options: Any,
    ) -> None:
        self.flow, self.modules = flow, modules_of(flow)
        self.machine = Machine(flow, self.modules, **options)
        self.runtime, self.fusable = runtime, fusable
        self.now = 0.0
        self.log: list[Command] = []
        self.told: list[Command] = []
        """All commands, answered ones included."""
        self.send(Start())
        if loaded:
            self.load_all()

    def send(self, event: Any, now: float | None = None) -> list[Command]:
        """Handle an event and return its commands."""
        self.now = self.now if now is None else now
        commands = self.machine.handle(event, self.now)
        self.machine.check()
        self.log.extend(commands)
        self.told.extend(commands)
        return commands

    def load_all(self) -> list[Command]:
        """Answer every unanswered load, activation and route."""
        found: list[Command] = []
        while pending := [c for c in self.log if isinstance(c, Load | Activate | Route)]:
            self.log = [c for c in self.log if c not in pending]
            for command in pending:
                found += self.send(self._answer(command))
        return found

    def _answer(self, command: Any) -> Any:
        if isinstance(command, Load):
            return Loaded(command.node, command.worker, command.module.version, self.runtime(command.node), self.fusable)
        if isinstance(command, Activate):
            return Activated(command.node, command.worker, command.version, command.state)
        return Routed(command.node, command.worker)

    def inject(
        self, node: str, *values: Any, run: int = 1, runs: tuple[int, ...] | None = None, token: Any = None, port: str = "in"
    ) -> list[Command]:
        """Put messages in front of a node."""
        return self.send(Inject(node, batch(*values, run=run, runs=runs), port, token))

    def calls(self, *nodes: str) -> list[Call]:
        """Return the unanswered calls, oldest first."""
        return [c for c in self.log if isinstance(c, Call) and (not nodes or c.node in nodes)]

    def taken(self, node: str) -> list[Call]:
        """Return all calls of a node, in order."""
        return [c for c in self.told if isinstance(c, Call) and c.node == node]

    def give(self, call: Call, *outputs: Output, consumed: int | None = None, end: bool = True, **more: Any) -> list[Command]:
        """Answer a call."""
        if end:
            self.log.remove(call)
        return self.send(Returned(call.call, call.batch.n if consumed is None else consumed, outputs=outputs, end=end, **more))

    def echo(self, call: Call, port: str = "out") -> list[Command]:
        """Answer a call with its own messages as outputs."""
        b = call.batch
        return self.give(call, Output(call.node, port, Batch(b.payload, b.n, b.run, b.runs)))

    def fail(self, call: Call, message: str = "ValueError: no", consumed: int = 0, **more: Any) -> list[Command]:
        """Answer a call with a failure."""
        return self.give(call, consumed=consumed, failure=Failure(call.node, message), **more)

    def all(self, kind: type, /, **fields: Any) -> list[Any]:
        """Return all commands of a kind with the given fields."""
        return [c for c in self.log if isinstance(c, kind) and all(getattr(c, k) == v for k, v in fields.items())]


def values(batch: Batch) -> list[Any]:
    """Return the values of a batch."""
    found = json.loads(batch.payload)
    assert isinstance(found, list)
    return found


def paused(*messages: object, wires: tuple[str, ...] = ("a>b",), **options: object) -> World:
    """Return a paused world fed with messages."""
    world = World(flow(*wires), **options)
    world.send(Pause("p"))
    if messages:
        world.inject("a", *messages)
    return world


def step(world: World, **fields: object) -> object:
    """Step, and answer every call with its own messages."""
    world.send(Step(token="s", **fields))
    for call in world.calls():
        world.echo(call)
    return world.all(Reply, token="s")[-1].value


def back(world: World) -> Reply:
    """Step back."""
    world.send(Back("b"))
    return world.all(Reply, token="b")[-1]


__all__ = ["Count", "StateChange", "World", "back", "batch", "flow", "modules_of", "paused", "step", "values"]


def version(n: int, name: str = "a") -> Module:
    """Return a version of module a."""
    return Module(name, f"v{n}", version=n, outputs=("out", "bad"))


def failed(n: int, text: str = "SyntaxError") -> LoadFailed:
    """Return a failed load of node a."""
    return LoadFailed("a", 0, n, Failure("a", text, kind="load"))


def reshape(world: World, new: Flow) -> list[Any]:
    """Replace the flow."""
    return world.send(Rewire(new, tuple(modules_of(new).values()), token="w"))


CANCELLED = Ended(1, "cancelled", (), (Unprocessed("a", "node a", "unfinished", 1),), fed=1)
"""End of a run whose only message was at work in node a."""


def lose(world: World, node: str = "a", cause: str = "signal 11") -> None:
    """Kill the node's runtime, and load everything again."""
    world.log = [c for c in world.log if c not in world.calls(node)]
    world.send(RuntimeLost(f"r-{node}", cause))
    world.load_all()


def retrying(backoff: float = 1.0) -> World:
    """Return a world whose node a retries."""
    return World(flow("a>b", nodes=[Node("a", "a", on_error="retry", retry=RetryPolicy(2, backoff, 0.5))]))
