"""Large flows, folded, in a real browser, without Jupyter: what a box of several nodes shows, how it is unfolded, what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import DebugView, Demo, layered, sound
from tests.browser.pieces import lively
from tests.browser.test_contrast import themed
from tests.browser.view.test_cost import FLOOD
from tests.browser.view.test_frame import NAMES

ROW = Demo([(f"n{i}", f"n{i + 1}") for i in range(999)])
"""A thousand nodes in a row: 48 boxes, of 21 nodes each but the last."""
BOXES = 48


def box(debug_view: DebugView, first: int) -> Locator:
    """The box of the nodes from this one on."""
    last = min(first + 20, 999)
    return debug_view.page.locator(f'[data-node="n{first} … n{last}"]')


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1600, 600])
@pytest.mark.parametrize(("name", "demo", "boxes"), [("row", ROW, 48), ("layers", layered(1000), 42)])
def test_C8_a_thousand_nodes_are_folded_into_boxes_that_can_be_read(
    debug_view: DebugView, pictures: Path, name: str, demo: Demo, boxes: int, width: int, theme: str
) -> None:
    debug_view.page.set_viewport_size({"width": width, "height": 800})
    themed(debug_view.page, theme)
    debug_view.mount(demo, lively(demo), height=700, boxes=boxes)
    debug_view.show(lively(demo)["view"])
    debug_view.frames(6)
    debug_view.page.screenshot(path=pictures / f"fold-{name}-{width}-{theme}.png")
    if width == 1600:
        sound(debug_view)
    if width == 1600 or name == "row":  # layers side by side need more width: the map, the search and zooming are for that
        assert min(debug_view.page.locator("[data-node]").evaluate_all(NAMES)) >= 9.9


def test_C8_a_box_of_several_nodes_counts_what_is_in_them(debug_view: DebugView) -> None:
    nodes = {
        "n0": {"status": "busy", "taken": 5, "depth": 2},
        "n3": {"status": "held", "held": 2},
        "n20": {"given": 7},
        "n21": {"status": "failed", "failed": 1},
    }
    held = [{"id": f"m{i}", "node": "n3", "port": "in", "run": 1, "reason": "breakpoint", "value": i} for i in range(2)]
    breaks = [{"id": "b1", "node": "n3", "side": "in", "port": "", "when": "", "hits": 0, "log": "", "enabled": True, "count": 2}]
    view = ROW.view(nodes, 0, held=2)
    view["wires"][20]["sent"] = 33
    debug_view.mount(ROW, ROW.world(view=view, held=held, breaks=breaks), boxes=BOXES, height=700)
    first, second = box(debug_view, 0), box(debug_view, 21)
    expect(first).to_have_attribute("data-status", "held")
    expect(first.locator(".queue")).to_have_attribute("aria-label", "2 waiting")
    expect(first.locator(".letter")).to_have_attribute("aria-label", "2 held in front")
    expect(first.locator(".breaks")).to_have_attribute("aria-label", "1 breakpoint")
    expect(first).to_have_attribute(
        "aria-label", "n0 … n20: held\n5 taken, 7 given\n21 nodes: a double click unfolds them\n2 waiting\n2 held"
    )
    expect(second).to_have_attribute("data-status", "failed")
    expect(second.locator(".mark")).to_have_count(1)
    expect(debug_view.page.locator('[data-edge="n0 … n20.out>n21 … n41.in"]')).to_have_count(1)
    assert debug_view.page.locator("[data-edge]").count() == BOXES - 1
    assert first.locator("[data-bp]").count() == 0  # a breakpoint is of one node
    first.locator(".letter").click()
    expect(debug_view.page.locator("[data-node].selected")).to_have_attribute("data-node", "n3")
    expect(debug_view.page.locator(".floe-inspector h3")).to_contain_text("n3")
    expect(debug_view.page.locator('[data-section="held"]').first).to_have_attribute("data-held", "m0")
    debug_view.drawn(BOXES + 20)
    expect(debug_view.page.locator('[data-node="n3"] [data-bp="in"]')).to_have_attribute("data-look", "on")


@pytest.mark.parametrize("how", ["double click", "key", "menu"])
def test_C8_a_box_is_unfolded_and_folded_again(debug_view: DebugView, how: str) -> None:
    debug_view.mount(ROW, ROW.world(), boxes=BOXES, height=700)
    third = box(debug_view, 42)
    if how == "double click":
        third.locator(".box").dblclick()
    elif how == "key":
        third.locator(".box").click()
        third.focus()
        debug_view.page.keyboard.press("b")
        debug_view.page.keyboard.press("Enter")
        assert debug_view.calls("set_break") == []
    else:
        third.locator(".box").click(button="right")
        debug_view.page.locator('.floe-menu [data-item="unfold"]').click()
    debug_view.drawn(BOXES + 20)
    debug_view.frames(4)
    area: Any = debug_view.page.locator(".floe-graph").bounding_box()
    for name in ("n42", "n62"):  # what was unfolded is in sight
        place: Any = debug_view.page.locator(f'[data-node="{name}"] .box').bounding_box()
        assert area["x"] <= place["x"]
        assert place["x"] + place["width"] <= area["x"] + area["width"]
        assert area["y"] <= place["y"]
        assert place["y"] + place["height"] <= area["y"] + area["height"]
    expect(debug_view.page.locator('[data-edge="n41.out>n42.in"]')).to_have_count(0)
    expect(debug_view.page.locator('[data-edge="n42.out>n43.in"]')).to_have_count(1)
    debug_view.page.locator('[data-node="n50"] .box').click(button="right")
    debug_view.page.locator('.floe-menu [data-item="fold"]').click()
    debug_view.drawn(BOXES)


def test_C8_all_boxes_are_unfolded_by_key_and_stay_so(debug_view: DebugView) -> None:
    demo = layered(150)
    boxes = 17
    debug_view.mount(demo, demo.world(), boxes=boxes)
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press("g")
    debug_view.drawn(150)
    debug_view.page.evaluate("window.unmount()")
    debug_view.mount(demo, demo.world())
    debug_view.page.locator('.floe-tools [data-cmd="fold"]').click()
    debug_view.drawn(boxes)
    debug_view.mount(demo, demo.world(), boxes=boxes)


def test_C8_the_search_finds_what_is_folded(debug_view: DebugView) -> None:
    debug_view.mount(ROW, ROW.world(), boxes=BOXES, height=700)
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press("/")
    debug_view.page.keyboard.type("n777")
    expect(debug_view.page.locator(".floe-find [role=status]")).to_have_text("1 found")
    expect(debug_view.page.locator("[data-node].found")).to_have_attribute("data-node", "n777 … n797")
    debug_view.page.keyboard.press("Enter")
    expect(debug_view.page.locator("[data-node].selected")).to_have_attribute("data-node", "n777")
    expect(debug_view.page.locator(".floe-inspector h3")).to_contain_text("n777")
    expect(debug_view.page.locator(".floe-map")).to_be_visible()
    expect(debug_view.page.locator(".floe-find input")).to_be_focused()


def test_C8_a_saved_flow_is_shown_folded_and_says_when_it_can_be_unfolded(debug_view: DebugView) -> None:
    debug_view.mount(ROW, live=False, boxes=BOXES, height=700)
    box(debug_view, 42).locator(".box").dblclick()
    expect(debug_view.page.locator(".floe-problem, [role=alert]")).to_contain_text("as soon as the dispatcher answers")
    debug_view.drawn(BOXES)


def test_C8_a_box_is_asked_for_once_and_folded_again_without_asking(debug_view: DebugView) -> None:
    debug_view.mount(ROW, ROW.world(), boxes=BOXES, height=700)
    for _ in range(2):
        box(debug_view, 42).locator(".box").dblclick()
        debug_view.drawn(BOXES + 20)
        debug_view.page.locator('[data-node="n50"] .box').click(button="right")
        debug_view.page.locator('.floe-menu [data-item="fold"]').click()
        debug_view.drawn(BOXES)
    assert debug_view.calls("layout") == [{"flow": "demo", "vertical": False, "folded": True, "unfolded": ["n42 … n62"]}]


def test_C8_small_flows_are_not_folded(debug_view: DebugView) -> None:
    demo = layered(120)
    debug_view.mount(demo, demo.world())
    expect(debug_view.page.locator('.floe-tools [data-cmd="fold"]')).to_be_hidden()
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press("g")
    debug_view.drawn(120)


PLAIN = """({ rate, seconds }) => new Promise(done => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 2000 2000');
  svg.style.cssText = 'position: fixed; inset: 0; width: 1100px; height: 640px; background: white';
  const texts = Array.from({ length: 1000 }, (_, i) => {
    const text = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    text.setAttribute('transform', `translate(${(i % 55) * 36} ${Math.floor(i / 55) * 36})`);
    svg.append(text);
    return text;
  });
  document.body.append(svg);
  let drawn = 0;
  const timer = setInterval(() => {
    drawn += 1;
    for (const text of texts) text.textContent = `${drawn}`;
    if (drawn === rate * seconds) {
      clearInterval(timer);
      svg.remove();
      done(drawn);
    }
  }, 1000 / rate);
})"""
"""Rewrites a plain text for each of a thousand nodes, twenty times a second: the least that a counter costs."""


@pytest.mark.parametrize("boxes", [42, 0])
def test_C8_a_thousand_nodes_are_drawn_at_once_and_stay_fluid(debug_view: DebugView, boxes: int) -> None:
    demo = layered(1000)
    begun = debug_view.page.evaluate("performance.now()")
    debug_view.mount(demo, demo.world(), boxes=boxes, width="1100px", height=640)
    took = debug_view.page.evaluate("performance.now()") - begun
    debug_view.whole()
    session = debug_view.page.context.new_cdp_session(debug_view.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        return float(next(m["value"] for m in session.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration"))

    before = busy()
    found = debug_view.page.evaluate(FLOOD, {"rate": 20, "seconds": 3, "share": 10})
    share = (busy() - before) / 3
    before = busy()
    debug_view.page.evaluate(PLAIN, {"rate": 20, "seconds": 2})
    plain = (busy() - before) / 2
    print(
        f"\n1,000 nodes in {boxes or 1000} boxes: drawn in {took:.0f} ms, {found['frames']:.0f} frames/s, {found['draws']:.1f} drawings/s, "
        f"longest task {found['longest']:.0f} ms, {share:.0%} of the main thread, {share / plain:.2f} of plain texts"
    )
    assert share <= (0.6 if boxes else 1.3) * plain
