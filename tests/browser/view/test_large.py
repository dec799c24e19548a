"""Large flows in a real browser, without Jupyter: the search, and the small map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, DebugView, Demo, layered, sound
from tests.browser.pieces import lively
from tests.browser.view.test_frame import NAMES

MIDDLE = """name => { const r = document.querySelector(`[data-node="${name}"] .box`).getBoundingClientRect(), g = document.querySelector('.floe-graph').getBoundingClientRect();
    return [Math.abs(r.left + r.width / 2 - g.left - g.width / 2), Math.abs(r.top + r.height / 2 - g.top - g.height / 2)]; }"""


def graph(debug_view: DebugView) -> Locator:
    """The picture, with the focus."""
    found = debug_view.page.locator(".floe-graph > svg")
    found.focus()
    return found


def selected(debug_view: DebugView, name: str) -> None:
    """Wait until this node is the selected one, and it alone."""
    expect(debug_view.page.locator("[data-node].selected")).to_have_attribute("data-node", name)


def transform(debug_view: DebugView) -> str:
    return str(debug_view.page.locator(".floe-drawing").get_attribute("transform"))


@pytest.mark.parametrize("key", ["/", "Control+f", "button"])
def test_C8_nodes_are_found_by_their_names_and_enter_goes_from_one_to_the_next(
    debug_view: DebugView, pictures: Path, key: str
) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(59)])
    debug_view.mount(demo, lively(demo), width="1100px")
    if key == "button":
        debug_view.page.locator('.floe-tools [data-cmd="find"]').click()
    else:
        graph(debug_view)
        debug_view.page.keyboard.press(key)
    field, words = debug_view.page.locator(".floe-find input"), debug_view.page.locator(".floe-find [role=status]")
    expect(field).to_be_focused()
    debug_view.page.keyboard.type("STEP_5")
    expect(words).to_have_text("11 found")
    assert debug_view.page.locator(".floe-node.found").count() == 11
    debug_view.page.keyboard.press("Enter")
    expect(words).to_have_text("1 of 11")
    selected(debug_view, "step_5")
    expect(field).to_be_focused()
    debug_view.page.keyboard.press("Enter")
    selected(debug_view, "step_50")
    debug_view.page.keyboard.press("Shift+Enter")
    debug_view.page.keyboard.press("Shift+Enter")
    selected(debug_view, "step_59")
    expect(words).to_have_text("11 of 11")
    debug_view.frames(4)
    debug_view.page.screenshot(path=pictures / "large-search.png")
    debug_view.page.keyboard.press("Control+a")
    debug_view.page.keyboard.type("nothing like it")
    expect(words).to_have_text("none")
    debug_view.page.keyboard.press("Enter")
    selected(debug_view, "step_59")
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(".floe-find")).to_be_hidden()
    assert debug_view.page.locator(".floe-node.found").count() == 0
    expect(debug_view.page.locator('[data-node="step_59"]')).to_be_focused()


def test_C8_what_is_found_stands_in_the_middle_and_can_be_read(debug_view: DebugView) -> None:
    demo = layered(100)
    debug_view.mount(demo, lively(demo), width="1100px")
    graph(debug_view)
    debug_view.page.keyboard.press("i")
    debug_view.page.keyboard.press("/")
    debug_view.page.keyboard.type(demo.ids[70])
    debug_view.page.keyboard.press("Enter")
    debug_view.frames(4)
    assert max(debug_view.page.evaluate(MIDDLE, demo.ids[70])) < 2
    assert debug_view.page.locator(".floe-graph > svg.far, .floe-graph > svg.small").count() == 0
    sizes = debug_view.page.locator(f'[data-node="{demo.ids[70]}"] .name').evaluate("e => e.getScreenCTM().a * 13")
    assert sizes >= 10


def test_C8_escape_closes_the_search_before_it_restores_a_maximised_view(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    graph(debug_view)
    for key in ("m", "/"):
        debug_view.page.keyboard.press(key)
    debug_view.page.keyboard.type("mean")
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(".floe-find")).to_be_hidden()
    expect(debug_view.page.locator(".floe-host")).to_have_class("floe-host maximised")
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(".floe-host")).to_have_class("floe-host")


# --- the map -----------------------------------------------------------------------------------------------------------------


def window(debug_view: DebugView) -> list[float]:
    """Where the frame in the map is: left, top, width, height."""
    found: list[float] = debug_view.page.locator(".floe-map div").evaluate(
        "e => [e.offsetLeft, e.offsetTop, e.offsetWidth, e.offsetHeight]"
    )
    return found


def test_C8_a_map_is_shown_while_the_flow_is_larger_than_the_window(debug_view: DebugView, pictures: Path) -> None:
    demo = layered(100)
    debug_view.mount(demo, lively(demo), width="1100px", height=560)
    debug_view.show(lively(demo)["view"])
    small = debug_view.page.locator(".floe-map")
    debug_view.whole()
    expect(small).to_be_hidden()  # all of it is seen
    sound(debug_view)
    graph(debug_view)
    for _ in range(5):
        debug_view.page.keyboard.press("+")
    expect(small).to_be_visible()
    debug_view.frames(10)
    debug_view.page.screenshot(path=pictures / "large-map.png")
    painted = debug_view.page.locator(
        ".floe-map canvas"
    ).evaluate("""c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, colours = new Set();
        for (let i = 0; i < d.length; i += 4) { if (d[i + 3] === 255) { colours.add([d[i], d[i + 1], d[i + 2]].join()); } } return colours.size; }""")
    assert painted >= 4  # the nodes in the colours of what they do
    debug_view.page.keyboard.press("f")
    expect(small).to_be_hidden()


def zoomed_in(debug_view: DebugView, times: int) -> None:
    """A hundred nodes, of which the window shows a part."""
    demo = layered(100)
    debug_view.mount(demo, lively(demo), width="1100px", height=560).whole()
    graph(debug_view)
    for _ in range(times):
        debug_view.page.keyboard.press("+")


def test_C8_the_map_is_dragged_clicked_and_used_by_keyboard(debug_view: DebugView) -> None:
    zoomed_in(debug_view, 11)
    small = debug_view.page.locator(".floe-map canvas")
    box: Any = small.bounding_box()
    debug_view.page.mouse.move(box["x"] + 30, box["y"] + 30)
    debug_view.page.mouse.down()
    at = [window(debug_view)]
    debug_view.page.mouse.move(box["x"] + 60, box["y"] + 50)
    at.append(window(debug_view))
    debug_view.page.mouse.up()
    assert at[1][0] - at[0][0] == pytest.approx(30, abs=2)
    assert at[1][1] - at[0][1] == pytest.approx(20, abs=2)
    assert at[1][0] + at[1][2] / 2 == pytest.approx(60, abs=2)
    before = transform(debug_view)
    debug_view.page.mouse.move(box["x"] + 100, box["y"] + 50)  # it was let go
    assert transform(debug_view) == before
    expect(debug_view.page.locator(".floe-map")).to_be_focused()
    debug_view.page.keyboard.press("ArrowLeft")
    left = window(debug_view)
    assert left[0] < at[1][0]
    assert left[1] == pytest.approx(at[1][1], abs=1)
    debug_view.page.keyboard.press("ArrowDown")
    assert window(debug_view)[1] > left[1]


def test_C8_the_window_in_the_map_follows_what_is_seen(debug_view: DebugView) -> None:
    zoomed_in(debug_view, 10)
    debug_view.frames()
    first = window(debug_view)
    debug_view.page.keyboard.press("+")
    nearer = window(debug_view)
    assert nearer[2] / first[2] == pytest.approx(0.8, abs=0.08)
    area: Any = debug_view.page.locator(".floe-graph").bounding_box()
    debug_view.page.mouse.move(area["x"] + 4, area["y"] + 4)
    debug_view.page.mouse.down()
    debug_view.page.mouse.move(area["x"] + 204, area["y"] + 4)
    debug_view.page.mouse.up()
    assert window(debug_view)[0] < nearer[0]


@pytest.mark.parametrize(("count", "width"), [(50, 1380), (50, 440), (100, 1380), (100, 440)])
def test_C8_what_is_too_large_to_be_read_whole_begins_at_its_sources_with_names_and_a_map(
    debug_view: DebugView, pictures: Path, count: int, width: int
) -> None:
    demo = layered(count) if (count, width) != (50, 440) else Demo([(f"step_{i}", f"step_{i + 1}") for i in range(count - 1)])
    debug_view.page.set_viewport_size({"width": max(width + 20, 480), "height": 700})
    debug_view.mount(demo, lively(demo), width=f"{width}px", height=420)
    debug_view.show(lively(demo)["view"])
    debug_view.frames(8)
    debug_view.page.screenshot(path=pictures / f"large-begin-{count}-{width}.png")
    assert min(debug_view.page.locator("[data-node]").evaluate_all(NAMES)) >= 9.9
    expect(debug_view.page.locator(".floe-map")).to_be_visible()
    targets = {wire["target"] for wire in demo.wires}
    source = next(wire["source"] for wire in demo.wires if wire["source"] not in targets)
    expect(debug_view.page.locator(f'[data-node="{source}"] .box')).to_be_in_viewport(ratio=1)
    area: Any = debug_view.page.locator(".floe-graph").bounding_box()
    box: Any = debug_view.page.locator(f'[data-node="{source}"] .box').bounding_box()
    assert area["y"] <= box["y"] < box["y"] + box["height"] < area["y"] + area["height"]


def test_C8_all_of_it_is_shown_on_request_and_stays_so_when_the_view_changes_its_size(debug_view: DebugView) -> None:
    demo = layered(100)
    debug_view.mount(demo, lively(demo), width="1100px", height=420)
    small = debug_view.page.locator(".floe-map")
    expect(small).to_be_visible()
    graph(debug_view)
    debug_view.page.keyboard.press("f")
    expect(small).to_be_hidden()
    sound(debug_view)
    before = transform(debug_view)
    debug_view.page.evaluate("document.getElementById('place').style.width = '700px'")
    debug_view.page.wait_for_function(
        "before => document.querySelector('.floe-drawing').getAttribute('transform') !== before", arg=before
    )
    debug_view.frames()
    expect(small).to_be_hidden()


def test_C8_names_that_are_too_long_for_their_boxes_keep_both_ends(debug_view: DebugView) -> None:
    demo = Demo([(f"long_step_{i}", f"long_step_{i + 1}") for i in range(49)])
    debug_view.mount(demo, lively(demo), width="1100px", height=420)
    debug_view.frames(8)
    signs = debug_view.page.locator("[data-node] .sign").all_text_contents()
    assert len(set(signs)) == 50
    assert all(sign.startswith("l") and "…" in sign and sign.endswith(f"{i}") for i, sign in enumerate(signs))
