"""Columns of the nodes in a picture, and the groups of nodes drawn together."""

from __future__ import annotations

from floe_jupyter.core.flow.model import Flow, Wire


def parts_of(flow: Flow) -> list[tuple[list[str], list[int]]]:
    """Return the connected parts (nodes, indices of wires) in the order of the flow; single nodes are one part, the last."""
    root = {node.id: node.id for node in flow.nodes}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = name = root[root[name]]
        return name

    for wire in flow.wires:
        root[find(wire.target)] = find(wire.source)
    touched = {name for wire in flow.wires for name in (wire.source, wire.target)}
    parts: dict[str, tuple[list[str], list[int]]] = {}
    for node in flow.nodes:
        if node.id in touched:
            parts.setdefault(find(node.id), ([], []))[0].append(node.id)
    for index, wire in enumerate(flow.wires):
        parts[find(wire.source)][1].append(index)
    alone = [node.id for node in flow.nodes if node.id not in touched]
    return [*parts.values(), *([(alone, [])] if alone else [])]


def grid(nodes: list[str]) -> dict[str, int]:
    """Return the column of each node without wires, in rows of a grid."""
    across = max(1, min(8, round(len(nodes) ** 0.5)))
    return {name: i % across for i, name in enumerate(nodes)}


def columns_of(nodes: list[str], wires: list[Wire]) -> dict[str, int]:
    """Return the column of each node: longest paths without the wires which close cycles, sources next to their targets."""
    following: dict[str, list[str]] = {name: [] for name in nodes}
    for wire in wires:
        following[wire.source].append(wire.target)
    ahead = _acyclic(nodes, following)
    column = dict.fromkeys(nodes, 0)
    order = _topological(nodes, ahead)
    for name in order:
        for target in ahead[name]:
            column[target] = max(column[target], column[name] + 1)
    fed = {target for targets in ahead.values() for target in targets}
    for name in reversed(order):
        if name not in fed and ahead[name]:
            column[name] = min(column[target] for target in ahead[name]) - 1
    return column


def _acyclic(nodes: list[str], following: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the wires without cycles. Depth first, sources first: a wire to a node still open closes a cycle."""
    fed = {target for name, targets in following.items() for target in targets if target != name}
    done: dict[str, bool] = {}
    ahead: dict[str, list[str]] = {name: [] for name in nodes}
    for root in [*(n for n in nodes if n not in fed), *(n for n in nodes if n in fed)]:
        path = [] if root in done else [(root, iter(following[root]))]
        done.setdefault(root, False)
        while path:
            name, rest = path[-1]
            target = next(rest, None)
            if target is None:
                done[name] = True
                path.pop()
            elif done.get(target, True):
                ahead[name].append(target)
                if target not in done:
                    done[target] = False
                    path.append((target, iter(following[target])))
    return ahead


def _topological(nodes: list[str], ahead: dict[str, list[str]]) -> list[str]:
    waiting = dict.fromkeys(nodes, 0)
    for targets in ahead.values():
        for target in targets:
            waiting[target] += 1
    ready = [name for name in nodes if not waiting[name]]
    for name in ready:
        for target in ahead[name]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return ready
