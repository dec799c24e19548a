"""Where the boxes and wires of a flow stand in a picture: from left to right, in columns, with few crossings.

The steps are Sugiyama's: wires that close a circle are set aside, columns are longest paths, wires that pass a column get a
narrow place in it, the order within a column follows the neighbours (barycenters, sweeping back and forth), and heights are
the mean of the neighbours' as far as the order allows. Wires that go back run below everything. No step depends on a
hash or a random number.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec

from floe_jupyter.core.model import Flow, Wire

GAP = 26.0
"""Between two boxes of a column, in pixels as everything here."""
PASSAGE = 14.0
"""The height of a wire that passes a column, with its distance."""
GUTTER = 76.0
"""Between two columns."""
LANE = 16.0
"""Between two wires that go back."""
MARGIN = 32.0
SWEEPS = 8
Point = tuple[float, float]


class Size(msgspec.Struct, frozen=True):
    width: float
    height: float


class Box(msgspec.Struct, frozen=True):
    """A node's rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class Route(msgspec.Struct, frozen=True):
    """A wire's way. Forward: pairs of points between which it runs straight, then its end; from pair to pair it bends.
    Back: the corners of its way below everything.
    """

    points: tuple[Point, ...]
    back: bool = False


class Layout(msgspec.Struct, frozen=True):
    """Wires that go back may leave the picture by `MARGIN` on the left and right."""

    width: float
    height: float
    boxes: dict[str, Box]
    routes: tuple[Route, ...]
    """One for each wire of the flow."""


def layout(flow: Flow, sizes: Mapping[str, Size]) -> Layout:
    """The places of all nodes; parts that are not connected stand below each other."""
    boxes: dict[str, Box] = {}
    routes: dict[int, Route] = {}
    width = top = 0.0
    for nodes, wires in _parts(flow):
        part = _Part(nodes, [(i, flow.wires[i]) for i in wires], sizes)
        part.place(top)
        boxes.update(part.boxes)
        routes.update(part.routes)
        width, top = max(width, part.width), part.bottom + GAP
    return Layout(width, max(0.0, top - GAP), boxes, tuple(routes[i] for i in range(len(flow.wires))))


def _parts(flow: Flow) -> list[tuple[list[str], list[int]]]:
    """The connected parts (nodes, indices of wires) in the order of the flow; single nodes are one part, the last."""
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


