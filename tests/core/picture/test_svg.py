"""The still picture: legible, escaped, the same every time."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.flow.model import Flow, Module, Node, Wire
from floe_jupyter.core.machine.snapshots import HeldMessage, NodeView, View, WireView
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.core.picture.geometry import MARGIN, Box, Layout, Size
from floe_jupyter.core.picture.layout import layout
from floe_jupyter.core.picture.style import KINDS, style
from floe_jupyter.core.picture.svg import svg
from floe_jupyter.core.picture.text import counted, cut, length, number, safe

NS = "{http://www.w3.org/2000/svg}"
CO2 = """
every -> read -> parse -> clean -> mean
parse.bad -> rejects
parse.error -> rejects
clean, extra -> report
mean -> report -> done
report -> clean
mean -> mean
read -> join.left
every = timer(10s)
clean = clean_v2(workers=2, on_error=skip)
report = summarise(join=all)
done = end()
"""


def some_flow(count: int, seed: int = 1) -> Flow:
    chance = random.Random(seed)
    names = [f"node-{i}" for i in range(count)]
    ends = {(chance.choice(names), chance.choice(names)): None for _ in range(count * 3 // 2)}
    ends |= {(a, b): None for a, b in itertools.pairwise(names) if chance.random() < 0.8}
    return Flow("some", tuple(Node(n, n) for n in names), tuple(Wire(a, b) for a, b in ends))


def view_of(flow: Flow, **changes: NodeView) -> View:
    nodes = tuple(changes.get(n.id.replace("-", "_"), NodeView(n.id, "python", "idle", 1)) for n in flow.nodes)
    wires = tuple(WireView(w.name, 1_000 + i) for i, w in enumerate(flow.wires))
    return View(flow.name, 3, nodes, wires, {1: "held"}, held=2, results=12)


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{NS}text")]


def plan_of(flow: Flow, width: float = 120.0) -> Layout:
    return layout(flow, {n.id: Size(width + len(n.id) * 7, 34.0 + i % 3 * 15) for i, n in enumerate(flow.nodes)})


# --- what it shows -------------------------------------------------------------------------------------------------------


def test_the_picture_names_the_flow_its_nodes_and_ports() -> None:
    shown = texts(svg(parse(CO2, "co2")))
    assert shown[:2] == ["co2", "10 nodes, 13 wires"]
    assert {"every", "timer", "clean", "clean_v2, 2 workers, on error skip", "summarise, join all"} <= set(shown)
    assert {"bad", "error", "left"} <= set(shown)


def test_the_picture_of_a_run_shows_counts_status_breakpoints_and_held_messages() -> None:
    flow = parse("read -> clean -> mean", "co2")
    view = view_of(flow, clean=NodeView("clean", "js", "held", 2, 1_200, 1_180, 2, 3, 2, breaks=("b1",)))
    picture = svg(flow, view, badges={"js": ("js", "#f1e05a", "#24292f")})
    assert {
        "version 3, held when drawn, 12 results, 2 held, 2 failed",
        "js",
        "1,200 in, 1,180 out, 2 failed, 3 waiting",
        "2 held",
        "1,000",
        "1,001",
    } <= set(texts(picture))
    assert 'class="node held"' in picture
    assert 'class="break"' in picture
    assert "breakpoints: b1" in picture


def test_C16_a_picture_that_is_kept_says_when_a_run_that_goes_on_was_so() -> None:
    flow = parse("read", "co2")
    for status, said in (
        ("pending", "pending when drawn"),
        ("active", "active when drawn"),
        ("cancelling", "cancelling when drawn"),
        ("done", "done"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
    ):
        view = View("co2", 1, (NodeView("read", "", "idle", 1),), (), {1: status})  # type: ignore[arg-type]
        assert f"version 1, {said}, 0 results" in texts(svg(flow, view))


def test_held_messages_count_without_a_view_too() -> None:
    held = [HeldMessage(str(i), "read", "in", 1, None, "breakpoint") for i in range(3)]
    assert "3 held" in texts(svg(parse("read", "co2"), None, held))


def test_a_wire_that_waits_or_is_full_says_so() -> None:
    flow = parse("a -> b -> c", "f")
    view = View("f", 1, (), (WireView("a.out>b.in", 5, depth=2), WireView("b.out>c.in", 7, full=True)), {}, paused=True)
    picture = svg(flow, view)
    assert {"5 (2 waiting)", "7", "version 1, 0 results, paused"} <= set(texts(picture))
    assert 'class="wire full"' in picture


def test_languages_come_from_the_view_or_the_modules_and_built_ins_show_their_kind() -> None:
    flow = parse("every -> a\nevery = timer(1s)", "f")
    badges = {"go": ("Go", "#007d9c", "#ffffff")}
    assert "Go" in texts(svg(flow, modules={"a": Module("a", "", lang="go")}, badges=badges))
    assert KINDS["trigger"][0] in texts(svg(flow))


def test_a_language_without_a_badge_is_drawn_without_one() -> None:
    flow = parse("a", "f")
    assert texts(svg(flow, modules={"a": Module("a", "", lang="go")})) == texts(svg(flow))


def test_an_error_is_the_tooltip_of_its_node() -> None:
    flow = parse("a", "f")
    assert "ValueError: &lt;no&gt;" in svg(flow, view_of(flow, a=NodeView("a", "r", "failed", 1, error="ValueError: <no>")))


def test_an_empty_flow_has_a_picture() -> None:
    assert texts(svg(Flow("nothing"))) == ["nothing", "0 nodes, 0 wires"]


def test_more_wires_than_labels_can_be_placed_for_are_still_drawn() -> None:
    names = [f"n{i}" for i in range(30)]
    flow = Flow("f", tuple(Node(n, n) for n in names), tuple(Wire(a, b, "x") for a in names[:20] for b in names if a != b))
    assert svg(flow, view_of(flow)).count('class="count"') == len(flow.wires) > 500


# --- themes --------------------------------------------------------------------------------------------------------------


def test_the_theme_is_forced_or_follows_the_reader_and_touches_nothing_else() -> None:
    for dark, name in ((True, "floe-dark"), (False, "floe-light"), (None, "floe-auto")):
        assert f'class="floe-picture {name}"' in svg(Flow("f"), dark=dark)
        rules = re.sub(r"@media \(prefers-color-scheme:dark\)\{|^\}$", "", style(dark=dark), flags=re.MULTILINE)
        assert all(line.startswith((".floe-picture ", f".{name} ")) for line in rules.splitlines() if line.strip("}"))
    assert "prefers-color-scheme" in style(dark=None)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [True, False])
def test_text_has_enough_contrast_in_both_themes(dark: bool) -> None:
    rules = dict(re.findall(r"^\.floe-\w+ (\S+)\{fill:(#\w{6})", style(dark=dark), re.MULTILINE))
    for text in (".name", ".small", ".small.bad"):
        assert contrast(rules[text], rules[".box"]) >= 4.5, text
    for text in (".title", ".small", ".count", ".port"):
        assert contrast(rules[text], rules[".page"]) >= 4.5, text
    assert contrast(rules[".pill"], rules[".held"]) >= 4.5


@pytest.mark.parametrize("dark", [True, False])
def test_C17_lines_and_marks_have_enough_contrast_in_both_themes(dark: bool) -> None:
    sheet = style(dark=dark)
    areas = dict(re.findall(r"^\.floe-\w+ (\.page|\.box)\{fill:(#\w{6})", sheet, re.MULTILINE))
    kinds = r"^\.floe-\w+ (\.(?:line|tip|held|break|status|box)|\.\w+[ >]\.(?:line|tip|status|box))\{"
    marks = re.findall(kinds + r"(?:fill:#\w{6};(?=stroke:#\w{6}\}))?(?:fill|stroke):(#\w{6})", sheet, re.MULTILINE)
    assert len(marks) >= 20
    poor = [(mark, on) for mark, color in marks for on in (".page", ".box") if contrast(color, areas[on]) < 3]
    assert poor == []


@pytest.mark.parametrize("kind", KINDS)
def test_badges_are_legible(kind: str) -> None:
    assert contrast(KINDS[kind][1], KINDS[kind][2]) >= 4.5


# --- text ----------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "]]></style><script>",
    "&lt;&#x3c;",
    "\x00\x08\x1b\x7f\ud800\ufffe",
    "</svg>",
    "a" * 5_000,
    "漢字" * 50,
    "😀\u202e",
    "${x}",
    "-->",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_all_text_is_escaped(text: str) -> None:
    flow = Flow(text, (Node(text, text, runner=text), Node("b", "b")), (Wire(text, "b", text, text),))
    seen = NodeView(text, text, text, 1, error=text, breaks=(text,))
    view = View(text, 1, (seen,), (WireView(flow.wires[0].name, 3),), {1: "done"})
    root = ET.fromstring(svg(flow, view).encode())
    allowed = ("svg", "style", "rect", "text", "g", "title", "path", "circle")
    assert {element.tag for element in root.iter()} <= {NS + name for name in allowed}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_name_gives_a_picture_that_is_well_formed(text: str) -> None:
    ET.fromstring(svg(Flow(text, (Node(text, text),))).encode())


def test_text_is_cut_counted_and_measured() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")
    assert (counted(1, "node"), counted(2_000, "wire")) == ("1 node", "2,000 wires")
    assert length("漢", 10) > length("M", 10) > length("A", 10) > length("a", 10) > length("i", 10)
    assert (number(1.0), number(1.25), number(-0.04)) == ("1", "1.2", "0")
    assert safe("<\x00>") == "&lt;\ufffd&gt;"


# --- places --------------------------------------------------------------------------------------------------------------


def overlaps(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def check_places(flow: Flow, plan: Layout) -> None:
    for one, other in itertools.combinations(plan.boxes.values(), 2):
        assert not overlaps(one, other)
    for box in plan.boxes.values():
        assert 0 <= box.x <= box.x + box.width <= plan.width + 0.1
        assert -0.1 <= box.y <= box.y + box.height <= plan.height + 0.1
    for wire, route in zip(flow.wires, plan.routes, strict=True):
        source, target = plan.boxes[wire.source], plan.boxes[wire.target]
        assert route.points[0][0] == source.x + source.width
        assert route.points[-1][0] == target.x
        check_straight_parts(wire, plan, route.points if route.back else route.points[:-1], step=1 if route.back else 2)
        assert all(-MARGIN <= x <= plan.width + MARGIN and -0.1 <= y <= plan.height + 0.1 for x, y in route.points)


def check_straight_parts(wire: Wire, plan: Layout, points: tuple[tuple[float, float], ...], step: int) -> None:
    """No straight part of a wire crosses a box; the bends stand in gutters, where there are none."""
    for (x, y), (end_x, end_y) in list(itertools.pairwise(points))[::step]:
        way = Box(min(x, end_x), min(y, end_y), abs(end_x - x), abs(end_y - y))
        for name, box in plan.boxes.items():
            inner = Box(box.x + 0.2, box.y + 0.2, box.width - 0.4, box.height - 0.4)
            assert not overlaps(Box(way.x, way.y, way.width + 0.01, way.height + 0.01), inner), (wire.name, name)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10, 30, 80, 200])
def test_boxes_never_overlap_and_wires_never_cross_them(count: int) -> None:
    for seed in range(3 if count < 80 else 1):
        flow = some_flow(count, seed)
        check_places(flow, plan_of(flow))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), unique=True, max_size=20), st.randoms())
def test_boxes_never_overlap_whatever_the_wires_are(pairs: list[tuple[str, str]], chance: random.Random) -> None:
    names = list("abcdefgh")
    chance.shuffle(names)
    flow = Flow("f", tuple(Node(n, n) for n in names), tuple(Wire(a, b) for a, b in pairs))
    check_places(flow, plan_of(flow))


def test_a_chain_is_a_straight_line_from_left_to_right() -> None:
    flow = parse("a -> b -> c -> d", "f")
    boxes = layout(flow, {n: Size(100, 34) for n in "abcd"}).boxes
    assert {box.y for box in boxes.values()} == {0.0}
    assert [boxes[n].x for n in "abcd"] == sorted(box.x for box in boxes.values())


def test_a_tree_is_drawn_without_crossings_whatever_the_order_of_its_text() -> None:
    flow = parse("a -> b, c\nc -> f, g\nb -> d, e\nf -> h\nd -> i", "f")
    boxes = layout(flow, {n.id: Size(100, 34) for n in flow.nodes}).boxes
    assert (boxes["b"].y < boxes["c"].y) == (boxes["d"].y < boxes["f"].y) == (boxes["e"].y < boxes["g"].y)


def test_parts_that_are_not_connected_stand_below_each_other() -> None:
    boxes = plan_of(parse("a -> b\nc -> d\ne\nf", "f")).boxes
    assert boxes["a"].y < boxes["c"].y < boxes["e"].y


def test_a_source_stands_near_what_it_feeds() -> None:
    boxes = plan_of(parse("a -> b -> c -> d\nextra -> d", "f")).boxes
    assert boxes["extra"].x == boxes["c"].x


# --- the same every time, and soon ---------------------------------------------------------------------------------------


def test_the_same_flow_gives_the_same_bytes_in_every_process() -> None:
    program = (
        "from floe_jupyter.core.picture.svg import svg; from floe_jupyter.core.notation.parser import parse; "
        f"print(svg(parse({CO2!r}, 'co2')), end='')"
    )
    seeds = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for seed in ("1", "2")
    ]
    assert seeds[0] == seeds[1] == svg(parse(CO2, "co2"))


def test_two_hundred_nodes_are_drawn_soon() -> None:
    flow = some_flow(200)
    began = time.process_time()
    picture = svg(flow, view_of(flow))
    assert time.process_time() - began < 10
    assert len(picture) < 1_000_000
