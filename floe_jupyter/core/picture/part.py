"""One connected part of a drawing, or all its nodes without wires: columns, the room of the columns, rows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from floe_jupyter.core.flow.model import Wire
from floe_jupyter.core.picture.columns import columns_of, grid
from floe_jupyter.core.picture.crossings import order_steps
from floe_jupyter.core.picture.geometry import Box, Distances, Size, Steps
from floe_jupyter.core.picture.heights import height_steps
from floe_jupyter.core.picture.rows import ROW, Rows


class Part:
    """One connected part, or all single nodes. Items of columns are names of nodes, or (wire, column) for a passing wire."""

    def __init__(self, nodes: list[str], wires: list[tuple[int, Wire]], sizes: Mapping[str, Size], distances: Distances) -> None:
        self.nodes, self.wires, self.sizes, self.distances = nodes, wires, sizes, distances
        self.boxes: dict[str, Box] = {}
        self.width = self.bottom = 0.0
        self.column = columns_of(nodes, [w for _, w in wires]) if wires else grid(nodes)
        self.forward = [(i, w) for i, w in wires if self.column[w.source] < self.column[w.target]]
        self.back = [(i, w) for i, w in wires if self.column[w.source] >= self.column[w.target]]
        self.columns: list[list[object]] = [[] for _ in range(max(self.column.values(), default=-1) + 1)]
        self.rows = Rows([(0, len(self.columns))])
        self.center: dict[object, float] = {}
        self.lefts: list[float] = []
        """Left edge of each column."""
        self.widths: list[float] = []
        self._before: dict[object, list[object]] = {}
        self._behind: dict[object, list[object]] = {}

    def place_steps(self, top: float, widest: float, aspect: float) -> Steps[None]:
        """Fill `boxes`, below *top*; see `layout` for *widest* and *aspect*."""
        self._fill()
        yield
        self.columns = yield from order_steps(self.columns, self._before, self._behind)
        self.center = yield from height_steps(self.columns, self._before, self._behind, self._height)
        yield
        self._lift(top)
        self._set_sides()
        if self.width > widest and self.wires:
            self._cut(top, widest, aspect)
        for name in self.nodes:
            size = self.sizes[name]
            left = self.lefts[self.column[name]]
            self.boxes[name] = Box(left, self.center[name] - size.height / 2, size.width, size.height)
        yield

    def right(self, column: int) -> float:
        """Return the right edge of a column."""
        return self.lefts[column] + self.widths[column]

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
        self._behind.setdefault(left, []).append(right)
        self._before.setdefault(right, []).append(left)

    def _height(self, item: object) -> float:
        return self.sizes[item].height + self.distances.gap if isinstance(item, str) else self.distances.passage

    def _half(self, item: object) -> float:
        return self.sizes[item].height / 2 if isinstance(item, str) else 0.0

    def _lift(self, top: float) -> None:
        shift = top - min((center - self._half(item) for item, center in self.center.items()), default=0.0)
        for item in self.center:
            self.center[item] += shift
        self.bottom = max((center + self._half(item) for item, center in self.center.items()), default=top)

    def _set_sides(self) -> None:
        self.widths = [max((self.sizes[i].width for i in column if isinstance(i, str)), default=0.0) for column in self.columns]
        at = 0.0
        for width in self.widths:
            self.lefts.append(at)
            at += width + self.distances.gutter
        self.width = at - self.distances.gutter

    def _cut(self, top: float, widest: float, aspect: float) -> None:
        """Put the columns into rows below each other."""
        limit = max(widest, math.sqrt(aspect * self.width * (self.bottom - top + ROW)))
        per = math.ceil(len(self.columns) / math.ceil(self.width / limit))
        self.rows = Rows([(at, min(at + per, len(self.columns))) for at in range(0, len(self.columns), per)])
        self._reserve()
        self.width = 0.0
        for row, (first, last) in enumerate(self.rows.spans):
            self._lift_row(first, last, top)
            self.rows.bottoms.append(self.bottom)
            top = self.bottom + self.rows.gap(row)
            self.width = max(self.width, self.right(last - 1) - self.lefts[first])
        self.lefts = [left - self.lefts[self.rows.first(column)] for column, left in enumerate(self.lefts)]

    def _reserve(self) -> None:
        for index, wire in self.forward:
            self.rows.reserve_forward(index, self.column[wire.source], self.column[wire.target])
        for index, wire in self.back:
            if wire.source != wire.target:
                self.rows.reserve_back(index, self.column[wire.source], self.column[wire.target])

    def _lift_row(self, first: int, last: int, top: float) -> None:
        items = [item for column in self.columns[first:last] for item in column]
        shift = top - min(self.center[item] - self._half(item) for item in items)
        for item in items:
            self.center[item] += shift
        self.bottom = max(self.center[item] + self._half(item) for item in items)
