"""Wired ports of nodes: where wires meet their nodes."""

from __future__ import annotations

from collections.abc import Iterable

from floe_jupyter.core.flow.model import Flow, Wire

Ports = dict[str, dict[str, int]]
"""Wired ports of each node on one side, with their indices from the top."""


def exits_of(wires: Iterable[Wire]) -> Ports:
    """Return the output ports of each node."""
    return _ports_of((wire.source, wire.source_port) for wire in wires)


def entries_of(wires: Iterable[Wire]) -> Ports:
    """Return the input ports of each node."""
    return _ports_of((wire.target, wire.target_port) for wire in wires)


def port_counts(flow: Flow) -> dict[str, int]:
    """Return the number of wired ports of each node, on the side with more."""
    exits, entries = exits_of(flow.wires), entries_of(flow.wires)
    return {node.id: max(len(exits.get(node.id, ())), len(entries.get(node.id, ()))) for node in flow.nodes}


def _ports_of(ends: Iterable[tuple[str, str]]) -> Ports:
    found: Ports = {}
    for node, port in ends:
        ports = found.setdefault(node, {})
        ports.setdefault(port, len(ports))
    return found
