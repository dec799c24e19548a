"""Questions about the shape of a flow: where it begins, what lies behind a node, where it goes in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from floe_jupyter.core.model import Flow
from floe_jupyter.errors import unknown


def sources(flow: Flow) -> tuple[str, ...]:
    """The nodes without incoming wires, in the order of the flow: input without an address goes to them."""
    targets = {wire.target for wire in flow.wires}
    return tuple(node.id for node in flow.nodes if node.id not in targets)


def downstream(flow: Flow, node: str) -> tuple[str, ...]:
    """The node itself and all that its messages can reach, in the order of the flow. Raises UnknownName."""
    return _reachable(flow, node, ((w.source, w.target) for w in flow.wires))


def upstream(flow: Flow, node: str) -> tuple[str, ...]:
    """The node itself and all whose messages can reach it, in the order of the flow. Raises UnknownName."""
    return _reachable(flow, node, ((w.target, w.source) for w in flow.wires))


def _reachable(flow: Flow, start: str, edges: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    ids = [node.id for node in flow.nodes]
    if start not in ids:
        raise unknown("node", start, ids)
    following = _following(ids, edges)
    found, todo = {start}, [start]
    while todo:
        for name in following[todo.pop()]:
            if name not in found:
                found.add(name)
                todo.append(name)
    return tuple(name for name in ids if name in found)


def _following(ids: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {name: [] for name in ids}
    for source, target in edges:
        following.setdefault(source, []).append(target)
        following.setdefault(target, [])
    return following


def cycle_wires(flow: Flow) -> frozenset[str]:
    """The names of the wires that lie on a cycle: both ends are in one strongly connected component."""
    component = components(flow)
    return frozenset(w.name for w in flow.wires if component[w.source] == component[w.target])


def components(flow: Flow) -> dict[str, int]:
    """Node -> the number of its strongly connected component, counted from 0, what is behind before what is in front.

    Tarjan's algorithm with a stack of its own, so that a chain of 10,000 nodes is as good as one of ten.
    """
    following = _following((n.id for n in flow.nodes), ((w.source, w.target) for w in flow.wires))
    search = _Search(following)
    for name in following:
        if name not in search.order:
            search.walk(name)
    return search.component


class _Search:
    """The state of one depth-first search: when each node was met, and how far back it can reach."""

    def __init__(self, following: dict[str, list[str]]) -> None:
        self.following = following
        self.order: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.component: dict[str, int] = {}
        self.open: list[str] = []
        self.count = 0

    def walk(self, root: str) -> None:
        path: list[tuple[str, Iterator[str]]] = [self._enter(root)]
        while path:
            name, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                self._leave(name, path[-1][0] if path else "")
            elif following not in self.order:
                path.append(self._enter(following))
            elif following not in self.component:
                self.low[name] = min(self.low[name], self.order[following])

    def _enter(self, name: str) -> tuple[str, Iterator[str]]:
        self.order[name] = self.low[name] = len(self.order)
        self.open.append(name)
        return name, iter(self.following[name])

    def _leave(self, name: str, parent: str) -> None:
        if parent:
            self.low[parent] = min(self.low[parent], self.low[name])
        if self.low[name] != self.order[name]:
            return
        member = ""
        while member != name:
            member = self.open.pop()
            self.component[member] = self.count
        self.count += 1
