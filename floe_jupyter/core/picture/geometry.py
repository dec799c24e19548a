"""Measures of a layout and its result: positions of boxes, and paths of wires. All lengths are in pixels."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import msgspec

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A computation that pauses after each short step, so that a process with other work to do can do it in between."""
Point = tuple[float, float]
MARGIN = 32.0
"""Free space around a drawing."""


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


class Distances(msgspec.Struct, frozen=True):
    """Distances between the parts of a drawing."""

    gap: float = 26.0
    """Between two boxes of a column."""
    passage: float = 14.0
    """Height of a wire passing a column, with its distance."""
    gutter: float = 76.0
    """Between two columns."""
    lane: float = 16.0
    """Between two wires back."""


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


def finish(work: Steps[T]) -> T:
    """Run a computation to its end, without pauses."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def mean(values: list[float], default: float) -> float:
    """Return the mean; *default* without values."""
    return sum(values) / len(values) if values else default
