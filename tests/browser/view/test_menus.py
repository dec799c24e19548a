"""The menus of nodes, wires and values in a real browser, without Jupyter: by pointer and by keyboard."""

from __future__ import annotations

import json
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, DebugView, Demo, encoded
from tests.browser.pieces import lively

SVG = "{http://www.w3.org/2000/svg}"
LOOK = """() => { const svg = document.querySelector('.floe-graph > svg');
    return [svg.getAttribute('class') ?? '', svg.querySelector('.floe-drawing').getAttribute('transform'), svg.querySelectorAll('*:not(title)').length]; }"""


def menu(debug_view: DebugView) -> Locator:
    return debug_view.page.locator(".floe-menu[role=menu]")


def items(debug_view: DebugView) -> list[str]:
    """What the menu offers."""
    expect(menu(debug_view)).to_be_visible()
    found: list[str] = (
        menu(debug_view).locator("[role=menuitem]").evaluate_all("all => all.map(one => one.firstChild.textContent)")
    )
    return found


def pick(debug_view: DebugView, cmd: str) -> None:
    menu(debug_view).locator(f'[data-item="{cmd}"]').click()


@pytest.fixture
def outer(debug_view: DebugView) -> DebugView:
    """What reaches the page around the view is noted; texts that are copied, too."""
    debug_view.page.evaluate("""() => { window.outer = []; window.copied = [];
        document.addEventListener('contextmenu', e => { window.outer.push([e.shiftKey, e.defaultPrevented]); e.preventDefault(); });
        Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => { window.copied.push(text); } } }); }""")
    return debug_view


def test_C25_a_right_click_on_a_node_opens_its_own_menu_and_no_other(outer: DebugView, pictures: Path) -> None:
    outer.mount(CO2, {**lively(CO2), "breaks": []})
    outer.page.locator('[data-node="parse"] .box').click(button="right")
    expect(menu(outer)).to_have_attribute("aria-label", "Node parse")
    assert items(outer) == [
        "Look into the node",
        "Show code",
        "Break in front",
        "Break behind",
        "Copy held value",
        "Copy last value",
        "Copy name",
        "Export picture as SVG",
        "Export picture as PNG",
    ]
    outer.page.screenshot(path=pictures / "menu-node.png")
    assert outer.page.evaluate("window.outer") == []
    pick(outer, "break-in")
    assert outer.called("set_break") == {"flow": "demo", "node": "parse", "side": "in", "port": ""}
    expect(menu(outer)).to_have_count(0)
    expect(outer.page.locator('[data-node="parse"] [data-bp="in"]')).to_have_attribute("data-look", "on")
    outer.page.locator('[data-node="parse"] .box').click(button="right")
    assert "Remove breakpoint in front" in items(outer)
    pick(outer, "break-in")
    outer.called("clear_break")
    outer.page.locator('[data-node="parse"] .box').click(button="right")
    pick(outer, "open")
    expect(outer.page.locator(".floe-inspector")).to_be_focused()
    expect(outer.page.locator(".floe-inspector h3")).to_contain_text("parse")


def test_C25_shift_and_a_right_click_leave_the_browsers_menu(outer: DebugView) -> None:
    outer.mount(CO2, lively(CO2))
    outer.page.locator('[data-node="parse"] .box').click(button="right", modifiers=["Shift"])
    assert outer.page.evaluate("window.outer") == [[True, False]]
    expect(menu(outer)).to_have_count(0)
    outer.page.locator('[data-node="parse"] .box').click()
    outer.page.locator("[data-held] textarea").first.click(button="right")  # its own has paste and spelling
    assert outer.page.evaluate("window.outer") == [[True, False]]
    expect(menu(outer)).to_have_count(0)


