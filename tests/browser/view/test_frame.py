"""The room that a view has, in a real browser, without Jupyter: maximised, dragged, with its inspector folded away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, DebugView, Demo, sound
from tests.browser.pieces import lively

HOST = ".floe-host"
TALLER = "h => document.querySelector('.floe-host').offsetHeight === h"
NAMES = """nodes => nodes.map(node => Math.max(...[...node.querySelectorAll('.name, .sign')].filter(text => text.getBoundingClientRect().width > 0)
    .map(text => text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize))))"""


def tool(debug_view: DebugView, name: str) -> Locator:
    """A button of the toolbar."""
    return debug_view.page.locator(f'.floe-tools [data-cmd="{name}"]')


def size(debug_view: DebugView) -> list[int]:
    """How large the view is."""
    found: list[int] = debug_view.page.locator(HOST).evaluate(
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    )
    return found


def maximised(debug_view: DebugView) -> None:
    """Wait until the view fills the window, and nothing is above it."""
    width, height = debug_view.page.evaluate("[innerWidth, innerHeight]")
    expect(debug_view.page.locator(HOST)).to_have_class("floe-host maximised")
    assert size(debug_view) == [0, 0, width, height]
    assert debug_view.page.evaluate("""() => [[5, 5], [innerWidth - 5, 5], [5, innerHeight - 5], [innerWidth - 5, innerHeight - 5]]
        .every(([x, y]) => document.elementFromPoint(x, y).closest('.floe-host'))""")


@pytest.mark.parametrize("how", ["button", "key"])
def test_C8_a_view_is_maximised_and_escape_restores_it(debug_view: DebugView, pictures: Path, how: str) -> None:
    debug_view.page.evaluate(
        "document.body.style.cssText = 'contain: strict; height: 3000px; transform: translateY(40px)'"
    )  # as a notebook's windowed cells
    debug_view.mount(CO2, lively(CO2), width="700px")
    before = size(debug_view)
    if how == "button":
        tool(debug_view, "maximise").click()
    else:
        debug_view.page.locator(".floe-graph > svg").focus()
        debug_view.page.keyboard.press("m")
    maximised(debug_view)
    expect(tool(debug_view, "maximise")).to_have_attribute("aria-label", "Restore")
    expect(tool(debug_view, "maximise")).to_have_attribute("aria-pressed", "true")
    debug_view.page.screenshot(path=pictures / "frame-maximised.png")
    assert debug_view.page.locator(".floe-grip").is_hidden()
    debug_view.page.locator('[data-node="parse"] .box').click()
    debug_view.page.locator('[data-node="parse"]').focus()
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(HOST)).to_have_class("floe-host")
    assert size(debug_view) == before
    expect(debug_view.page.locator("[data-node].selected")).to_have_attribute("data-node", "parse")  # what was selected stays so
    expect(tool(debug_view, "maximise")).to_have_attribute("aria-label", "Maximise")
    if how == "button":
        tool(debug_view, "maximise").click()
        maximised(debug_view)
        tool(debug_view, "maximise").click()
        expect(debug_view.page.locator(HOST)).to_have_class("floe-host")


def test_C8_escape_restores_the_view_wherever_the_focus_is_and_tab_stays_in_it(debug_view: DebugView) -> None:
    debug_view.page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<button id=before>before</button>')")
    debug_view.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button id=behind>behind</button>')")
    debug_view.mount(CO2, lively(CO2))
    tool(debug_view, "maximise").click()
    maximised(debug_view)
    for key in ["Tab"] * 30 + ["Shift+Tab"] * 35:
        debug_view.page.keyboard.press(key)
        assert debug_view.page.evaluate("Boolean(document.activeElement.closest('.floe-host'))"), key
    debug_view.page.evaluate("document.getElementById('behind').focus()")
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(HOST)).to_have_class("floe-host")
    debug_view.page.locator('[data-node="parse"] .box').click()
    area = debug_view.page.locator("[data-held] textarea").first
    expect(area).to_be_visible()
    tool(debug_view, "maximise").focus()
    debug_view.page.keyboard.press("Enter")
    maximised(debug_view)
    area.focus()
    debug_view.page.keyboard.press("m")  # is typed
    maximised(debug_view)
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator(HOST)).to_have_class("floe-host")


def test_C8_a_view_that_goes_away_while_it_is_maximised_leaves_nothing_behind(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    tool(debug_view, "maximise").click()
    maximised(debug_view)
    debug_view.page.evaluate("window.unmount()")
    debug_view.mount(CO2, lively(CO2))
    expect(debug_view.page.locator(HOST)).to_have_class("floe-host")
    assert debug_view.page.evaluate("document.querySelectorAll('[popover]').length") == 0


def drag(debug_view: DebugView, by: int) -> None:
    """Drag the handle."""
    box: Any = debug_view.page.locator(".floe-grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    debug_view.page.mouse.move(x, y)
    debug_view.page.mouse.down()
    debug_view.page.mouse.move(x, y + by / 2)
    debug_view.page.mouse.move(x, y + by)
    debug_view.page.mouse.up()


def test_C8_the_height_is_dragged_and_remembered_for_the_flow(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=420)
    assert size(debug_view)[3] == 420
    drag(debug_view, 130)
    assert size(debug_view)[3] == 550
    sound(debug_view)
    debug_view.page.reload()
    debug_view.page.wait_for_function("window.mounted")
    debug_view.mount(CO2, lively(CO2), height=420)
    assert size(debug_view)[3] == 550
    debug_view.mount(Demo([("a", "b")]), None, flow="other", height=420)
    assert size(debug_view)[3] == 420  # another flow has its own
    debug_view.mount(CO2, lively(CO2), height=420)
    drag(debug_view, -2_000)
    assert size(debug_view)[3] == 260
    debug_view.page.locator(".floe-grip").dblclick()
    assert size(debug_view)[3] == 420
    debug_view.mount(CO2, lively(CO2), height=420)
    assert size(debug_view)[3] == 420


def test_C8_the_height_is_changed_by_keyboard(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=420)
    grip = debug_view.page.locator(".floe-grip")
    grip.focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowUp"]:
        debug_view.page.keyboard.press(key)
    debug_view.page.wait_for_function(TALLER, arg=440)
    assert [grip.get_attribute(f"aria-value{which}") for which in ("now", "min", "max")] == ["440", "260", "4000"]


def test_C8_the_picture_of_a_narrow_view_is_dragged(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), width="400px")
    before = debug_view.page.locator(".floe-canvas").evaluate("e => e.offsetHeight")
    drag(debug_view, 90)
    assert debug_view.page.locator(".floe-canvas").evaluate("e => e.offsetHeight") == before + 90
    debug_view.mount(CO2, lively(CO2), width="400px")
    assert debug_view.page.locator(".floe-canvas").evaluate("e => e.offsetHeight") == before + 90
    sound(debug_view)


def test_C8_where_nothing_may_be_kept_everything_works_all_the_same(debug_view: DebugView) -> None:
    debug_view.page.evaluate(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })"
    )
    debug_view.mount(CO2, lively(CO2), height=420)
    drag(debug_view, 60)
    assert size(debug_view)[3] == 480
    tool(debug_view, "inspector").click()
    expect(debug_view.page.locator(".floe-inspector")).to_be_visible()


# --- the inspector -----------------------------------------------------------------------------------------------------------


def test_C8_the_inspector_is_folded_while_nothing_is_selected(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    inspector = debug_view.page.locator(".floe-inspector")
    width = debug_view.page.locator(".floe-canvas").evaluate("e => e.offsetWidth")
    assert width == debug_view.page.locator(".floe-split").evaluate("e => e.offsetWidth")
    expect(inspector).to_be_hidden()
    debug_view.page.locator('[data-node="parse"] .box').click()
    expect(inspector).to_be_visible()
    sound(debug_view)
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()
    debug_view.page.locator('[data-node="parse"] .letter').first.click()
    expect(inspector).to_be_visible()
    expect(inspector.locator("h3")).to_contain_text("parse")


@pytest.mark.parametrize("how", ["button", "key"])
def test_C8_the_inspector_is_folded_by_hand_and_stays_so(debug_view: DebugView, how: str) -> None:
    def toggle() -> None:
        if how == "button":
            tool(debug_view, "inspector").click()
        else:
            debug_view.page.locator(".floe-graph > svg").focus()
            debug_view.page.keyboard.press("i")

    debug_view.mount(CO2, lively(CO2))
    inspector, node = debug_view.page.locator(".floe-inspector"), debug_view.page.locator('[data-node="clean"]')
    toggle()
    expect(inspector).to_be_visible()  # nothing is selected: what there is of the whole flow
    expect(inspector).to_contain_text("Held messages (2)")
    expect(tool(debug_view, "inspector")).to_have_attribute("aria-label", "Hide the inspector")
    debug_view.mount(CO2, lively(CO2))
    expect(inspector).to_be_visible()
    toggle()
    expect(inspector).to_be_hidden()
    node.locator(".box").click()
    expect(inspector).to_be_visible()
    toggle()
    expect(inspector).to_be_hidden()
    debug_view.page.locator('[data-node="mean"] .box').click()
    expect(node).not_to_have_class("selected")
    debug_view.frames(30)  # longer than a double click
    expect(inspector).to_be_hidden()  # it was folded by hand
    debug_view.page.locator('[data-node="mean"]').focus()
    debug_view.page.keyboard.press("Enter")
    expect(inspector).to_be_visible()
    expect(inspector).to_be_focused()


def test_C8_a_double_click_finds_the_node_though_the_inspector_takes_room(debug_view: DebugView) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(9)])
    debug_view.page.set_viewport_size({"width": 1400, "height": 700})
    debug_view.mount(demo, lively(demo))
    debug_view.page.evaluate(
        "window.twice = ''; document.addEventListener('dblclick', e => { window.twice = e.target.closest('[data-node]')?.dataset.node; })"
    )
    debug_view.page.locator('[data-node="step_3"] .box').dblclick()
    assert debug_view.page.evaluate("window.twice") == "step_3"
    expect(debug_view.page.locator(".floe-inspector")).to_be_focused()
    sound(debug_view)


@pytest.mark.parametrize("selected", [False, True])
def test_C8_every_name_in_a_row_of_ten_is_at_least_10_px_high_at_1400_pixels(
    debug_view: DebugView, pictures: Path, selected: bool
) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(9)])
    debug_view.page.set_viewport_size({"width": 1400, "height": 700})
    debug_view.mount(demo, lively(demo), width="1380px", height=420)
    debug_view.show(lively(demo)["view"])
    if selected:
        debug_view.page.locator('[data-node="step_1"] .box').click()
        expect(debug_view.page.locator(".floe-inspector")).to_be_visible()
    sound(debug_view)
    debug_view.page.screenshot(path=pictures / f"frame-ten{'-selected' if selected else ''}.png")
    assert min(debug_view.page.locator("[data-node]").evaluate_all(NAMES)) >= 10


@pytest.mark.parametrize("scale", [1, 0.8, 0.64, 0.56, 0.5, 0.4, 0.36, 0.31])
def test_C8_names_stay_legible_however_small_the_picture_becomes(debug_view: DebugView, scale: float) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.frames()
    debug_view.page.evaluate(
        """scale => document.querySelector('.floe-graph > svg').dispatchEvent(
        new WheelEvent('wheel', { deltaY: -400 * Math.log(scale), ctrlKey: true, clientX: 300, clientY: 200, cancelable: true }))""",
        scale,
    )
    debug_view.frames(8)
    assert min(debug_view.page.locator("[data-node]").evaluate_all(NAMES)) >= 9.9
