"""Folding of large flows in a still picture: neighbouring nodes are drawn as one box, so the picture stays small and legible."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine.snapshots import NodeView, View, WireView
from floe_jupyter.core.picture.columns import columns_of, parts_of

MOST = 120
"""Maximum number of nodes drawn without folding."""
GROUPS = 48
"""Approximate number of boxes of a folded flow, besides the nodes kept apart."""
APART = 24
"""Maximum number of nodes with failures, breakpoints or held messages in separate boxes."""
_BUSY = ("failed", "refused", "held", "full", "busy", "loading")
"""Statuses in order of precedence: several nodes have the first of these which one of the nodes has."""


class Folded(msgspec.Struct, frozen=True):
    """A flow of boxes for one node or many, and the view of the flow."""

    flow: Flow
    view: View | None
    hidden: int
    """Number of nodes without a separate box."""


def fold(flow: Flow, view: View | None, held: Collection[str]) -> Folded:
    """Draw neighbouring columns as one box each; nodes which fail, hold messages (*held*) or have breakpoints stay unfolded."""
    seen = {node.id: node for node in view.nodes} if view is not None else {}
    apart = _apart(flow, seen, held)
    groups = _groups(flow, apart)
    boxes = {name: box for box, names in groups.items() for name in names}
    nodes = tuple(_box(flow, box, names) for box, names in groups.items())
    wires = {(boxes[w.source], boxes[w.target]): None for w in flow.wires if boxes[w.source] != boxes[w.target]}
    small = msgspec.structs.replace(flow, nodes=nodes, wires=tuple(Wire(source, target) for source, target in wires))
    shown = None if view is None else _view(view, seen, small, groups, boxes, flow)
    return Folded(small, shown, sum(len(names) for names in groups.values() if len(names) > 1))


def _apart(flow: Flow, seen: dict[str, NodeView], held: Collection[str]) -> set[str]:
    marked = {name for name, node in seen.items() if node.failed or node.held or node.breaks}
    return {name for name, _ in zip([n.id for n in flow.nodes if n.id in held or n.id in marked], range(APART), strict=False)}


def _groups(flow: Flow, apart: set[str]) -> dict[str, list[str]]:
    """Return the nodes of each box, by the name of the box, in the order of the flow."""
    places = _places(flow)
    columns = sorted(set(places.values()))
    per = -(-len(columns) // GROUPS)
    block = {column: i // per for i, column in enumerate(columns)}
    found: dict[object, list[str]] = {}
    for node in flow.nodes:
        found.setdefault(node.id if node.id in apart else block[places[node.id]], []).append(node.id)
    return {_title(names): names for names in found.values()}


def _places(flow: Flow) -> dict[str, tuple[int, int]]:
    """Return the connected part and the column of each node."""
    places = {}
    for part, (nodes, wires) in enumerate(parts_of(flow)):
        column = columns_of(nodes, [flow.wires[i] for i in wires])
        places.update({name: (part, column[name]) for name in nodes})
    return places


def _title(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def _box(flow: Flow, box: str, names: list[str]) -> Node:
    if len(names) == 1:
        return next(node for node in flow.nodes if node.id == names[0])
    return Node(box, f"{len(names):,} nodes")


def _view(
    view: View, seen: dict[str, NodeView], small: Flow, groups: dict[str, list[str]], boxes: dict[str, str], flow: Flow
) -> View:
    sent: dict[tuple[str, str], list[WireView]] = {}
    by_name = {wire.name: wire for wire in view.wires}
    for wire in flow.wires:
        if wire.name in by_name:
            sent.setdefault((boxes[wire.source], boxes[wire.target]), []).append(by_name[wire.name])
    nodes = tuple(_node(box, [seen[name] for name in names if name in seen]) for box, names in groups.items())
    wires = tuple(_wire(wire, sent.get((wire.source, wire.target), [])) for wire in small.wires)
    return msgspec.structs.replace(view, nodes=nodes, wires=wires)


def _node(box: str, nodes: list[NodeView]) -> NodeView:
    if len(nodes) == 1:
        return msgspec.structs.replace(nodes[0], id=box)
    statuses = {node.status for node in nodes}
    status = next((word for word in _BUSY if word in statuses), "idle" if nodes else "")
    return NodeView(
        box,
        "",
        status,
        0,
        _sum(n.taken for n in nodes),
        _sum(n.given for n in nodes),
        _sum(n.failed for n in nodes),
        _sum(n.depth for n in nodes),
        _sum(n.held for n in nodes),
    )


def _wire(wire: Wire, views: list[WireView]) -> WireView:
    return WireView(
        wire.name,
        _sum(w.sent for w in views),
        _sum(w.depth for w in views),
        _sum(w.bytes for w in views),
        any(w.full for w in views),
    )


def _sum(numbers: Iterable[int]) -> int:
    return sum(numbers)
