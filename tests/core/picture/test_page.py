"""Positions for a page: complete, folded as a person asked, from top to bottom for narrow pages, computed in short steps."""

from __future__ import annotations

import itertools
import random
import time
from xml.etree import ElementTree as ET

import pytest

from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.picture import page
from floe_jupyter.core.picture.fold import GROUPS, LARGEST, folded, groups_of
from floe_jupyter.core.picture.geometry import Box, Size
from floe_jupyter.core.picture.labels import HEIGHT, WIDTH, CoveredAreas, spots_of
from floe_jupyter.core.picture.layout import layout
from floe_jupyter.core.picture.page import card_sizes, page_layout, page_layout_steps, page_layouts
from floe_jupyter.core.picture.positions import BoxPlace, PageLayout
from floe_jupyter.core.picture.svg import svg
from tests import shapes

SVG = "{http://www.w3.org/2000/svg}"


def wires(*pairs: tuple[str, str]) -> Flow:
    """A flow of these wires, from ``node`` or ``node.port``."""
    split = [(a.partition("."), b.partition(".")) for a, b in pairs]
    names = dict.fromkeys(part[0] for pair in split for part in pair)
    made = (Wire(a[0], b[0], a[2] or "out", b[2] or "in") for a, b in split)
    return Flow("demo", tuple(Node(name, name) for name in names), tuple(made))


