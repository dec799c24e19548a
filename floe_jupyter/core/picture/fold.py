"""Folding of large flows: neighbouring nodes are drawn as one box, so the picture stays small and legible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine.snapshots import NodeView, View, WireView
from floe_jupyter.core.picture.columns import columns_of, parts_of

MOST = 120
"""Maximum number of nodes drawn without folding."""
GROUPS = 48
"""Approximate number of boxes of a folded flow, besides the nodes kept apart."""
LARGEST = 48
"""Maximum number of nodes in a box."""
APART = 24
"""Maximum number of nodes with failures, breakpoints or held messages in separate boxes."""
_BUSY = ("failed", "refused", "held", "full", "busy", "loading")
"""Statuses in order of precedence: several nodes have the first of these which one of the nodes has."""

Groups = dict[str, tuple[str, ...]]
"""Nodes of each box of several nodes, by the name of the box."""


class Folded(msgspec.Struct, frozen=True):
    """A flow of boxes for one node or many, and the view of the flow."""

    flow: Flow
    view: View | None
    hidden: int
    """Number of nodes without a separate box."""


def fold(flow: Flow, view: View | None, held: Collection[str]) -> Folded:
    """Draw neighbouring columns as one box each; nodes which fail, hold messages (*held*) or have breakpoints stay unfolded."""
    seen = {node.id: node for node in view.nodes} if view is not None else {}
    groups = groups_of(flow, _apart(flow, seen, held))
    small = folded(flow, groups)
    shown = None if view is None else _view(view, seen, small, groups, flow)
    return Folded(small, shown, sum(map(len, groups.values())))


def _apart(flow: Flow, seen: dict[str, NodeView], held: Collection[str]) -> set[str]:
    marked = {name for name, node in seen.items() if node.failed or node.held or node.breaks}
    return {name for name, _ in zip([n.id for n in flow.nodes if n.id in held or n.id in marked], range(APART), strict=False)}


def groups_of(flow: Flow, apart: Collection[str] = ()) -> Groups:
    """Return the boxes that neighbouring columns are drawn as, without the nodes *apart*; none for a flow that is not large."""
    if len(flow.nodes) <= MOST:
        return {}
    places = _places(flow)
    columns = sorted(set(places.values()))
    per = -(-len(columns) // GROUPS)
    block = {column: i // per for i, column in enumerate(columns)}
    found: dict[int, list[str]] = {}
    for node in flow.nodes:
        if node.id not in apart:
            found.setdefault(block[places[node.id]], []).append(node.id)
    pieces = [piece for names in found.values() for piece in _pieces(names)]
    return {f"{names[0]} … {names[-1]}": tuple(names) for names in pieces if len(names) > 1}


def _places(flow: Flow) -> dict[str, tuple[int, int]]:
    """Return the connected part and the column of each node."""
    places = {}
    for part, (nodes, wires) in enumerate(parts_of(flow)):
        column = columns_of(nodes, [flow.wires[i] for i in wires])
        places.update({name: (part, column[name]) for name in nodes})
    return places


def _pieces(names: list[str]) -> list[list[str]]:
    """Split nodes into pieces of about the same size."""
    size = -(-len(names) // -(-len(names) // LARGEST))
    return [names[at : at + size] for at in range(0, len(names), size)]


def folded(flow: Flow, groups: Mapping[str, Collection[str]]) -> Flow:
    """Return the flow with one node for each group. Wires within a group are left out, equal wires between groups drawn once."""
    boxes = {name: box for box, names in groups.items() for name in names}
    if not boxes:
        return flow
    nodes: dict[str, Node] = {}
    for node in flow.nodes:
        box = boxes.get(node.id)
        nodes.setdefault(box or node.id, node if box is None else Node(box, f"{len(groups[box]):,} nodes"))
    wires = {wire.name: wire for wire in (drawn(wire, boxes) for wire in flow.wires) if wire is not None}
    return msgspec.structs.replace(flow, nodes=tuple(nodes.values()), wires=tuple(wires.values()))


def drawn(wire: Wire, boxes: Mapping[str, str]) -> Wire | None:
    """Return a wire as drawn between *boxes* (by node); None for a wire within a box."""
    source, target = boxes.get(wire.source), boxes.get(wire.target)
    if source is None and target is None:
        return wire
    if source == target:
        return None
    return Wire(
        source or wire.source,
        target or wire.target,
        wire.source_port if source is None else "out",
        wire.target_port if target is None else "in",
    )


def _view(view: View, seen: dict[str, NodeView], small: Flow, groups: Groups, flow: Flow) -> View:
    boxes = {name: box for box, names in groups.items() for name in names}
    by_name = {wire.name: wire for wire in view.wires}
    sent: dict[str, list[WireView]] = {}
    for wire in flow.wires:
        shown = drawn(wire, boxes)
        if shown is not None and wire.name in by_name:
            sent.setdefault(shown.name, []).append(by_name[wire.name])
    inside = [(node.id, groups.get(node.id, (node.id,))) for node in small.nodes]
    nodes = tuple(_node(box, [seen[name] for name in names if name in seen]) for box, names in inside)
    return msgspec.structs.replace(view, nodes=nodes, wires=tuple(_wire(w, sent.get(w.name, [])) for w in small.wires))


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
