"""Layout of a flow's boxes and wires in a picture: from left to right, in columns, with few crossings.

The steps are Sugiyama's: wires which close a cycle are set aside, columns are longest paths, wires which pass a column get a
narrow position in the column, the order within a column follows the neighbours (barycenters, sweeping back and forth), and
heights are the mean of the neighbours' as far as the order allows. Wires back run below all boxes. Where the columns are wider
than is legible, they are cut into rows below each other, like lines of text. No step depends on a hash or a random number.

Positions are computed here only: the still picture (`svg`) draws them, and pages get them (`page`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.picture.columns import parts_of
from floe_jupyter.core.picture.geometry import Box, Distances, Layout, Size, Steps, WirePath, finish
from floe_jupyter.core.picture.part import Part
from floe_jupyter.core.picture.routes import routes_of

DISTANCES = Distances()


def layout(
    flow: Flow, sizes: Mapping[str, Size], widest: float = math.inf, aspect: float = 0.0, distances: Distances = DISTANCES
) -> Layout:
    """Return the positions of all nodes and wires; unconnected parts stand below each other.

    A part wider than *widest* is cut into rows; with an *aspect*, into rows of a width which gives the whole about these
    proportions.
    """
    return finish(layout_steps(flow, sizes, widest, aspect, distances))


def layout_steps(flow: Flow, sizes: Mapping[str, Size], widest: float, aspect: float, distances: Distances) -> Steps[Layout]:
    """Compute `layout` in short steps."""
    boxes: dict[str, Box] = {}
    routes: dict[int, WirePath] = {}
    width = top = 0.0
    parts = parts_of(flow)
    yield
    for nodes, wires in parts:
        part = Part(nodes, [(i, flow.wires[i]) for i in wires], sizes, distances)
        yield
        yield from part.place_steps(top, widest, aspect)
        boxes.update(part.boxes)
        routes.update(routes_of(part))
        yield
        width, top = max(width, part.width), part.bottom + distances.gap
    return Layout(width, max(0.0, top - distances.gap), boxes, tuple(routes[i] for i in range(len(flow.wires))))
