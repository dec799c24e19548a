"""Every text and mark can be told from what is beneath it, in JupyterLab's three themes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.component import CO2, DebugView, Demo
from tests.browser.contrast import poor
from tests.browser.pieces import lively
from tests.browser.view.test_results import batch, shown

THEMES = ["light", "dark", "dark-high-contrast"]


def themed(page: Page, theme: str) -> None:
    """Switch to a theme of JupyterLab in place, and wait for its style sheet."""
    # another address each time, so that it is loaded in any case
    page.evaluate(
        """href => new Promise(done => { const link = document.getElementById('theme'); link.onload = () => done();
      link.href = `${href}?${Math.random()}`; })""",
        f"/theme/{theme}.css",
    )


WIDE = Demo(
    [("a", "b"), ("b", "c"), ("b.bad", "d"), ("c", "e"), ("e", "f")], {"b": "js", "c": "go", "d": "rust", "e": "r", "f": "lisp"}
)
STATUSES = ("idle", "busy", "loading", "full", "failed", "refused")


@pytest.mark.parametrize("theme", THEMES)
def test_C17_the_live_view_has_contrast_in_every_theme(debug_view: DebugView, theme: str, pictures: Path) -> None:
    page = debug_view.page
    page.set_viewport_size({"width": 1600, "height": 1400})
    themed(page, theme)
    debug_view.mount(CO2, lively(CO2), height=1300)
    page.locator('[data-node="parse"] .name').click(force=True)
    expect(page.locator('[data-section="held"]').first).to_be_visible()
    page.locator(".floe-inspector details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    page.locator('[data-tab="logs"]').click()
    page.evaluate("document.querySelector('.floe-bench > .floe-problem').textContent = 'No.'")
    seen, found = poor(page, ".floe-bench")
    page.screenshot(path=pictures / f"contrast-{theme}.png")
    assert not found, "\n".join(found)
    assert seen > 100


@pytest.mark.parametrize("theme", THEMES)
def test_C17_nodes_of_every_status_and_wires_of_every_kind_have_contrast(
    debug_view: DebugView, theme: str, pictures: Path
) -> None:
    page = debug_view.page
    page.set_viewport_size({"width": 1600, "height": 900})
    themed(page, theme)
    nodes = {
        name: {"status": status, "taken": 12, "given": 12, "depth": 3, "dropped": 1, "failed": int(status == "failed")}
        for name, status in zip(WIDE.ids, STATUSES, strict=True)
    }
    view = WIDE.view(nodes, 12)
    view["wires"][0]["full"] = True
    debug_view.mount(WIDE, WIDE.world(view=view), height=700)
    debug_view.frames()
    said = page.locator(".floe-node .status").all_text_contents()
    assert [text.partition(",")[0] for text in said] == list(STATUSES), "what there is room for is not cut"
    for point in (None, '[data-node="a"] .box', '[data-edge="c.out>e.in"] .way'):
        if point:
            page.locator(point).hover(force=True)
        seen, found = poor(page, ".floe-graph")
        assert not found, "\n".join([str(point), *found])
        assert seen > 50
    page.screenshot(path=pictures / f"contrast-nodes-{theme}.png")


@pytest.mark.parametrize("theme", THEMES)
def test_C17_what_opens_over_the_picture_has_contrast(debug_view: DebugView, theme: str, pictures: Path) -> None:
    page = debug_view.page
    page.set_viewport_size({"width": 1400, "height": 1000})
    themed(page, theme)
    shown(debug_view, batch({"city": "Hilo", "ppm": 421.5, "ok": True, "none": None}, {"city": "Jena", "ppm": 1}), total=300)
    poor_ones = {}
    for name, selector, root in (
        ("find", '[data-cmd="find"]', ".floe-graph"),
        ("menu", "", ".floe-menu"),
        ("keys", '[data-cmd="keys"]', ".floe-keys"),
    ):
        if selector:
            page.locator(selector).first.click()
        else:
            page.locator('[data-node="parse"] .name').click(button="right", force=True)
        expect(page.locator(root).first).to_be_visible()
        debug_view.frames()
        seen, found = poor(page, root)
        page.screenshot(path=pictures / f"contrast-{name}-{theme}.png")
        assert seen > 5, name
        poor_ones |= {name: found} if found else {}
        page.keyboard.press("Escape")
    seen, found = poor(page, ".floe-inspector")
    assert seen > 10
    assert not poor_ones, poor_ones
    assert not found, "\n".join(found)
