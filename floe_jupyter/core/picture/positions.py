"""Positions of a flow's boxes and wires as a page gets them. A module of its own: processes that lay nothing out import it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class WirePlace(NamedTuple):
    """Path of a wire and position of its label."""

    points: tuple[float, ...]
    """Coordinates x, y of each point of the path; see `floe_jupyter.core.picture.geometry.WirePath`."""
    back: bool
    label: tuple[float, float]
    quiet: bool
    """True if the label covers something: it is shown only under the pointer."""


class PageLayout(msgspec.Struct, frozen=True, omit_defaults=True):
    """Positions of the boxes and wires of a flow in a page, in CSS pixels at scale 1."""

    width: float
    height: float
    boxes: dict[str, tuple[float, float, float, float]]
    """x, y, width and height by name: of a node, or of a group of nodes drawn as one box."""
    wires: dict[str, WirePlace]
    """By the name of the wire as drawn between boxes."""
    vertical: bool = False
    """True for a flow drawn from top to bottom."""
    groups: dict[str, tuple[str, ...]] = {}
    """Nodes of each group of a large flow, by the name of its box, whether folded or not."""
    folded: bool = False
    """True if the groups of a large flow are drawn as one box each, but those `unfolded`."""
    unfolded: tuple[str, ...] = ()
