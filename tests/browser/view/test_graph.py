"""The graph in a real browser, without Jupyter: what is drawn, and what clicks and keys do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.component import CO2, DebugView, Demo, laid_out, layered, sound
from tests.browser.pieces import lively


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("count", [5, 50, 500])
def test_pictures_of_small_and_large_flows_have_no_overlaps(
    debug_view: DebugView, pictures: Path, count: int, width: int, theme: str
) -> None:
    demo = CO2 if count == 5 else layered(count)
    page = debug_view.page
    page.evaluate("theme => { document.getElementById('theme').href = `/theme/${theme}.css`; }", theme)
    page.wait_for_function(
        "theme => [...document.styleSheets].some(s => s.href?.includes(theme) && s.cssRules.length)", arg=theme
    )
    page.set_viewport_size({"width": max(width + 16, 380), "height": 700})
    debug_view.mount(demo, lively(demo), width=f"{width}px", height=560)
    debug_view.show(lively(demo)["view"])
    page.locator(f'[data-node="{demo.ids[1]}"] .letter').first.wait_for(state="attached")
    if count > 5:
        debug_view.whole()
    if count == 5:
        page.locator('[data-node="parse"] .box').click()
        page.locator("[data-held] textarea").first.wait_for()
    sound(debug_view)
    page.screenshot(path=pictures / f"graph-{count}-{'narrow' if width < 500 else 'wide'}-{theme}.png", full_page=True)


@pytest.mark.parametrize(
    ("name", "demo"),
    [
        ("cycle", Demo([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")])),
        ("self loop", Demo([("a", "b"), ("b.again", "b.more"), ("b", "c")])),
        ("alone", Demo([("a", "b")], None, [f"single_{i}" for i in range(7)])),
        ("long names", Demo([("w" * 90, "M" * 60), ("M" * 60, "x_" * 300), ("a-" * 30, "M" * 60)])),
        ("50 ports", Demo([(f"hub.port_{i}", f"leaf.side_{i}") for i in range(50)])),
        ("parallel", Demo([("a.x", "b.x"), ("a.y", "b.x"), ("a.x", "b.y"), ("a", "b")])),
        ("one node", Demo([], None, ["only"])),
    ],
)
@pytest.mark.parametrize("width", [900, 320])
def test_flows_of_odd_shapes_are_drawn_whole(debug_view: DebugView, name: str, demo: Demo, width: int, pictures: Path) -> None:
    debug_view.mount(demo, width=f"{width}px", height=480)
    debug_view.show(
        demo.view({demo.ids[0]: {"depth": 999999, "status": "refused", "failed": 3, "error": "no such module"}}, 123456)
    )
    sound(debug_view)
    assert debug_view.page.locator("[data-edge]").count() == len(demo.wires)
    debug_view.page.screenshot(path=pictures / f"odd-{name.replace(' ', '-')}-{width}.png")


@pytest.mark.parametrize("scale", [0.9, 1.1, 1.25, 1.5])
def test_nothing_overlaps_where_pixels_are_not_whole(debug_view: DebugView, scale: float) -> None:
    debug_view.page.evaluate("scale => { document.body.style.zoom = scale; }", scale)
    debug_view.mount(CO2, lively(CO2), width="800px")
    debug_view.show(lively(CO2)["view"])
    sound(debug_view)


@pytest.mark.parametrize("count", [10, 50])
def test_C8_a_row_of_nodes_can_be_read_in_a_page_of_1400_pixels(debug_view: DebugView, pictures: Path, count: int) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(count - 1)])
    debug_view.page.set_viewport_size({"width": 1400, "height": 700})
    debug_view.mount(demo, lively(demo), width="1380px", height=420)
    debug_view.show(lively(demo)["view"])
    sound(debug_view)
    heights = debug_view.page.locator("[data-node]").evaluate_all("""nodes => nodes.map(node =>
        Math.max(...[...node.querySelectorAll('.name, .sign')].filter(text => text.getBoundingClientRect().width > 0)
            .map(text => text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize))))""")
    debug_view.page.screenshot(path=pictures / f"graph-row-{count}.png", full_page=True)
    assert len(heights) == count
    assert min(heights) >= 9


def test_a_graph_that_is_attached_while_hidden_is_drawn_when_it_is_shown(debug_view: DebugView) -> None:
    debug_view.mount(CO2, hidden=True)
    debug_view.show(CO2.view({"parse": {"status": "busy"}}, 7))
    assert debug_view.page.locator("[data-node]").count() == 0
    debug_view.page.evaluate("document.getElementById('place').style.display = ''")
    debug_view.drawn(5)
    expect(debug_view.page.locator('[data-node="parse"]')).to_have_attribute("data-status", "busy")
    sound(debug_view)


PLACES = """() => Object.fromEntries([...document.querySelectorAll('[data-node]')].map(node => {
    const { e, f } = node.transform.baseVal.consolidate().matrix, box = node.querySelector('.box');
    return [node.dataset.node, [e, f, +box.getAttribute('width'), +box.getAttribute('height')]]; }))"""
ENDS = """() => Object.fromEntries([...document.querySelectorAll('[data-edge]')].map(wire => {
    const way = wire.querySelector('.way'), [a, b] = [way.getPointAtLength(0), way.getPointAtLength(way.getTotalLength())];
    return [wire.dataset.edge, [a.x, a.y, b.x, b.y]]; }))"""


@pytest.mark.parametrize(("width", "vertical"), [(1100, False), (360, True)])
@pytest.mark.parametrize("count", [5, 30, 500])
def test_the_page_draws_the_positions_that_python_computed(debug_view: DebugView, count: int, width: int, vertical: bool) -> None:
    demo = CO2 if count == 5 else layered(count)
    plan = laid_out(demo.definition["flow"], vertical=vertical)
    debug_view.mount(demo, width=f"{width}px", height=560, boxes=len(plan.boxes))
    debug_view.frames(8)
    places, ends = debug_view.page.evaluate(PLACES), debug_view.page.evaluate(ENDS)
    assert {name: pytest.approx(box, abs=0.01) for name, *box in plan.boxes} == places
    expected = {wire.name: [*wire.points[:2], *wire.points[-2:]] for wire in plan.wires}
    assert {name: pytest.approx(points, abs=0.1) for name, points in expected.items()} == ends


def test_nodes_added_to_and_removed_from_a_running_flow_appear_and_vanish(debug_view: DebugView) -> None:
    debug_view.mount(CO2)
    assert debug_view.calls("layout") == []  # the widget came with the positions
    debug_view.page.locator('[data-node="mean"] .box').click()
    wider = Demo([("read", "parse"), ("parse", "mean"), ("mean", "plot"), ("read", "log")], CO2.langs)
    changed = """([definition, view]) => { Object.assign(window.world, definition);
        window.publish('defined/w', { kind: 'flow', name: 'demo', version: 2 }); window.show(view); }"""
    debug_view.page.evaluate(changed, [wider.definition, wider.view({"plot": {"status": "busy"}}, 3)])
    expect(debug_view.page.locator('[data-node="plot"]')).to_have_attribute("data-status", "busy")
    debug_view.drawn(5)
    expect(debug_view.page.locator('[data-node="clean"]')).to_have_count(0)
    expect(debug_view.page.locator('[data-edge="mean.out>plot.in"] .count')).to_have_text("3")
    expect(debug_view.page.locator("[data-node].selected")).to_have_attribute("data-node", "mean")
    assert debug_view.calls("layout") == [{"flow": "demo", "vertical": False, "folded": True, "unfolded": []}]
    debug_view.page.evaluate(changed, [CO2.definition, CO2.view()])
    expect(debug_view.page.locator('[data-node="clean"]')).to_have_count(1)
    debug_view.drawn(5)
    sound(debug_view)


def test_a_change_of_width_asks_once_for_each_direction_of_a_flow_that_came_without_positions(debug_view: DebugView) -> None:
    debug_view.mount(CO2, width="1100px", definition={})
    for width, vertical in ((360, True), (1000, False), (340, True)):
        debug_view.page.evaluate("width => { document.getElementById('place').style.width = `${width}px`; }", width)
        plan = laid_out(CO2.definition["flow"], vertical=vertical)
        debug_view.page.wait_for_function(
            "([name, x, y]) => document.querySelector(`[data-node=${name}]`).getAttribute('transform') === `translate(${x},${y})`",
            arg=list(next([box.name, box.x, box.y] for box in plan.boxes if box.name == "mean")),
        )
    assert [asked["vertical"] for asked in debug_view.calls("layout")] == [False, True]


# --- looking and clicking ----------------------------------------------------------------------------------------------------


def test_a_click_on_a_dot_sets_a_breakpoint_and_another_removes_it(debug_view: DebugView) -> None:
    debug_view.mount(CO2)
    dot = debug_view.page.locator('[data-node="clean"] [data-bp="in"]')
    dot.click()
    assert debug_view.called("set_break") == {"flow": "demo", "node": "clean", "side": "in", "port": ""}
    expect(dot).to_have_attribute("data-look", "on")
    expect(dot).to_have_attribute("aria-pressed", "true")
    dot.click()
    assert debug_view.called("clear_break") == {"flow": "demo", "id": "b1"}
    expect(dot).to_have_attribute("data-look", "none")


def test_a_node_with_two_outputs_has_a_dot_for_each(debug_view: DebugView) -> None:
    debug_view.mount(CO2)
    debug_view.page.locator('[data-node="parse"] [data-bp="out"][data-port="bad"]').click()
    assert debug_view.called("set_break") == {"flow": "demo", "node": "parse", "side": "out", "port": "bad"}
    expect(debug_view.page.locator('[data-node="parse"] [data-port="bad"]')).to_have_attribute("data-look", "on")
    expect(debug_view.page.locator('[data-node="parse"] [data-bp="out"][data-port="out"]')).to_have_attribute("data-look", "none")


@pytest.mark.parametrize(
    ("given", "look"),
    [
        ({}, "on"),
        ({"enabled": False}, "off"),
        ({"when": "msg > 1"}, "conditional"),
        ({"hits": 3}, "conditional"),
        ({"log": "saw {msg}"}, "log"),
    ],
)
def test_breakpoints_look_as_what_they_are(debug_view: DebugView, given: dict[str, Any], look: str) -> None:
    mark = {
        "id": "b1",
        "node": "mean",
        "side": "in",
        "port": "",
        "when": "",
        "hits": 0,
        "log": "",
        "enabled": True,
        "count": 0,
        **given,
    }
    debug_view.mount(CO2, CO2.world(breaks=[mark]))
    expect(debug_view.page.locator('[data-node="mean"] [data-bp="in"]')).to_have_attribute("data-look", look)


MOVED = """async view => {
  const wire = document.querySelector('[data-edge="read.out>parse.in"]'), way = wire.querySelector('.way'), seen = new Set();
  const text = name => wire.querySelector(name).textContent;
  window.show(view);
  do {
    await new Promise(done => requestAnimationFrame(done));
    if (wire.dataset.moving === 'true') {
      seen.add(`dashed: ${getComputedStyle(way).strokeDasharray !== 'none'}`).add(`at ${way.getAttribute('stroke-dashoffset')}`)
        .add(`${text('.count')} sent`).add(text('.rate').endsWith('/s') ? 'a rate' : 'no rate');
    }
  } while (!seen.size || wire.dataset.moving === 'true' || text('.rate'));
  return [...seen].sort();
}"""


def test_wires_move_only_when_something_moved(debug_view: DebugView) -> None:
    debug_view.mount(CO2)
    wire = debug_view.page.locator('[data-edge="read.out>parse.in"]')
    debug_view.show(CO2.view(sent=10))
    expect(wire.locator(".count")).to_have_text("10")
    debug_view.frames(8)
    expect(wire).to_have_attribute("data-moving", "false")
    offset = wire.locator(".way").get_attribute("stroke-dashoffset")
    seen = debug_view.page.evaluate(MOVED, CO2.view(sent=500))  # ends when it stands still again
    assert seen == ["500 sent", "a rate", f"at {-4 if offset is None else -8}", "dashed: true"]


def test_nothing_is_animated_for_who_wants_no_motion(debug_view: DebugView) -> None:
    debug_view.page.emulate_media(reduced_motion="reduce")
    debug_view.mount(CO2)
    debug_view.show(CO2.view(sent=10))
    debug_view.frames(8)
    debug_view.show(CO2.view(sent=500))
    way = debug_view.page.locator('[data-edge="read.out>parse.in"][data-moving=true] .way')
    way.wait_for(state="attached")
    assert way.evaluate("e => getComputedStyle(e).strokeDasharray") == "none"
    assert way.evaluate("e => e.getAnimations().length") == 0


def test_the_graph_is_used_by_keyboard(debug_view: DebugView) -> None:
    debug_view.mount(CO2)
    page = debug_view.page
    page.locator(".floe-graph > svg").focus()
    for key, node in [
        ("ArrowRight", "read"),
        ("ArrowRight", "parse"),
        ("ArrowRight", "rejects"),
        ("ArrowUp", "clean"),
        ("ArrowLeft", "parse"),
    ]:
        page.keyboard.press(key)
        expect(page.locator("[data-node].selected")).to_have_attribute("data-node", node)
    assert page.evaluate("document.activeElement.dataset.node") == "parse"
    page.keyboard.press("b")
    assert debug_view.called("set_break")["side"] == "in"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.className") == "floe-inspector"
    page.locator('[data-node="parse"]').focus()
    before = page.locator(".floe-drawing").get_attribute("transform")
    page.keyboard.press("+")
    expect(page.locator(".floe-drawing")).not_to_have_attribute("transform", before or "")
    page.keyboard.press("f")
    expect(page.locator(".floe-drawing")).to_have_attribute("transform", before or "")
    page.keyboard.press("Escape")
    expect(page.locator("[data-node].selected")).to_have_count(0)


def test_every_node_and_dot_says_what_it_is(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.show(lively(CO2)["view"])
    expect(debug_view.page.locator('[data-node="parse"]')).to_have_attribute(
        "aria-label", re.compile("parse: held\n.*2 waiting\n2 held", re.DOTALL)
    )
    nameless = debug_view.page.evaluate("""() => [...document.querySelectorAll('.floe-bench :is(button, input, select, textarea, [role=button])')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')?.textContent.trim())).map(e => e.outerHTML.slice(0, 90))""")
    assert nameless == []
