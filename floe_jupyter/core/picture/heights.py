"""Heights of the items in their columns, near the mean of the heights of their neighbours."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.core.picture.crossings import Columns, Neighbours
from floe_jupyter.core.picture.geometry import Steps, mean

SWEEPS = 8
"""Number of sweeps that align with one side each; as many align with both sides afterwards."""


def height_steps(
    columns: Columns, before: Neighbours, behind: Neighbours, height: Callable[[object], float]
) -> Steps[dict[object, float]]:
    """Return the height of the middle of each item; *height* tells the room that an item takes."""
    center: dict[object, float] = {}
    for column in columns:
        _settle(column, dict.fromkeys(column, 0.0), height, center)
    for sweep in range(SWEEPS * 2):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {item: mean([center[n] for n in _seen(item, sweep, before, behind)], center[item]) for item in column}
            _settle(column, wanted, height, center)
        yield
    return center


def _seen(item: object, sweep: int, before: Neighbours, behind: Neighbours) -> list[object]:
    """Return the neighbours of an item: on one side while sweeping, on both sides at the end."""
    left, right = before.get(item, []), behind.get(item, [])
    if sweep >= SWEEPS:
        return [*left, *right]
    return (left or right) if sweep % 2 == 0 else (right or left)


def _settle(
    column: list[object], wanted: dict[object, float], height: Callable[[object], float], center: dict[object, float]
) -> None:
    """Set the positions nearest to the wanted ones with the same order and distances (pool adjacent violators)."""
    offsets, at = [], 0.0
    for i, item in enumerate(column):
        at += (height(column[i - 1]) + height(item)) / 2 if i else 0.0
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
        center[item] = round(start + offset, 1)
