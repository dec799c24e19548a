"""Columns of a picture in rows below each other, like lines of text; and the lanes of wires in the gaps between rows."""

from __future__ import annotations

from bisect import bisect_right

ROW = 44.0
"""Pixels between two rows, besides the lanes of wires."""
LANE = 12.0
"""Pixels between two wires in a gap."""


class Rows:
    """The assignment of columns to rows. A wire which leaves its row, or goes back, has lanes in the gaps below rows."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self.spans = spans
        """First column of each row, and the column behind its last."""
        self.bottoms: list[float] = []
        """Lower end of each row."""
        self._firsts = [first for first, _ in spans]
        self._lanes: list[dict[int, int]] = [{} for _ in spans]

    def of(self, column: int) -> int:
        """Return the row of a column."""
        return bisect_right(self._firsts, column) - 1

    def first(self, column: int) -> int:
        """Return the first column of the row of a column."""
        return self._firsts[self.of(column)]

    def reserve_forward(self, wire: int, source: int, target: int) -> None:
        """Reserve lanes below all rows of a wire but the last."""
        for row in range(self.of(source), self.of(target)):
            self._reserve(wire, row)

    def reserve_back(self, wire: int, source: int, target: int) -> None:
        """Reserve a lane below the row of each end."""
        self._reserve(wire, self.of(source))
        self._reserve(wire, self.of(target))

    def _reserve(self, wire: int, row: int) -> None:
        self._lanes[row].setdefault(wire, len(self._lanes[row]))

    def gap(self, row: int) -> float:
        """Return the height of the gap below a row."""
        return ROW + LANE * max(0, len(self._lanes[row]) - 1)

    def lane(self, wire: int, row: int) -> float:
        """Return the height of a wire below a row."""
        return self.bottoms[row] + ROW / 2 + LANE * self._lanes[row][wire]

    def aside(self, wire: int, row: int) -> float:
        """Return the distance of a wire's vertical parts from the row, different for wires side by side."""
        return self._lanes[row][wire] % 5 * 4.0
