"""Layout of a flow's boxes and wires in a picture: from left to right, in columns, with few crossings.

The steps are Sugiyama's: wires which close a cycle are set aside, columns are longest paths, wires which pass a column get a
narrow position in the column, the order within a column follows the neighbours (barycenters, sweeping back and forth), and
heights are the mean of the neighbours' as far as the order allows. Wires back run below all boxes. Where the columns are wider
than is legible, they are cut into rows below each other, like lines of text. No step depends on a hash or a random number.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import pairwise

import msgspec

from floe_jupyter.core.flow.model import Flow, Wire
from floe_jupyter.core.picture.columns import columns_of, grid, parts_of
from floe_jupyter.core.picture.rows import ROW, Rows

GAP = 26.0
"""Pixels between two boxes of a column (all lengths of this module are in pixels)."""
PASSAGE = 14.0
"""Height of a wire passing a column, with its distance."""
GUTTER = 76.0
"""Width between two columns."""
LANE = 16.0
"""Height between two wires back."""
MARGIN = 32.0
SWEEPS = 8
Point = tuple[float, float]


class Size(msgspec.Struct, frozen=True):
    """Width and height of a box."""

    width: float
    height: float


class Box(msgspec.Struct, frozen=True):
    """The rectangle of a node: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class WirePath(msgspec.Struct, frozen=True):
    """The path of a wire.

    Forward: pairs of points joined by straight lines, then the end point; the path bends from pair to pair. Back, or to another
    row: the corners of the path, which begins level and turns at each corner.
    """

    points: tuple[Point, ...]
    back: bool = False


class Layout(msgspec.Struct, frozen=True):
    """The positions of all boxes and wires. Wires back may leave the picture by `MARGIN` on the left and right."""

    width: float
    height: float
    boxes: dict[str, Box]
    routes: tuple[WirePath, ...]
    """One path for each wire of the flow."""


def layout(flow: Flow, sizes: Mapping[str, Size], widest: float = math.inf, aspect: float = 0.0) -> Layout:
    """Return the positions of all nodes and wires; unconnected parts stand below each other.

    A part wider than *widest* is cut into rows; with an *aspect*, into rows of a width which gives the whole about these
    proportions.
    """
    boxes: dict[str, Box] = {}
    routes: dict[int, WirePath] = {}
    width = top = 0.0
    for nodes, wires in parts_of(flow):
        part = _Part(nodes, [(i, flow.wires[i]) for i in wires], sizes)
        part.place(top, widest, aspect)
        boxes.update(part.boxes)
        routes.update(part.routes)
        width, top = max(width, part.width), part.bottom + GAP
    return Layout(width, max(0.0, top - GAP), boxes, tuple(routes[i] for i in range(len(flow.wires))))


