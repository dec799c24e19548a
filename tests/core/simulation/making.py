"""Flows and modules for tests, from short texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire


def wire(text: str) -> Wire:
    """Return the wire of ``wire("a.bad > b")``."""
    source, target = (part.strip().partition(".") for part in text.split(">"))
    return Wire(source[0], target[0], source[2] or "out", target[2] or "in")


def make_flow(wires: str, nodes: Mapping[str, Mapping[str, Any]] | None = None) -> Flow:
    """Return the flow of ``make_flow("a>b, b>c", {"c": {"join": "all"}})``: nodes in the order of first mention, each its own
    module.
    """
    made = tuple(wire(part) for part in wires.split(",") if part.strip())
    options = {name: dict(given) for name, given in (nodes or {}).items()}
    order = dict.fromkeys([n for w in made for n in (w.source, w.target)] + list(options))
    return Flow("f", tuple(Node(id=n, **{"module": n, **options.get(n, {})}) for n in order), made)


def make_modules(flow: Flow, **state: str) -> dict[str, Module]:
    """Return a module for each name used by the nodes; a module's source is its name."""
    ports = {
        m: tuple(
            dict.fromkeys(["out", *(w.source_port for w in flow.wires for n in flow.nodes if n.id == w.source and n.module == m)])
        )
        for m in dict.fromkeys(n.module for n in flow.nodes)
    }
    return {m: Module(m, m, outputs=outs, state=state.get(m, "{}")) for m, outs in ports.items()}