@pytest.mark.parametrize("key", ["Shift+F10", "ContextMenu"])
def test_C25_the_menu_is_used_by_keyboard(outer: DebugView, key: str) -> None:
    outer.mount(CO2, lively(CO2))
    outer.page.locator(".floe-graph > svg").focus()
    for _ in range(2):
        outer.page.keyboard.press("ArrowRight")
    outer.page.keyboard.press(key)
    assert outer.calls("step") == []
    expect(menu(outer)).to_have_attribute("aria-label", "Node parse")
    expect(menu(outer)).to_have_count(1)
    focused = "document.activeElement.dataset.item"
    seen = [outer.page.evaluate(focused)]
    for press in ["ArrowDown", "ArrowDown", "ArrowUp", "End", "ArrowDown", "ArrowUp", "Home", "b", "s", "m"]:
        outer.page.keyboard.press(press)
        seen.append(outer.page.evaluate(focused))
    assert seen == ["open", "code", "break-in", "code", "export-png", "open", "export-png", "open", "break-out", "code", "code"]
    expect(outer.page.locator(".maximised")).to_have_count(0)  # m is no key of the view here
    outer.page.keyboard.press("Escape")
    expect(menu(outer)).to_have_count(0)
    expect(outer.page.locator('[data-node="parse"]')).to_be_focused()
    outer.page.keyboard.press(key)
    outer.page.keyboard.press("ArrowDown")
    outer.page.keyboard.press("ArrowDown")
    outer.page.keyboard.press("Enter")
    assert outer.called("clear_break")["id"] == "b1"
    expect(menu(outer)).to_have_count(0)


def test_C25_the_menu_closes_when_one_clicks_elsewhere_and_stands_above_a_maximised_view(outer: DebugView) -> None:
    outer.page.set_viewport_size({"width": 800, "height": 500})
    outer.mount(CO2, lively(CO2))
    outer.page.locator('.floe-tools [data-cmd="maximise"]').click()
    area: Any = outer.page.locator(".floe-graph").bounding_box()
    outer.page.mouse.click(area["x"] + area["width"] - 3, area["y"] + area["height"] - 3, button="right")
    box: Any = menu(outer).bounding_box()
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= 800
    assert box["y"] + box["height"] <= 500
    assert outer.page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('.floe-menu') !== null", [box["x"] + 20, box["y"] + 20]
    )
    assert items(outer) == [
        "Find a node",
        "Show the whole flow",
        "Show or hide the inspector",
        "Maximise or restore",
        "Export picture as SVG",
        "Export picture as PNG",
        "Keys",
    ]
    outer.page.mouse.click(100, 100)
    expect(menu(outer)).to_have_count(0)
    outer.page.mouse.click(200, 300, button="right")
    outer.page.keyboard.press("Escape")
    expect(menu(outer)).to_have_count(0)
    expect(outer.page.locator(".maximised")).to_have_count(1)


def test_C25_a_wire_has_a_menu_with_its_last_value(outer: DebugView) -> None:
    step = {
        "seq": 1,
        "node": "parse",
        "lane": 0,
        "run": 1,
        "id": "s1",
        "port": "in",
        "version": 1,
        "input": encoded({"n": 1}),
        "outputs": [["out", encoded({"ppm": 421.5})], ["bad", encoded({"ppm": None})], ["bad", encoded({"text": "é"})]],
        "group": 1,
    }
    outer.mount(CO2, {**lively(CO2), "breaks": [], "steps": [step]})
    outer.page.locator('[data-edge="parse.bad>rejects.in"] .count').click(button="right")
    assert items(outer) == [
        "Copy last value",
        "Break behind parse",
        "Break in front of rejects",
        "Look into parse",
        "Look into rejects",
        "Export picture as SVG",
        "Export picture as PNG",
    ]
    pick(outer, "copy-last")
    outer.page.wait_for_function("window.copied.length === 1")
    assert json.loads(outer.page.evaluate("window.copied[0]")) == {"text": "é"}
    outer.page.locator('[data-edge="parse.bad>rejects.in"] .count').click(button="right")
    pick(outer, "break-out")
    assert outer.called("set_break") == {"flow": "demo", "node": "parse", "side": "out", "port": "bad"}


