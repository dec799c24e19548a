"""Positions of the labels of wires, with the messages sent and the rate: beside the wire, and over no box and no other label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from floe_jupyter.core.picture.geometry import Box, Point

WIDTH, HEIGHT = 50.0, 28.0
_CELL = 128.0
"""Size of the cells of the index, so that the time of a look-up does not depend on the number of areas."""


class CoveredAreas:
    """Areas that a label must not cover."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        self._cells: dict[tuple[int, int], list[Box]] = {}
        for box in boxes:
            self._add(box)

    def place(self, spots: Sequence[Point]) -> Point | None:
        """Return the first spot that is free, and cover it; None if there is none."""
        for spot in spots:
            area = Box(spot[0] - WIDTH / 2, spot[1] - HEIGHT / 2, WIDTH, HEIGHT)
            if not any(_overlap(area, other) for cell in _cells(area) for other in self._cells.get(cell, ())):
                self._add(area)
                return spot
        return None

    def _add(self, box: Box) -> None:
        for cell in _cells(box):
            self._cells.setdefault(cell, []).append(box)


def _cells(box: Box) -> list[tuple[int, int]]:
    columns = range(int(box.x // _CELL), int((box.x + box.width) // _CELL) + 1)
    rows = range(int(box.y // _CELL), int((box.y + box.height) // _CELL) + 1)
    return [(column, row) for column in columns for row in rows]


def _overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def spots_of(points: Sequence[Point], *, back: bool) -> list[Point]:
    """Return the points of a path where a label may stand: middles of curves, of straight pieces between, or of the way back."""
    if back:
        return [_between(points, 2, part) for part in (0.5, 0.25, 0.75)]
    return [_between(points, i, 0.5) for i in range(1, len(points) - 1)]


def _between(points: Sequence[Point], index: int, part: float) -> Point:
    (x, y), (end_x, end_y) = points[index], points[index + 1]
    return x + (end_x - x) * part, y + (end_y - y) * part
