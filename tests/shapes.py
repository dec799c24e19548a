"""Large flows of four shapes, and their modules: what starts them and loads them must cost the same for each node."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire

PASS = {
    "python": Module("pass_on", "def pass_on(msg):\n    return msg\n"),
    "js": Module("pass_on", "export default (msg) => msg;\n", "js"),
}
CHOOSE = {
    "python": Module("choose", "def choose(msg, ctx):\n    ctx.emit('x' if msg % 2 else 'y', msg + 1)\n", outputs=("x", "y")),
    "js": Module(
        "choose", "export default (msg, ctx) => { ctx.emit(msg % 2 ? 'x' : 'y', msg + 1); };\n", "js", outputs=("x", "y")
    ),
}


def chain(n: int) -> Flow:
    """Each node feeds the next."""
    return _flow("chain", [_node(f"n{i}") for i in range(n)], [Wire(f"n{i}", f"n{i + 1}") for i in range(n - 1)])


def lattice(n: int) -> Flow:
    """Fan-outs and fan-ins: node i feeds i + 7 and i + 11. A message to the first node would multiply; send it to the last."""
    wires = [Wire(f"n{i}", f"n{i + far}") for i in range(n) for far in (7, 11) if i + far < n]
    return _flow("lattice", [_node(f"n{i}") for i in range(n)], wires)


def ladder(n: int) -> Flow:
    """Decisions in a row: each message goes one of two ways, and both lead to the next decision."""
    steps = range(max(1, n // 3))
    nodes = [node for i in steps for node in (_node(f"r{i}", "choose"), _node(f"a{i}"), _node(f"b{i}"))]
    wires = [wire for i in steps for wire in (Wire(f"r{i}", f"a{i}", "x"), Wire(f"r{i}", f"b{i}", "y"))]
    wires += [Wire(f"{side}{i}", f"r{i + 1}") for i in steps[:-1] for side in "ab"]
    return _flow("ladder", nodes, wires)


def fan(n: int) -> Flow:
    """One node feeds all others, and they feed one join."""
    between = [f"w{i}" for i in range(max(1, n - 2))]
    nodes = [_node("first"), *map(_node, between), Node("last", "pass_on", join="all")]
    return _flow("fan", nodes, [wire for name in between for wire in (Wire("first", name), Wire(name, "last"))])


SHAPES: dict[str, Callable[[int], Flow]] = {"chain": chain, "lattice": lattice, "ladder": ladder, "fan": fan}


def entry(flow: Flow) -> str:
    """The node that the first message goes to."""
    return flow.nodes[-1 if flow.name.startswith("lattice") else 0].id


def modules(lang: str = "python") -> dict[str, Module]:
    """The modules of all shapes."""
    return {"pass_on": PASS[lang], "choose": CHOOSE[lang]}


def _node(name: str, module: str = "pass_on") -> Node:
    return Node(name, module)


def _flow(name: str, nodes: list[Node], wires: list[Wire]) -> Flow:
    return Flow(f"{name}{len(nodes)}", tuple(nodes), tuple(wires))