def _copied(debug_view: DebugView, place: str) -> str:
    """What the menu of the wire or node copies as its last value."""
    debug_view.page.evaluate("window.copied = []")
    debug_view.page.locator(place).click(button="right")
    pick(debug_view, "copy-last")
    debug_view.page.wait_for_function("window.copied.length === 1")
    return str(debug_view.page.evaluate("window.copied[0]"))


def test_C25_the_last_value_is_copied_as_the_wire_has_it_without_any_recorded_step(outer: DebugView) -> None:
    latest = {"parse.out>clean.in": '{"n":12345678901234567890}', "parse.bad>rejects.in": '"n/a"', "clean.out>mean.in": "7"}
    outer.mount(CO2, {**lively(CO2), "breaks": [], "steps": [], "latest": latest})
    assert _copied(outer, '[data-edge="parse.bad>rejects.in"] .count') == '"n/a"'
    assert _copied(outer, '[data-node="clean"] .box') == "7"
    assert "12345678901234567890" in _copied(outer, '[data-node="parse"] .box')
    outer.page.evaluate("window.world.latest['clean.out>mean.in'] = '8'")
    assert _copied(outer, '[data-node="clean"] .box') == "8"
    outer.page.locator('[data-node="mean"] .box').click(button="right")
    assert "Copy last value" not in items(outer)


def test_C25_where_only_the_beginning_of_the_last_value_is_kept_that_is_copied_and_said(outer: DebugView) -> None:
    edge = '[data-edge="parse.out>clean.in"] .count'
    whole = "x" * 3000
    step = {
        "seq": 1,
        "node": "parse",
        "lane": 0,
        "run": 1,
        "id": "s1",
        "port": "in",
        "version": 1,
        "input": encoded(1),
        "outputs": [["out", encoded(whole)]],
        "group": 1,
    }
    begun = json.dumps({"$floe": ["short", '"' + "x" * 899, 3002]})
    outer.mount(CO2, {**lively(CO2), "breaks": [], "steps": [], "latest": {"parse.out>clean.in": begun}})
    assert _copied(outer, edge) == '"' + "x" * 899
    expect(outer.page.locator('[data-news="done"]')).to_contain_text("Copied the beginning, 900 bytes of 2.9 KiB")
    outer.page.evaluate("window.unmount()")
    outer.mount(CO2, {**lively(CO2), "breaks": [], "steps": [step], "latest": {"parse.out>clean.in": begun}})
    expect(outer.page.get_by_role("tab", name="Timeline (1)")).to_be_visible()
    assert json.loads(_copied(outer, edge)) == whole  # it was recorded as well
    outer.page.evaluate("window.unmount()")
    outer.mount(CO2, {**lively(CO2), "breaks": [], "steps": [], "latest": {}})
    outer.page.locator(edge).click(button="right")
    pick(outer, "copy-last")
    expect(outer.page.locator(".floe-problem")).to_contain_text("too long to be kept")


def test_C25_values_are_copied_by_menu(outer: DebugView) -> None:
    values = [{"big": 2, "list": [{"a": 1, "b": "one"}, {"a": 2, "b": "two"}], "text": 'say "é"'}]
    held = [{"id": "m0", "node": "parse", "port": "in", "run": 1, "reason": "breakpoint", "value": value} for value in values]
    step = {
        "seq": 1,
        "node": "parse",
        "lane": 0,
        "run": 1,
        "id": "s1",
        "port": "in",
        "version": 1,
        "outputs": [],
        "group": 1,
        "input": {**encoded(0), "payload": "WzEyMzQ1Njc4OTAxMjM0NTY3ODkwXQ=="},
    }
    outer.mount(CO2, {**lively(CO2), "held": held, "steps": [step]}, height=800)
    outer.page.locator('[data-node="parse"] .box').click()
    section = outer.page.locator('[data-section="held"]').first
    for place, choose, copied in [
        (section.locator(".floe-string", has_text="say"), "copy-text", 'say "é"'),
        (section.locator(".floe-string", has_text="say"), "copy-value", json.dumps('say "é"', ensure_ascii=False)),
        (section.locator("td", has_text="two"), "copy-text", "two"),
        (outer.page.locator('[data-section="last"] .floe-bigint'), "copy-value", "12345678901234567890"),
    ]:
        place.first.click(button="right")
        pick(outer, choose)
        outer.page.wait_for_function("text => window.copied.includes(text)", arg=copied)
    section.locator(".floe-body details > summary").first.focus()
    outer.page.keyboard.press("Shift+F10")
    pick(outer, "copy-value")
    outer.page.wait_for_function("window.copied.length === 5")
    assert json.loads(outer.page.evaluate("window.copied[4]")) == values[0]
    assert outer.page.evaluate("window.outer") == []