class _Part:
    """One connected part, or all single nodes. Items of columns are names of nodes, or (wire, column) for a passing wire."""

    def __init__(self, nodes: list[str], wires: list[tuple[int, Wire]], sizes: Mapping[str, Size]) -> None:
        self.nodes, self.wires, self.sizes = nodes, wires, sizes
        self.boxes: dict[str, Box] = {}
        self.routes: dict[int, WirePath] = {}
        self.width = self.bottom = 0.0
        self.column = columns_of(nodes, [w for _, w in wires]) if wires else grid(nodes)
        self.forward = [(i, w) for i, w in wires if self.column[w.source] < self.column[w.target]]
        self.back = [(i, w) for i, w in wires if self.column[w.source] >= self.column[w.target]]
        self.columns: list[list[object]] = [[] for _ in range(max(self.column.values(), default=-1) + 1)]
        self.exits, self.entries = (
            _ports_of([(w.source, w.source_port) for _, w in wires]),
            _ports_of([(w.target, w.target_port) for _, w in wires]),
        )
        self.rows = Rows([(0, len(self.columns))])
        self.before: dict[object, list[object]] = {}
        self.behind: dict[object, list[object]] = {}
        self.center: dict[object, float] = {}

    def place(self, top: float, widest: float, aspect: float) -> None:
        """Fill `boxes` and `routes`, below *top*."""
        self._fill()
        self._order()
        self._heights()
        self._lift(top)
        lefts = self._lefts()
        if self.width > widest and self.wires:
            lefts = self._cut(lefts, top, widest, aspect)
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
        """Return the neighbours of an item: on one side while sweeping, on both sides at the end."""
        before, behind = self.before.get(item, []), self.behind.get(item, [])
        if sweep >= SWEEPS:
            return [*before, *behind]
        return (before or behind) if sweep % 2 == 0 else (behind or before)

    def _settle(self, column: list[object], wanted: dict[object, float]) -> None:
        """Set the positions nearest to the wanted ones with the same order and distances (pool adjacent violators)."""
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
        self.bottom = max(
            [self.center[n] + self.sizes[n].height / 2 for n in self.nodes]
            + [c for item, c in self.center.items() if not isinstance(item, str)]
        )

    def _lefts(self) -> list[float]:
        self.widths = [max((self.sizes[i].width for i in column if isinstance(i, str)), default=0.0) for column in self.columns]
        lefts, at = [], 0.0
        for width in self.widths:
            lefts.append(at)
            at += width + GUTTER
        self.width = at - GUTTER
        return lefts

    def _cut(self, lefts: list[float], top: float, widest: float, aspect: float) -> list[float]:
        """Put the columns into rows below each other. Return the left edges of the columns."""
        limit = max(widest, math.sqrt(aspect * self.width * (self.bottom - top + ROW)))
        per = math.ceil(len(self.columns) / math.ceil(self.width / limit))
        self.rows = Rows([(at, min(at + per, len(self.columns))) for at in range(0, len(self.columns), per)])
        for index, wire in self.forward:
            self.rows.reserve_forward(index, self.column[wire.source], self.column[wire.target])
        for index, wire in self.back:
            if wire.source != wire.target:
                self.rows.reserve_back(index, self.column[wire.source], self.column[wire.target])
        self.width = 0.0
        for number, (first, last) in enumerate(self.rows.spans):
            items = [item for column in self.columns[first:last] for item in column]
            shift = top - min(self.center[item] - self._half(item) for item in items)
            for item in items:
                self.center[item] += shift
            self.bottom = max(self.center[item] + self._half(item) for item in items)
            self.rows.bottoms.append(self.bottom)
            top = self.bottom + self.rows.gap(number)
            self.width = max(self.width, lefts[last - 1] + self.widths[last - 1] - lefts[first])
        return [left - lefts[self.rows.first(column)] for column, left in enumerate(lefts)]

    def _half(self, item: object) -> float:
        return self.sizes[item].height / 2 if isinstance(item, str) else 0.0

    # --- wires

    def _route(self, lefts: list[float]) -> None:
        for index, wire in self.forward:
            if self.rows.of(self.column[wire.source]) == self.rows.of(self.column[wire.target]):
                self.routes[index] = WirePath((self._exit(wire), *self._passages(index, wire, lefts), self._entry(wire)))
            else:
                self.routes[index] = WirePath(self._wrapped(index, wire, lefts), back=True)
        for index, wire in self.back:
            if wire.source == wire.target:
                self.routes[index] = WirePath(self._ring(wire), back=True)
        far = [(index, wire) for index, wire in self.back if wire.source != wire.target]
        if len(self.rows.spans) > 1:
            for index, wire in far:
                self.routes[index] = WirePath(self._returned(index, wire, lefts), back=True)
            self.bottom += self.rows.gap(len(self.rows.spans) - 1) - ROW if far else 0.0
            return
        self._lanes(sorted(far, key=lambda item: self.column[item[1].source] - self.column[item[1].target]), lefts)

    def _lanes(self, far: list[tuple[int, Wire]], lefts: list[float]) -> None:
        """Route the wires back below all boxes: short paths above long ones, several in one lane where the paths do not meet."""
        lanes: list[list[tuple[int, int]]] = []
        top = self.bottom + GAP / 2 + 4
        for index, wire in far:
            first, last = self.column[wire.target], self.column[wire.source]
            lane = next((i for i, taken in enumerate(lanes) if all(last < a or b < first for a, b in taken)), len(lanes))
            lanes += [[]] * (lane == len(lanes))
            lanes[lane] = [*lanes[lane], (first, last)]
            self.routes[index] = WirePath(self._loop(wire, lefts, top + LANE * lane, lane % 5 * 4), back=True)
        self.bottom = top + LANE * (len(lanes) - 1) if lanes else self.bottom

    def _exit(self, wire: Wire) -> Point:
        box = self.boxes[wire.source]
        ports = self.exits[wire.source]
        return box.x + box.width, _port(box, ports[wire.source_port], len(ports))

    def _entry(self, wire: Wire) -> Point:
        box = self.boxes[wire.target]
        ports = self.entries[wire.target]
        return box.x, _port(box, ports[wire.target_port], len(ports))

    def _passages(self, index: int, wire: Wire, lefts: list[float]) -> Iterator[Point]:
        column = self.column[wire.source]
        yield lefts[column] + self.widths[column], self._exit(wire)[1]  # boxes may be narrower than their column
        for passed in range(column + 1, self.column[wire.target]):
            y = self.center[index, passed]
            yield lefts[passed], y
            yield lefts[passed] + self.widths[passed], y

    def _wrapped(self, index: int, wire: Wire, lefts: list[float]) -> tuple[Point, ...]:
        """Return a path level from column to column, and from the end of a row through the gap below to the next row."""
        points, end = [self._exit(wire)], self._entry(wire)
        for column in range(self.column[wire.source] + 1, self.column[wire.target] + 1):
            y = end[1] if column == self.column[wire.target] else self.center[index, column]
            row = self.rows.of(column)
            if row == self.rows.of(column - 1):
                x = lefts[column] - GUTTER / 2
                points += [(x, points[-1][1]), (x, y)]
            else:
                points += self._turn(index, row - 1, points[-1][1], self._right(column - 1, lefts), -14.0, y)
        return (*points, end)

    def _returned(self, index: int, wire: Wire, lefts: list[float]) -> tuple[Point, ...]:
        """Return a path through the gap below the source's row, and along the margin to the gap below the target's row."""
        start, end = self._exit(wire), self._entry(wire)
        row, goal = self.rows.of(self.column[wire.source]), self.rows.of(self.column[wire.target])
        right = self._right(self.column[wire.source], lefts)
        if row == goal:
            return (start, *self._turn(index, row, start[1], right, end[0] - 14, end[1]), end)
        lane = self.rows.lane(index, goal)
        first = self._turn(index, row, start[1], right, -14.0, lane)
        left = end[0] - 14 - self.rows.aside(index, goal)
        return (start, *first, (left, lane), (left, end[1]), end)

    def _right(self, column: int, lefts: list[float]) -> float:
        return lefts[column] + self.widths[column] + 12

    def _turn(self, index: int, row: int, y: float, right: float, left: float, to: float) -> list[Point]:
        lane, aside = self.rows.lane(index, row), self.rows.aside(index, row)
        return [(right + aside, y), (right + aside, lane), (left - aside, lane), (left - aside, to)]

    def _ring(self, wire: Wire) -> tuple[Point, ...]:
        """Return a path close around the node of the wire, in the gap below the node."""
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


def _ports_of(ends: list[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Return the wired ports of each node, with their indices."""
    found: dict[str, dict[str, int]] = {}
    for node, port in ends:
        ports = found.setdefault(node, {})
        ports.setdefault(port, len(ports))
    return found


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default