class _Part:
    """One connected part, or all single nodes. Items of columns are names of nodes, or (wire, column) where a wire passes."""

    def __init__(self, nodes: list[str], wires: list[tuple[int, Wire]], sizes: Mapping[str, Size]) -> None:
        self.nodes, self.wires, self.sizes = nodes, wires, sizes
        self.boxes: dict[str, Box] = {}
        self.routes: dict[int, Route] = {}
        self.width = self.bottom = 0.0
        self.column = _columns(nodes, [w for _, w in wires]) if wires else _grid(nodes)
        self.forward = [(i, w) for i, w in wires if self.column[w.source] < self.column[w.target]]
        self.back = [(i, w) for i, w in wires if self.column[w.source] >= self.column[w.target]]
        self.columns: list[list[object]] = [[] for _ in range(max(self.column.values(), default=-1) + 1)]
        self.before: dict[object, list[object]] = {}
        self.behind: dict[object, list[object]] = {}
        self.center: dict[object, float] = {}

    def place(self, top: float) -> None:
        """Fill `boxes` and `routes`, below *top*."""
        self._fill()
        self._order()
        self._heights()
        self._lift(top)
        lefts = self._lefts()
        for name in self.nodes:
            size = self.sizes[name]
            self.boxes[name] = Box(lefts[self.column[name]], self.center[name] - size.height / 2, size.width, size.height)
        self._route(lefts)

    # --- columns and their order

    def _fill(self) -> None:
        for name in self.nodes:
            self.columns[self.column[name]].append(name)
        for index, wire in self.forward:
            last: object = wire.source
            for column in range(self.column[wire.source] + 1, self.column[wire.target]):
                self.columns[column].append((index, column))
                self._join(last, (index, column))
                last = (index, column)
            self._join(last, wire.target)

    def _join(self, left: object, right: object) -> None:
        self.behind.setdefault(left, []).append(right)
        self.before.setdefault(right, []).append(left)

    def _order(self) -> None:
        best, fewest = [list(c) for c in self.columns], self._crossings()
        for sweep in range(SWEEPS):
            if not fewest:
                break
            forward = sweep % 2 == 0
            self._sweep(forward=forward)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(c) for c in self.columns], crossings
        self.columns = best

    def _sweep(self, *, forward: bool) -> None:
        neighbours = self.before if forward else self.behind
        pairs = list(pairwise(self.columns))
        for left, right in pairs if forward else reversed(pairs):
            fixed, free = (left, right) if forward else (right, left)
            at = {item: float(i) for i, item in enumerate(fixed)}
            mean = {item: _mean([at[n] for n in neighbours.get(item, [])], float(i)) for i, item in enumerate(free)}
            free.sort(key=mean.__getitem__)

    def _crossings(self) -> int:
        count = 0
        for left, right in pairwise(self.columns):
            at = {item: i for i, item in enumerate(right)}
            seen: list[int] = []
            for item in left:
                ends = sorted(at[n] for n in self.behind.get(item, []))
                count += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # --- places

    def _height(self, item: object) -> float:
        return self.sizes[item].height + GAP if isinstance(item, str) else PASSAGE

    def _heights(self) -> None:
        for column in self.columns:
            self._settle(column, dict.fromkeys(column, 0.0))
        for sweep in range(SWEEPS * 2):
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                wanted = {item: _mean([self.center[n] for n in self._seen(item, sweep)], self.center[item]) for item in column}
                self._settle(column, wanted)

    def _seen(self, item: object, sweep: int) -> list[object]:
        """Look to one side while sweeping, to both at the end."""
        before, behind = self.before.get(item, []), self.behind.get(item, [])
        if sweep >= SWEEPS:
            return [*before, *behind]
        return (before or behind) if sweep % 2 == 0 else (behind or before)

    def _settle(self, column: list[object], wanted: dict[object, float]) -> None:
        """The places nearest to the wanted ones that keep the order and the distances (pool adjacent violators)."""
        offsets, at = [], 0.0
        for i, item in enumerate(column):
            at += (self._height(column[i - 1]) + self._height(item)) / 2 if i else 0.0
            offsets.append(at)
        blocks: list[tuple[float, int]] = []
        for offset, item in zip(offsets, column, strict=True):
            value, size = wanted[item] - offset, 1
            while blocks and blocks[-1][0] > value:
                other, count = blocks.pop()
                value, size = (value * size + other * count) / (size + count), size + count
            blocks.append((value, size))
        starts = [value for value, size in blocks for _ in range(size)]
        for start, offset, item in zip(starts, offsets, column, strict=True):
            self.center[item] = round(start + offset, 1)

    def _lift(self, top: float) -> None:
        shift = top - min((self.center[n] - self.sizes[n].height / 2 for n in self.nodes), default=0.0)
        shift = max(shift, top - min((c for item, c in self.center.items() if not isinstance(item, str)), default=top - shift))
        for item in self.center:
            self.center[item] += shift
        self.bottom = max([self.center[n] + self.sizes[n].height / 2 for n in self.nodes] +
                          [c for item, c in self.center.items() if not isinstance(item, str)])

    def _lefts(self) -> list[float]:
        self.widths = [max((self.sizes[i].width for i in column if isinstance(i, str)), default=0.0) for column in self.columns]
        lefts, at = [], 0.0
        for width in self.widths:
            lefts.append(at)
            at += width + GUTTER
        self.width = at - GUTTER
        return lefts

    # --- wires

    def _route(self, lefts: list[float]) -> None:
        for index, wire in self.forward:
            self.routes[index] = Route((self._exit(wire), *self._passages(index, wire, lefts), self._entry(wire)))
        for index, wire in self.back:
            if wire.source == wire.target:
                self.routes[index] = Route(self._ring(wire), back=True)
        far = [(index, wire) for index, wire in self.back if wire.source != wire.target]
        self._lanes(sorted(far, key=lambda item: self.column[item[1].source] - self.column[item[1].target]), lefts)

    def _lanes(self, far: list[tuple[int, Wire]], lefts: list[float]) -> None:
        """Below everything: short ways above long ones, several in one lane where they do not meet."""
        lanes: list[list[tuple[int, int]]] = []
        top = self.bottom + GAP / 2 + 4
        for index, wire in far:
            first, last = self.column[wire.target], self.column[wire.source]
            lane = next((i for i, taken in enumerate(lanes) if all(last < a or b < first for a, b in taken)), len(lanes))
            lanes += [[]] * (lane == len(lanes))
            lanes[lane] = [*lanes[lane], (first, last)]
            self.routes[index] = Route(self._loop(wire, lefts, top + LANE * lane, lane % 5 * 4), back=True)
        self.bottom = top + LANE * (len(lanes) - 1) if lanes else self.bottom

    def _exit(self, wire: Wire) -> Point:
        box = self.boxes[wire.source]
        ports = list(dict.fromkeys(w.source_port for _, w in self.wires if w.source == wire.source))
        return box.x + box.width, _port(box, ports.index(wire.source_port), len(ports))

    def _entry(self, wire: Wire) -> Point:
        box = self.boxes[wire.target]
        ports = list(dict.fromkeys(w.target_port for _, w in self.wires if w.target == wire.target))
        return box.x, _port(box, ports.index(wire.target_port), len(ports))

    def _passages(self, index: int, wire: Wire, lefts: list[float]) -> Iterator[Point]:
        column = self.column[wire.source]
        yield lefts[column] + self.widths[column], self._exit(wire)[1]  # boxes may be narrower than their column
        for passed in range(column + 1, self.column[wire.target]):
            y = self.center[index, passed]
            yield lefts[passed], y
            yield lefts[passed] + self.widths[passed], y

    def _ring(self, wire: Wire) -> tuple[Point, ...]:
        """Close around its own node, in the gap below it."""
        box, start, end = self.boxes[wire.source], self._exit(wire), self._entry(wire)
        right, left, y = box.x + box.width + 10, box.x - 12, box.y + box.height + GAP / 2 - 2
        self.bottom = max(self.bottom, y)
        return (start, (right, start[1]), (right, y), (left, y), (left, end[1]), end)

    def _loop(self, wire: Wire, lefts: list[float], y: float, aside: float) -> tuple[Point, ...]:
        start, end = self._exit(wire), self._entry(wire)
        column = self.column[wire.source]
        right, left = lefts[column] + self.widths[column] + 12 + aside, end[0] - 14 - aside
        return (start, (right, start[1]), (right, y), (left, y), (left, end[1]), end)


def _port(box: Box, index: int, count: int) -> float:
    return round(box.y + box.height * (index + 1) / (count + 1), 1)


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _grid(nodes: list[str]) -> dict[str, int]:
    across = max(1, min(8, round(len(nodes) ** 0.5)))
    return {name: i % across for i, name in enumerate(nodes)}


def _columns(nodes: list[str], wires: list[Wire]) -> dict[str, int]:
    """Longest paths over what is left when the wires that close circles are set aside; beginnings stand near what they feed."""
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
    """Depth first, beginnings first: a wire to a node that is still open closes a circle."""
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
