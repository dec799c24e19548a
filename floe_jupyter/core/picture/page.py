"""Layout of a flow's live picture in a page: a page draws what this module computes, and has no layout of its own.

Narrow pages show flows from top to bottom. Large flows are folded: pages ask for another layout when a person unfolds a box.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.picture.fold import Groups, folded, groups_of
from floe_jupyter.core.picture.geometry import Box, Distances, Layout, Point, Size, Steps, WirePath, finish
from floe_jupyter.core.picture.labels import CoveredAreas, spots_of
from floe_jupyter.core.picture.layout import layout_steps
from floe_jupyter.core.picture.ports import port_counts
from floe_jupyter.core.picture.positions import BoxPlace, Group, PageLayout, WirePlace
from floe_jupyter.core.picture.text import length

CARD = 52.0
"""Height of a node, unless its ports need more."""
NARROWEST, WIDEST = 152.0, 264.0
"""Limits of the width of a node."""
FONT = 13.0
"""Size of the letters of names."""
BESIDE = 66.0
"""Width of a node besides its name: badge and margins."""
PORT = 15.0
"""Pixels for one port along a side."""
ACROSS = Distances(gap=30.0, passage=16.0, gutter=100.0, lane=18.0)
DOWN = Distances(gap=26.0, passage=16.0, gutter=64.0, lane=18.0)
ROOM, ASPECT = 1_000.0, 2.4
"""Width above which flows stand in rows, and their proportions: about those of the view, so that texts can be read."""
_PAUSE = 64
"""Number of wires whose labels are placed in one step."""


def page_layout(flow: Flow, *, vertical: bool = False, fold: bool = True, unfolded: Collection[str] = ()) -> PageLayout:
    """Return the layout of a flow; *fold* draws the groups of a large flow as one box each, but those *unfolded*."""
    return finish(page_layout_steps(flow, vertical=vertical, fold=fold, unfolded=unfolded))


def page_layouts(flow: Flow) -> tuple[PageLayout, PageLayout]:
    """Return the layouts for wide and for narrow pages, with the groups of a large flow folded."""
    groups = groups_of(flow)
    small = folded(flow, groups)
    return finish(_placed_steps(small, groups, vertical=False)), finish(_placed_steps(small, groups, vertical=True))


def page_layout_steps(flow: Flow, *, vertical: bool, fold: bool, unfolded: Collection[str]) -> Steps[PageLayout]:
    """Compute `page_layout` in short steps."""
    groups = groups_of(flow)
    yield
    small = folded(flow, {box: names for box, names in groups.items() if fold and box not in unfolded})
    yield
    return (yield from _placed_steps(small, groups, vertical=vertical, fold=fold, unfolded=unfolded))


def _placed_steps(
    flow: Flow, groups: Groups, *, vertical: bool, fold: bool = True, unfolded: Collection[str] = ()
) -> Steps[PageLayout]:
    """Place the nodes and wires of a flow that is folded already, where it is to be."""
    plan = yield from _plan_steps(flow, vertical=vertical)
    wires = yield from _wire_steps(flow, plan)
    return PageLayout(
        _short(plan.width),
        _short(plan.height),
        tuple(BoxPlace(name, _short(b.x), _short(b.y), b.width, b.height) for name, b in plan.boxes.items()),
        wires,
        vertical,
        tuple(Group(box, names) for box, names in groups.items()),
        folded=fold and bool(groups),
        unfolded=tuple(box for box in groups if box in unfolded),
    )


def _plan_steps(flow: Flow, *, vertical: bool) -> Steps[Layout]:
    sizes = card_sizes(flow, vertical=vertical)
    yield
    if not vertical:
        return (yield from layout_steps(flow, sizes, ROOM, ASPECT, ACROSS))
    flat = {name: Size(size.height, size.width) for name, size in sizes.items()}
    return _turned((yield from layout_steps(flow, flat, math.inf, 0.0, DOWN)))


def card_sizes(flow: Flow, *, vertical: bool = False) -> dict[str, Size]:
    """Return the size of each node: for its name, and for its ports on the longer side."""
    ports = port_counts(flow)
    sizes = {}
    for node in flow.nodes:
        wide = min(WIDEST, max(NARROWEST, math.ceil(length(node.id, FONT)) + BESIDE))
        most = (ports[node.id] + 1) * PORT
        sizes[node.id] = Size(max(wide, most), CARD) if vertical else Size(wide, max(CARD, most))
    return sizes


def _turned(plan: Layout) -> Layout:
    """Return a layout from left to right as one from top to bottom."""
    boxes = {name: Box(b.y, b.x, b.height, b.width) for name, b in plan.boxes.items()}
    routes = tuple(WirePath(tuple((y, x) for x, y in route.points), route.back) for route in plan.routes)
    return Layout(plan.height, plan.width, boxes, routes)


def _wire_steps(flow: Flow, plan: Layout) -> Steps[tuple[WirePlace, ...]]:
    covered = CoveredAreas(plan.boxes.values())
    places = []
    for wire, route in zip(flow.wires, plan.routes, strict=True):
        places.append(_wire_place(wire.name, route, covered))
        if len(places) % _PAUSE == 0:
            yield
    return tuple(places)


def _wire_place(name: str, route: WirePath, covered: CoveredAreas) -> WirePlace:
    spots = spots_of(route.points, back=route.back)
    free = covered.place(spots)
    label = _rounded(free or spots[0])
    return WirePlace(name, tuple(c for point in route.points for c in _rounded(point)), route.back, label, free is None)


def _rounded(point: Point) -> Point:
    return _short(point[0]), _short(point[1])


def _short(value: float) -> float:
    return round(value, 1)
