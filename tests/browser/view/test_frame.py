"""The room that a view has, in a real browser, without Jupyter: maximised, dragged, with its inspector folded away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, Bench, Demo, sound
from tests.browser.pieces import lively

HOST = ".floe-host"
TALLER = "h => document.querySelector('.floe-host').offsetHeight === h"
NAMES = """nodes => nodes.map(node => Math.max(...[...node.querySelectorAll('.name, .sign')].filter(text => text.getBoundingClientRect().width > 0)
    .map(text => text.getScreenCTM().a * parseFloat(getComputedStyle(text).fontSize))))"""


def tool(bench: Bench, name: str) -> Locator:
    """A button of the toolbar."""
    return bench.page.locator(f'.floe-tools [data-cmd="{name}"]')


def size(bench: Bench) -> list[int]:
    """How large the view is."""
    found: list[int] = bench.page.locator(HOST).evaluate(
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; }"
    )
    return found


def maximised(bench: Bench) -> None:
    """Wait until the view fills the window, and nothing is above it."""
    width, height = bench.page.evaluate("[innerWidth, innerHeight]")
    expect(bench.page.locator(HOST)).to_have_class("floe-host maximised")
    assert size(bench) == [0, 0, width, height]
    assert bench.page.evaluate("""() => [[5, 5], [innerWidth - 5, 5], [5, innerHeight - 5], [innerWidth - 5, innerHeight - 5]]
        .every(([x, y]) => document.elementFromPoint(x, y).closest('.floe-host'))""")


@pytest.mark.parametrize("how", ["button", "key"])
def test_C8_a_view_is_maximised_and_escape_restores_it(bench: Bench, pictures: Path, how: str) -> None:
    bench.page.evaluate(
        "document.body.style.cssText = 'contain: strict; height: 3000px; transform: translateY(40px)'"
    )  # as a notebook's windowed cells
    bench.mount(CO2, lively(CO2), width="700px")
    before = size(bench)
    if how == "button":
        tool(bench, "maximise").click()
    else:
        bench.page.locator(".floe-graph > svg").focus()
        bench.page.keyboard.press("m")
    maximised(bench)
    expect(tool(bench, "maximise")).to_have_attribute("aria-label", "Restore")
    expect(tool(bench, "maximise")).to_have_attribute("aria-pressed", "true")
    bench.page.screenshot(path=pictures / "frame-maximised.png")
    assert bench.page.locator(".floe-grip").is_hidden()
    bench.page.locator('[data-node="parse"] .box').click()
    bench.page.locator('[data-node="parse"]').focus()
    bench.page.keyboard.press("Escape")
    expect(bench.page.locator(HOST)).to_have_class("floe-host")
    assert size(bench) == before
    expect(bench.page.locator("[data-node].selected")).to_have_attribute("data-node", "parse")  # what was selected stays so
    expect(tool(bench, "maximise")).to_have_attribute("aria-label", "Maximise")
    if how == "button":
        tool(bench, "maximise").click()
        maximised(bench)
        tool(bench, "maximise").click()
        expect(bench.page.locator(HOST)).to_have_class("floe-host")


def test_C8_escape_restores_the_view_wherever_the_focus_is_and_tab_stays_in_it(bench: Bench) -> None:
    bench.page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<button id=before>before</button>')")
    bench.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button id=behind>behind</button>')")
    bench.mount(CO2, lively(CO2))
    tool(bench, "maximise").click()
    maximised(bench)
    for key in ["Tab"] * 30 + ["Shift+Tab"] * 35:
        bench.page.keyboard.press(key)
        assert bench.page.evaluate("Boolean(document.activeElement.closest('.floe-host'))"), key
    bench.page.evaluate("document.getElementById('behind').focus()")
    bench.page.keyboard.press("Escape")
    expect(bench.page.locator(HOST)).to_have_class("floe-host")
    bench.page.locator('[data-node="parse"] .box').click()
    area = bench.page.locator("[data-held] textarea").first
    expect(area).to_be_visible()
    tool(bench, "maximise").focus()
    bench.page.keyboard.press("Enter")
    maximised(bench)
    area.focus()
    bench.page.keyboard.press("m")  # is typed
    maximised(bench)
    bench.page.keyboard.press("Escape")
    expect(bench.page.locator(HOST)).to_have_class("floe-host")


def test_C8_a_view_that_goes_away_while_it_is_maximised_leaves_nothing_behind(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2))
    tool(bench, "maximise").click()
    maximised(bench)
    bench.page.evaluate("window.unmount()")
    bench.mount(CO2, lively(CO2))
    expect(bench.page.locator(HOST)).to_have_class("floe-host")
    assert bench.page.evaluate("document.querySelectorAll('[popover]').length") == 0


def drag(bench: Bench, by: int) -> None:
    """Drag the handle."""
    box: Any = bench.page.locator(".floe-grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    bench.page.mouse.move(x, y)
    bench.page.mouse.down()
    bench.page.mouse.move(x, y + by / 2)
    bench.page.mouse.move(x, y + by)
    bench.page.mouse.up()


def test_C8_the_height_is_dragged_and_remembered_for_the_flow(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=420)
    assert size(bench)[3] == 420
    drag(bench, 130)
    assert size(bench)[3] == 550
    sound(bench)
    bench.page.reload()
    bench.page.wait_for_function("window.mounted")
    bench.mount(CO2, lively(CO2), height=420)
    assert size(bench)[3] == 550
    bench.mount(Demo([("a", "b")]), None, flow="other", height=420)
    assert size(bench)[3] == 420  # another flow has its own
    bench.mount(CO2, lively(CO2), height=420)
    drag(bench, -2_000)
    assert size(bench)[3] == 260
    bench.page.locator(".floe-grip").dblclick()
    assert size(bench)[3] == 420
    bench.mount(CO2, lively(CO2), height=420)
    assert size(bench)[3] == 420


def test_C8_the_height_is_changed_by_keyboard(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=420)
    grip = bench.page.locator(".floe-grip")
    grip.focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowUp"]:
        bench.page.keyboard.press(key)
    bench.page.wait_for_function(TALLER, arg=440)
    assert [grip.get_attribute(f"aria-value{which}") for which in ("now", "min", "max")] == ["440", "260", "4000"]


def test_C8_the_picture_of_a_narrow_view_is_dragged(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), width="400px")
    before = bench.page.locator(".floe-canvas").evaluate("e => e.offsetHeight")
    drag(bench, 90)
    assert bench.page.locator(".floe-canvas").evaluate("e => e.offsetHeight") == before + 90
    bench.mount(CO2, lively(CO2), width="400px")
    assert bench.page.locator(".floe-canvas").evaluate("e => e.offsetHeight") == before + 90
    sound(bench)


def test_C8_where_nothing_may_be_kept_everything_works_all_the_same(bench: Bench) -> None:
    bench.page.evaluate(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })"
    )
    bench.mount(CO2, lively(CO2), height=420)
    drag(bench, 60)
    assert size(bench)[3] == 480
    tool(bench, "inspector").click()
    expect(bench.page.locator(".floe-inspector")).to_be_visible()


# --- the inspector -----------------------------------------------------------------------------------------------------------


def test_C8_the_inspector_is_folded_while_nothing_is_selected(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2))
    inspector = bench.page.locator(".floe-inspector")
    width = bench.page.locator(".floe-canvas").evaluate("e => e.offsetWidth")
    assert width == bench.page.locator(".floe-split").evaluate("e => e.offsetWidth")
    expect(inspector).to_be_hidden()
    bench.page.locator('[data-node="parse"] .box').click()
    expect(inspector).to_be_visible()
    sound(bench)
    bench.page.locator(".floe-graph > svg").focus()
    bench.page.keyboard.press("Escape")
    expect(inspector).to_be_hidden()
    bench.page.locator('[data-node="parse"] .letter').first.click()
    expect(inspector).to_be_visible()
    expect(inspector.locator("h3")).to_contain_text("parse")


@pytest.mark.parametrize("how", ["button", "key"])
def test_C8_the_inspector_is_folded_by_hand_and_stays_so(bench: Bench, how: str) -> None:
    def toggle() -> None:
        if how == "button":
            tool(bench, "inspector").click()
        else:
            bench.page.locator(".floe-graph > svg").focus()
            bench.page.keyboard.press("i")

    bench.mount(CO2, lively(CO2))
    inspector, node = bench.page.locator(".floe-inspector"), bench.page.locator('[data-node="clean"]')
    toggle()
    expect(inspector).to_be_visible()  # nothing is selected: what there is of the whole flow
    expect(inspector).to_contain_text("Held messages (2)")
    expect(tool(bench, "inspector")).to_have_attribute("aria-label", "Hide the inspector")
    bench.mount(CO2, lively(CO2))
    expect(inspector).to_be_visible()
    toggle()
    expect(inspector).to_be_hidden()
    node.locator(".box").click()
    expect(inspector).to_be_visible()
    toggle()
    expect(inspector).to_be_hidden()
    bench.page.locator('[data-node="mean"] .box').click()
    expect(node).not_to_have_class("selected")
    bench.frames(30)  # longer than a double click
    expect(inspector).to_be_hidden()  # it was folded by hand
    bench.page.locator('[data-node="mean"]').focus()
    bench.page.keyboard.press("Enter")
    expect(inspector).to_be_visible()
    expect(inspector).to_be_focused()


def test_C8_a_double_click_finds_the_node_though_the_inspector_takes_room(bench: Bench) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(9)])
    bench.page.set_viewport_size({"width": 1400, "height": 700})
    bench.mount(demo, lively(demo))
    bench.page.evaluate(
        "window.twice = ''; document.addEventListener('dblclick', e => { window.twice = e.target.closest('[data-node]')?.dataset.node; })"
    )
    bench.page.locator('[data-node="step_3"] .box').dblclick()
    assert bench.page.evaluate("window.twice") == "step_3"
    expect(bench.page.locator(".floe-inspector")).to_be_focused()
    sound(bench)


@pytest.mark.parametrize("selected", [False, True])
def test_C8_every_name_in_a_row_of_ten_is_at_least_10_px_high_at_1400_pixels(
    bench: Bench, pictures: Path, selected: bool
) -> None:
    demo = Demo([(f"step_{i}", f"step_{i + 1}") for i in range(9)])
    bench.page.set_viewport_size({"width": 1400, "height": 700})
    bench.mount(demo, lively(demo), width="1380px", height=420)
    bench.show(lively(demo)["view"])
    if selected:
        bench.page.locator('[data-node="step_1"] .box').click()
        expect(bench.page.locator(".floe-inspector")).to_be_visible()
    sound(bench)
    bench.page.screenshot(path=pictures / f"frame-ten{'-selected' if selected else ''}.png")
    assert min(bench.page.locator("[data-node]").evaluate_all(NAMES)) >= 10


@pytest.mark.parametrize("scale", [1, 0.8, 0.64, 0.56, 0.5, 0.4, 0.36, 0.31])
def test_C8_names_stay_legible_however_small_the_picture_becomes(bench: Bench, scale: float) -> None:
    bench.mount(CO2, lively(CO2))
    bench.frames()
    bench.page.evaluate(
        """scale => document.querySelector('.floe-graph > svg').dispatchEvent(
        new WheelEvent('wheel', { deltaY: -400 * Math.log(scale), ctrlKey: true, clientX: 300, clientY: 200, cancelable: true }))""",
        scale,
    )
    bench.frames(8)
    assert min(bench.page.locator("[data-node]").evaluate_all(NAMES)) >= 9.9
