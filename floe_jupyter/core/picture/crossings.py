"""Order of the items in each column, with few crossings of wires: barycenters, sweeping back and forth."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from itertools import pairwise

from floe_jupyter.core.picture.geometry import Steps, mean

SWEEPS = 8
Columns = list[list[object]]
"""Items of each column, from top to bottom: names of nodes, or (wire, column) for a passing wire."""
Neighbours = Mapping[object, list[object]]


def order_steps(columns: Columns, before: Neighbours, behind: Neighbours) -> Steps[Columns]:
    """Return the columns in the order with the fewest crossings found; *before* and *behind* are the neighbours by item."""
    best, fewest = [list(c) for c in columns], _crossings(columns, behind)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        _sweep(columns, before if sweep % 2 == 0 else behind, forward=sweep % 2 == 0)
        yield
        crossings = _crossings(columns, behind)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
        yield
    return best


def _sweep(columns: Columns, neighbours: Neighbours, *, forward: bool) -> None:
    pairs = list(pairwise(columns))
    for left, right in pairs if forward else reversed(pairs):
        fixed, free = (left, right) if forward else (right, left)
        at = {item: float(i) for i, item in enumerate(fixed)}
        wanted = {item: mean([at[n] for n in neighbours.get(item, [])], float(i)) for i, item in enumerate(free)}
        free.sort(key=wanted.__getitem__)


def _crossings(columns: Columns, behind: Neighbours) -> int:
    count = 0
    for left, right in pairwise(columns):
        at = {item: i for i, item in enumerate(right)}
        seen: list[int] = []
        for item in left:
            ends = sorted(at[n] for n in behind.get(item, []))
            count += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return count
