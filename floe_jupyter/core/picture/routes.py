"""Paths of the wires of a part whose boxes have their positions."""

from __future__ import annotations

from collections.abc import Iterator

from floe_jupyter.core.flow.model import Wire
from floe_jupyter.core.picture.geometry import Box, Point, WirePath
from floe_jupyter.core.picture.part import Part
from floe_jupyter.core.picture.ports import entries_of, exits_of
from floe_jupyter.core.picture.rows import ROW


def routes_of(part: Part) -> dict[int, WirePath]:
    """Return the path of each wire of the part, by its index in the flow; lower the part's `bottom` for wires below all boxes."""
    made = _Routes(part)
    made.route()
    return made.paths


class _Routes:
    def __init__(self, part: Part) -> None:
        self._part, self._rows = part, part.rows
        self.paths: dict[int, WirePath] = {}
        self._exits = exits_of(w for _, w in part.wires)
        self._entries = entries_of(w for _, w in part.wires)

    def route(self) -> None:
        """Route all wires."""
        for index, wire in self._part.forward:
            if self._rows.of(self._start(wire)) == self._rows.of(self._end(wire)):
                self.paths[index] = WirePath((self._exit(wire), *self._passages(index, wire), self._entry(wire)))
            else:
                self.paths[index] = WirePath(self._wrapped(index, wire), back=True)
        for index, wire in self._part.back:
            if wire.source == wire.target:
                self.paths[index] = WirePath(self._ring(wire), back=True)
        far = [(index, wire) for index, wire in self._part.back if wire.source != wire.target]
        if len(self._rows.spans) == 1:
            self._lanes(sorted(far, key=lambda item: self._start(item[1]) - self._end(item[1])))
            return
        for index, wire in far:
            self.paths[index] = WirePath(self._returned(index, wire), back=True)
        self._part.bottom += self._rows.gap(len(self._rows.spans) - 1) - ROW if far else 0.0

    def _start(self, wire: Wire) -> int:
        """Return the column in which a wire starts."""
        return self._part.column[wire.source]

    def _end(self, wire: Wire) -> int:
        """Return the column in which a wire ends."""
        return self._part.column[wire.target]

    def _exit(self, wire: Wire) -> Point:
        box = self._part.boxes[wire.source]
        ports = self._exits[wire.source]
        return box.x + box.width, _port(box, ports[wire.source_port], len(ports))

    def _entry(self, wire: Wire) -> Point:
        box = self._part.boxes[wire.target]
        ports = self._entries[wire.target]
        return box.x, _port(box, ports[wire.target_port], len(ports))

    def _lanes(self, far: list[tuple[int, Wire]]) -> None:
        """Route the wires back below all boxes: short paths above long ones, several in one lane where the paths do not meet."""
        lanes: list[list[tuple[int, int]]] = []
        part = self._part
        top = part.bottom + part.distances.gap / 2 + 4
        for index, wire in far:
            first, last = self._end(wire), self._start(wire)
            lane = next((i for i, taken in enumerate(lanes) if all(last < a or b < first for a, b in taken)), len(lanes))
            lanes += [[]] * (lane == len(lanes))
            lanes[lane] = [*lanes[lane], (first, last)]
            self.paths[index] = WirePath(self._loop(wire, top + part.distances.lane * lane, lane % 5 * 4), back=True)
        part.bottom = top + part.distances.lane * (len(lanes) - 1) if lanes else part.bottom

    def _passages(self, index: int, wire: Wire) -> Iterator[Point]:
        column = self._start(wire)
        yield self._part.right(column), self._exit(wire)[1]  # boxes may be narrower than their column
        for passed in range(column + 1, self._end(wire)):
            y = self._part.center[index, passed]
            yield self._part.lefts[passed], y
            yield self._part.right(passed), y

    def _wrapped(self, index: int, wire: Wire) -> tuple[Point, ...]:
        """Return a path level from column to column, and from the end of a row through the gap below to the next row."""
        points, end = [self._exit(wire)], self._entry(wire)
        for column in range(self._start(wire) + 1, self._end(wire) + 1):
            y = end[1] if column == self._end(wire) else self._part.center[index, column]
            row = self._rows.of(column)
            if row == self._rows.of(column - 1):
                x = self._part.lefts[column] - self._part.distances.gutter / 2
                points += [(x, points[-1][1]), (x, y)]
            else:
                points += self._turn(index, row - 1, points[-1][1], self._beside(column - 1), -14.0, y)
        return (*points, end)

    def _returned(self, index: int, wire: Wire) -> tuple[Point, ...]:
        """Return a path through the gap below the source's row, and along the margin to the gap below the target's row."""
        start, end = self._exit(wire), self._entry(wire)
        row, goal = self._rows.of(self._start(wire)), self._rows.of(self._end(wire))
        right = self._beside(self._start(wire))
        if row == goal:
            return (start, *self._turn(index, row, start[1], right, end[0] - 14, end[1]), end)
        lane = self._rows.lane(index, goal)
        first = self._turn(index, row, start[1], right, -14.0, lane)
        left = end[0] - 14 - self._rows.aside(index, goal)
        return (start, *first, (left, lane), (left, end[1]), end)

    def _beside(self, column: int) -> float:
        return self._part.right(column) + 12

    def _turn(self, index: int, row: int, y: float, right: float, left: float, to: float) -> list[Point]:
        lane, aside = self._rows.lane(index, row), self._rows.aside(index, row)
        return [(right + aside, y), (right + aside, lane), (left - aside, lane), (left - aside, to)]

    def _ring(self, wire: Wire) -> tuple[Point, ...]:
        """Return a path close around the node of the wire, in the gap below the node."""
        box = self._part.boxes[wire.source]
        y = box.y + box.height + self._part.distances.gap / 2 - 2
        self._part.bottom = max(self._part.bottom, y)
        return self._around(wire, box.x + box.width + 10, box.x - 12, y)

    def _loop(self, wire: Wire, y: float, aside: float) -> tuple[Point, ...]:
        return self._around(wire, self._beside(self._start(wire)) + aside, self._entry(wire)[0] - 14 - aside, y)

    def _around(self, wire: Wire, right: float, left: float, y: float) -> tuple[Point, ...]:
        start, end = self._exit(wire), self._entry(wire)
        return (start, (right, start[1]), (right, y), (left, y), (left, end[1]), end)


def _port(box: Box, index: int, count: int) -> float:
    return round(box.y + box.height * (index + 1) / (count + 1), 1)
