"""Helpers of the tests of crashes: flows in a single runtime, and events of the runtime."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Node
from floe_jupyter.core.machine.events import (
    Ended,
    Load,
    Loaded,
    Output,
    RuntimeLost,
)
from tests.core.machine.machine_kit import World, batch, flow

KEYED = Node("a", "a", workers=2, by="msg['k']")


def one(*wires: str, nodes: tuple[Node, ...] = (), **options: object) -> World:
    """Return a world with all nodes in a single runtime."""
    return World(flow(*wires, nodes=nodes), runtime=lambda node: "one", **options)


def load(world: World, *nodes: str) -> None:
    """Answer the loads of *nodes*."""
    for load in [c for node in nodes for c in world.log if isinstance(c, Load) and c.node == node]:
        world.log.remove(load)
        world.send(Loaded(load.node, load.worker, 1, "one", False))


def kill(world: World, *nodes: str) -> None:
    """Kill the runtime, and load *nodes* again."""
    world.log = [c for c in world.log if c not in world.calls()]
    world.send(RuntimeLost("one", "signal 11"))
    load(world, *nodes)


def finish(world: World) -> list[object]:
    """Answer every call in order; return the statuses of the ended runs."""
    for _ in range(1_000):
        if not world.calls():
            break
        world.echo(world.calls()[0])
    return [ended.status for ended in world.all(Ended)]


def generate(world: World, node: str, n: int, *, first: int = 0, consumed: int = 0, end: bool = False) -> None:
    """Give *n* more outputs of the call under way; *end* the call with *consumed*."""
    call = world.calls(node)[0]
    outputs = batch(*range(first, first + n))
    given = Output(node, "out", outputs, tuple(range(first, first + n)), (0,) * n)
    world.give(call, given, consumed=consumed, end=end, emitted=0 if end else first + n)


def keys(world: World, *nodes: str) -> list[tuple[str, int]]:
    """Return the numbers of the messages at work; no message has an id."""
    assert all(call.batch.ids is None for call in world.calls(*nodes))
    return [(call.node, number) for call in world.calls(*nodes) for number in range(call.first, call.first + call.batch.n)]