def tangled(count: int, seed: int) -> Flow:
    """A flow with wires that go on, far and back."""
    chance = random.Random(seed)
    pairs = {(chance.randrange(count), chance.randrange(count)): None for _ in range(count // 3)}
    pairs |= {(chance.randrange(i), i): None for i in range(1, count)}
    return Flow("tangled", tuple(Node(f"n{i}", "m") for i in range(count)), tuple(Wire(f"n{a}", f"n{b}") for a, b in pairs))


def layers(seed: int) -> Flow:
    """A source and three layers of nodes, which stand in one row also in a page."""
    chance = random.Random(seed)
    rows = [["a"], [f"b{i}" for i in range(5)], [f"c{i}" for i in range(5)], [f"d{i}" for i in range(4)]]
    pairs = [(chance.choice(before), name) for before, names in itertools.pairwise(rows) for name in names]
    pairs += [(chance.choice(rows[i]), chance.choice(rows[i + 1 + chance.randrange(3 - i)])) for i in (0, 0, 1, 1, 2, 2)]
    return Flow("layers", tuple(Node(n, n) for names in rows for n in names), tuple(Wire(*pair) for pair in dict.fromkeys(pairs)))


CO2 = wires(("read", "parse"), ("parse", "clean"), ("parse.bad", "rejects"), ("clean", "mean"), ("mean", "read"))


def boxes(plan: PageLayout) -> dict[str, BoxPlace]:
    return {box.name: box for box in plan.boxes}


def apart(all_boxes: list[tuple[float, float, float, float]]) -> bool:
    """No two boxes (x, y, width, height) meet."""
    return all(
        a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
        for a, b in itertools.combinations(all_boxes, 2)
    )


# --- what it has ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vertical", [False, True])
def test_a_layout_has_all_nodes_apart_and_a_path_and_a_label_for_each_wire(vertical: bool) -> None:
    plan = page_layout(CO2, vertical=vertical)
    assert [box.name for box in plan.boxes] == [node.id for node in CO2.nodes]
    assert [wire.name for wire in plan.wires] == [wire.name for wire in CO2.wires]
    assert apart([tuple(box[1:]) for box in plan.boxes])
    for (_, x, y, width, height), wire in itertools.product(plan.boxes, plan.wires):
        free = (
            abs(wire.label[0] - x - width / 2) >= (WIDTH + width) / 2
            or abs(wire.label[1] - y - height / 2) >= (HEIGHT + height) / 2
        )
        assert free or wire.quiet
    assert (plan.vertical, plan.groups, plan.folded, plan.unfolded) == (vertical, (), False, ())


@pytest.mark.parametrize("vertical", [False, True])
def test_wires_begin_at_the_end_of_their_source_and_end_at_the_beginning_of_their_target(vertical: bool) -> None:
    plan = page_layout(CO2, vertical=vertical)
    places = boxes(plan)
    for wire, way in zip(CO2.wires, plan.wires, strict=True):
        source, target = places[wire.source], places[wire.target]
        if vertical:
            assert (way.points[1], way.points[-1]) == (source.y + source.height, target.y)
            assert source.x < way.points[0] < source.x + source.width
        else:
            assert (way.points[0], way.points[-2]) == (source.x + source.width, target.x)
            assert source.y < way.points[1] < source.y + source.height
    assert [way.name for way in plan.wires if way.back] == ["mean.out>read.in"]


def test_a_narrow_page_shows_a_flow_from_top_to_bottom_in_one_column_however_long_it_is() -> None:
    plan = page_layout(shapes.chain(60), vertical=True)
    assert {box.x for box in plan.boxes} == {0}
    tops = [box.y for box in plan.boxes]
    assert tops == sorted(tops)


def test_a_wide_page_shows_a_long_flow_in_rows() -> None:
    plan = page_layout(shapes.chain(60))
    assert plan.width < 3_000
    assert len({box.y for box in plan.boxes}) > 1


def test_a_node_has_room_for_its_name_within_limits_and_for_its_ports() -> None:
    flow = wires(("a", "w" * 90), *((f"a.p{i}", f"b.q{i}") for i in range(9)))
    wide, narrow = card_sizes(flow), card_sizes(flow, vertical=True)
    assert wide["a"] == Size(page.NARROWEST, 11 * page.PORT)
    assert wide["w" * 90] == Size(page.WIDEST, page.CARD)
    assert narrow["a"] == Size(11 * page.PORT, page.CARD)
    assert narrow["b"] == Size(page.NARROWEST, page.CARD)


def test_a_flow_without_nodes_has_a_layout() -> None:
    assert page_layout(Flow("empty")) == PageLayout(0, 0, (), ())


# --- the same as the still picture ---------------------------------------------------------------------------------------


def arrangement(places: dict[str, tuple[float, float]]) -> list[list[str]]:
    """The names in each column, from the left and from the top."""
    columns: dict[float, list[str]] = {}
    for name, (x, _) in sorted(places.items(), key=lambda item: item[1]):
        columns.setdefault(x, []).append(name)
    return list(columns.values())


def still(flow: Flow) -> dict[str, tuple[float, float]]:
    """Where the nodes stand in the still picture."""
    groups = ET.fromstring(svg(flow)).iter(f"{SVG}g")
    nodes = [group for group in groups if group.get("class", "").startswith("node")]
    found = {}
    for group in nodes:
        title, box = group.find(f"{SVG}title"), group.find(f"{SVG}rect[@class='box']")
        assert title is not None and title.text and box is not None
        found[title.text.partition(" (")[0]] = float(box.get("x", "")), float(box.get("y", ""))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_the_page_and_the_still_picture_show_a_flow_in_the_same_columns_and_order(seed: int) -> None:
    flow = layers(seed)
    plan = page_layout(flow)
    assert arrangement({name: (x, y) for name, x, y, *_ in plan.boxes}) == arrangement(still(flow))


@pytest.mark.parametrize("seed", range(6))
def test_the_page_has_the_positions_that_the_still_picture_would_have_for_boxes_and_a_width_as_in_the_page(seed: int) -> None:
    flow = tangled(40, seed)
    same = layout(flow, card_sizes(flow), page.ROOM, page.ASPECT, page.ACROSS)
    plan = page_layout(flow)
    assert {name: tuple(place) for name, *place in plan.boxes} == {
        name: pytest.approx((box.x, box.y, box.width, box.height), abs=0.06) for name, box in same.boxes.items()
    }
    for way, route in zip(plan.wires, same.routes, strict=True):
        assert way.points == pytest.approx([c for point in route.points for c in point], abs=0.06)
        assert way.back == route.back


# --- folding -------------------------------------------------------------------------------------------------------------


def test_a_large_flow_is_folded_and_unfolded_as_asked() -> None:
    flow = shapes.chain(1_000)
    groups = groups_of(flow)
    whole, one, none = page_layout(flow), page_layout(flow, unfolded=["n0 … n20", "gone"]), page_layout(flow, fold=False)
    assert [(group.box, group.nodes) for group in whole.groups] == list(groups.items())
    assert whole.groups == one.groups == none.groups
    assert [box.name for box in whole.boxes] == list(groups)
    assert (len(whole.boxes), len(one.boxes), len(none.boxes)) == (GROUPS, GROUPS + 20, 1_000)
    assert (whole.folded, one.folded, none.folded) == (True, True, False)
    assert (whole.unfolded, one.unfolded) == ((), ("n0 … n20",))
    assert "n20.out>n21 … n41.in" in {wire.name for wire in one.wires}


@pytest.mark.parametrize("flow", [CO2, shapes.lattice(500)], ids=["small", "large"])
def test_the_layouts_that_a_widget_carries_are_those_of_wide_and_narrow_pages(flow: Flow) -> None:
    assert page_layouts(flow) == (page_layout(flow), page_layout(flow, vertical=True))


def test_many_nodes_of_one_column_are_several_boxes() -> None:
    flow = Flow("alone", tuple(Node(f"n{i}", "m") for i in range(200)))
    assert [len(names) for names in groups_of(flow).values()] == [40] * 5
    assert all(len(names) <= LARGEST for names in groups_of(flow).values())


def test_wires_between_two_boxes_are_one_and_those_within_a_box_are_none() -> None:
    flow = wires(("a", "b"), ("a", "c"), ("b.x", "d"), ("c.y", "d"), ("d.z", "e.w"), ("e", "a.back"))
    small = folded(flow, {"a … b": ("a", "b"), "c … d": ("c", "d")})
    assert [node.id for node in small.nodes] == ["a … b", "c … d", "e"]
    assert [wire.name for wire in small.wires] == ["a … b.out>c … d.in", "c … d.out>e.w", "e.out>a … b.in"]


# --- labels --------------------------------------------------------------------------------------------------------------


def test_a_label_stands_at_the_first_spot_that_is_free() -> None:
    covered = CoveredAreas([Box(0, 0, 100, 40)])
    assert covered.place([(50, 20), (50, 60), (400, 400)]) == (50, 60)
    assert covered.place([(50, 20), (60, 65)]) is None
    assert spots_of([(0, 0), (10, 0), (20, 10), (30, 10), (40, 0)], back=False) == [(15, 5), (25, 10), (35, 5)]
    corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 40.0), (-10.0, 40.0), (-10.0, 0.0), (0.0, 0.0)]
    assert spots_of(corners, back=True) == [(0, 40), (5, 40), (-5, 40)]


# --- cost ----------------------------------------------------------------------------------------------------------------


def longest_step(flow: Flow) -> float:
    """The longest step of a layout, in seconds of this processor."""
    work, longest = page_layout_steps(flow, vertical=False, fold=False, unfolded=()), 0.0
    while True:
        begun = time.process_time()
        try:
            next(work)
        except StopIteration as end:
            assert len(end.value.boxes) == len(flow.nodes)
            return longest
        longest = max(longest, time.process_time() - begun)


def test_five_hundred_nodes_are_laid_out_in_short_steps() -> None:
    flow = tangled(500, 1)
    assert min(longest_step(flow) for _ in range(4)) < 0.05
