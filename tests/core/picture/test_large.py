"""Pictures of long and large flows stay legible: rows below each other, and boxes that stand for many nodes."""

from __future__ import annotations

import math
import random
import re
from itertools import pairwise

import pytest

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine.snapshots import NodeView, View, WireView
from floe_jupyter.core.picture.fold import APART, GROUPS, MOST, fold
from floe_jupyter.core.picture.geometry import Layout, Size
from floe_jupyter.core.picture.layout import layout
from floe_jupyter.core.picture.svg import svg
from tests import shapes

SIZE = Size(100, 34)
PAGE = 1_400
"""The width of a page in pixels; 11 of them is the smallest text of a node."""


def placed(flow: Flow, widest: float = math.inf, aspect: float = 0.0) -> Layout:
    return layout(flow, {node.id: SIZE for node in flow.nodes}, widest, aspect)


def rows_of(plan: Layout) -> list[list[str]]:
    """The nodes of a chain, row by row."""
    rows: dict[float, list[str]] = {}
    for name, box in plan.boxes.items():
        rows.setdefault(box.y, []).append(name)
    return list(rows.values())


def test_C8_a_long_row_stands_in_rows_of_equal_length_read_as_a_text_is():
    plan = placed(shapes.chain(10), widest=700)
    assert rows_of(plan) == [[f"n{i}" for i in range(4)], [f"n{i}" for i in range(4, 8)], ["n8", "n9"]]
    assert plan.width <= 700
    assert all(plan.boxes[f"n{i}"].x == 0 for i in (0, 4, 8))


def test_what_fits_stands_in_one_row_however_wide_it_may_be():
    assert placed(shapes.chain(4), widest=700) == placed(shapes.chain(4))


def test_an_aspect_makes_rows_so_wide_that_the_whole_has_these_proportions():
    for n in (20, 50, 200):
        plan = placed(shapes.chain(n), widest=300, aspect=2.4)
        assert 1.5 < plan.width / plan.height < 3.8, n


def test_nodes_without_wires_are_not_cut_into_rows():
    flow = Flow("alone", tuple(Node(f"n{i}", "m") for i in range(30)))
    assert placed(flow, widest=100) == placed(flow)


def tangled(seed: int) -> Flow:
    """Chains with wires that go on, back, far and round."""
    chance = random.Random(seed)
    n = chance.randrange(6, 40)
    wires = {(i, i + 1) for i in range(n - 1)} | {(chance.randrange(n), chance.randrange(n)) for _ in range(n // 2)}
    return Flow("tangled", tuple(Node(f"n{i}", "m") for i in range(n)), tuple(Wire(f"n{a}", f"n{b}") for a, b in sorted(wires)))


@pytest.mark.parametrize("seed", range(30))
def test_rows_do_not_meet_and_every_wire_goes_from_its_node_to_its_other(seed: int) -> None:
    flow = tangled(seed)
    plan = placed(flow, widest=400 + 100 * (seed % 4), aspect=2.4 * (seed % 2))
    boxes = list(plan.boxes.values())
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            assert (
                box.x + box.width <= other.x
                or other.x + other.width <= box.x
                or box.y + box.height <= other.y
                or other.y + other.height <= box.y
            )
    for wire, route in zip(flow.wires, plan.routes, strict=True):
        source, target = plan.boxes[wire.source], plan.boxes[wire.target]
        (x, y), (end_x, end_y) = route.points[0], route.points[-1]
        assert (x, end_x) == (source.x + source.width, target.x)
        assert source.y <= y <= source.y + source.height
        assert target.y <= end_y <= target.y + target.height
        if route.back:
            turns = [(a[0] == b[0], a[1] == b[1]) for a, b in pairwise(route.points)]
            assert all(level if i % 2 == 0 else upright for i, (upright, level) in enumerate(turns)), wire
    assert max(y for route in plan.routes for _, y in route.points) <= plan.height + 40


def scale_of(picture: str) -> float:
    found = re.search(r'<svg [^>]*width="([\d.]+)"', picture)
    assert found is not None
    return min(1.0, PAGE / float(found[1]))


@pytest.mark.parametrize("n", [10, 50, 100])
def test_C8_the_texts_of_a_row_of_nodes_are_at_least_9_pixels_high_in_a_page(n: int) -> None:
    assert 11 * scale_of(svg(shapes.chain(n), modules=shapes.modules())) >= 9


# --- large flows -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", shapes.SHAPES.values(), ids=shapes.SHAPES)
def test_C8_a_large_flow_is_folded_and_its_picture_stays_small_and_says_so(shape: object) -> None:
    flow = shape(2_000)  # type: ignore[operator]
    picture = svg(flow, modules=shapes.modules())
    assert len(picture) < 40_000
    assert 11 * scale_of(picture) >= 9
    assert f"{len(flow.nodes):,} nodes" in picture
    assert "nodes are folded" in picture
    assert picture == svg(flow, modules=shapes.modules())


def test_a_flow_that_is_not_large_is_drawn_as_it_is():
    picture = svg(shapes.chain(MOST), modules=shapes.modules())
    assert "folded" not in picture
    assert picture.count('class="box"') == MOST


def viewed(flow: Flow) -> View:
    """n7 failed, n500 waits for a module; each node passed on what it took."""
    nodes = [
        NodeView(n.id, "python", "busy" if n.id == "n500" else "idle", 1, taken=2, given=2, failed=n.id == "n7")
        for n in flow.nodes
    ]
    wires = [WireView(w.name, 2, depth=1, bytes=3, full=w.source == "n500") for w in flow.wires[1:]]
    return View(flow.name, 1, tuple(nodes), tuple(wires), {1: "active"}, results=2)


def test_boxes_say_what_their_nodes_did_and_a_node_that_failed_keeps_its_own():
    flow = shapes.chain(1_000)
    folded = fold(flow, viewed(flow), {"n900"})
    assert folded.view is not None
    own = [node.id for node in folded.flow.nodes if node.module == "pass_on"]
    assert own == ["n7", "n900"]
    assert folded.hidden == 998
    assert len(folded.flow.nodes) <= GROUPS + 2
    assert sum(node.taken for node in folded.view.nodes) == 2_000
    assert [node.status for node in folded.view.nodes if node.status != "idle"] == ["busy"]
    assert sum(wire.full for wire in folded.view.wires) == 0  # it is inside a box
    assert {wire.sent for wire in folded.view.wires} == {2}
    assert "1 failed" in svg(flow, viewed(flow))


def test_not_more_nodes_keep_boxes_of_their_own_than_can_be_read():
    flow = shapes.chain(1_000)
    folded = fold(flow, None, {node.id for node in flow.nodes})
    assert sum(node.module == "pass_on" for node in folded.flow.nodes) == APART


def test_a_box_of_nodes_that_nothing_is_known_of_and_one_of_a_single_node():
    flow = Flow(
        "parts", tuple(Node(f"n{i}", "m") for i in range(130)), tuple(Wire(f"n{i}", f"n{i + 1}") for i in range(0, 80, 2))
    )
    folded = fold(flow, View("parts", 1, (NodeView("n0", "js", "full", 1),), (), {}), ())
    assert folded.view is not None
    assert {node.status for node in folded.view.nodes} == {"full", ""}
    assert folded.view.nodes[0].id == folded.flow.nodes[0].id
