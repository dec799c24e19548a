"""Positions of a flow's boxes and wires as a page gets them. A module of its own: processes that lay nothing out import it.

Names stand in lists, not in keys: a node may be called ``__proto__``, which objects in a page do not keep.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class BoxPlace(NamedTuple):
    """Rectangle of a node, or of a group of nodes drawn as one box."""

    name: str
    x: float
    y: float
    width: float
    height: float


class WirePlace(NamedTuple):
    """Path of a wire and position of its label."""

    name: str
    """Name of the wire as drawn between boxes."""
    points: tuple[float, ...]
    """Coordinates x, y of each point of the path; see `floe_jupyter.core.picture.geometry.WirePath`."""
    back: bool
    label: tuple[float, float]
    quiet: bool
    """True if the label covers something: it is shown only under the pointer."""


class Group(NamedTuple):
    """Neighbouring nodes of a large flow, whether drawn as one box or not."""

    box: str
    """Name of the box."""
    nodes: tuple[str, ...]


class PageLayout(msgspec.Struct, frozen=True, omit_defaults=True):
    """Positions of the boxes and wires of a flow in a page, in CSS pixels at scale 1."""

    width: float
    height: float
    boxes: tuple[BoxPlace, ...]
    wires: tuple[WirePlace, ...]
    vertical: bool = False
    """True for a flow drawn from top to bottom."""
    groups: tuple[Group, ...] = ()
    """Groups of a large flow; none for other flows."""
    folded: bool = False
    """True if the groups are drawn as one box each, but those `unfolded`."""
    unfolded: tuple[str, ...] = ()