def test_C25_the_code_of_a_node_is_shown_and_copied(outer: DebugView, pictures: Path) -> None:
    world = lively(CO2)
    world["modules"] = [{**module, "source": f"// {module['name']}\nexport default (msg) => msg;"} for module in world["modules"]]
    outer.mount(CO2, world)
    outer.page.locator('[data-node="parse"] .box').click(button="right")
    pick(outer, "code")
    dialog = outer.page.locator("dialog.floe-code")
    expect(dialog.locator("pre")).to_have_text("// parse\nexport default (msg) => msg;")
    expect(dialog.locator("h3")).to_contain_text("parse module parse, js")
    outer.page.screenshot(path=pictures / "menu-code.png")
    dialog.locator('[data-cmd="copy-code"]').click()
    expect(dialog.locator("[role=status]")).to_have_text("copied")
    assert outer.page.evaluate("window.copied") == ["// parse\nexport default (msg) => msg;"]
    outer.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    outer.page.evaluate("window.world.modules = []")
    outer.page.locator('[data-node="mean"] .box').click(button="right")
    pick(outer, "code")
    expect(outer.page.locator(".floe-bench > .floe-problem")).to_contain_text("mean has no code that can be shown")


@pytest.mark.parametrize("count", [5, 60])
def test_C25_the_picture_is_exported_as_svg_that_needs_nothing_else(
    debug_view: DebugView, tmp_path: Path, pictures: Path, count: int
) -> None:
    demo = CO2 if count == 5 else Demo([(f"step_{i}", f"step_{i + 1}") for i in range(count - 1)])
    debug_view.mount(demo, lively(demo))
    debug_view.show(lively(demo)["view"])
    debug_view.frames(4)
    looks = debug_view.page.evaluate(LOOK)
    debug_view.page.locator(f'[data-node="{demo.ids[0]}"] .box').click(button="right")
    with debug_view.page.expect_download() as given:
        pick(debug_view, "export-svg")
    assert given.value.suggested_filename == "demo.svg"
    file = tmp_path / "demo.svg"
    given.value.save_as(file)
    text = file.read_text()
    tree = ET.fromstring(text)
    assert tree.tag == f"{SVG}svg"
    words = {e.text for e in tree.iter(f"{SVG}text")}
    assert set(demo.ids) <= words
    assert "busy" in words or "held" in words  # all texts, however small the picture is on the page
    assert not re.search(r"var\(|color-mix|color\(|class=\"(far|small)", text)
    fills = {e.get("fill") for e in tree.iter(f"{SVG}rect")}
    assert all(fill == "none" or re.fullmatch("#[0-9a-f]{6}", fill or "") for fill in fills)
    assert debug_view.page.evaluate(LOOK) == looks  # the page stays as it was
    debug_view.page.goto(file.as_uri())
    debug_view.page.screenshot(path=pictures / f"export-{count}.png")


def test_C25_the_picture_is_exported_as_png(debug_view: DebugView, tmp_path: Path) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.page.locator('[data-node="mean"] .box').click(button="right")
    with debug_view.page.expect_download() as given:
        pick(debug_view, "export-png")
    given.value.save_as(tmp_path / "demo.png")
    data = (tmp_path / "demo.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1_500
    assert height > 200
    assert debug_view.page.evaluate("window.violations") == []
