"""A flow is looked at and stepped under its cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.flows import DEFINE, IN, OUT, RUN
from tests.browser.kit import Notebook

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]


def _story(book: Notebook) -> None:
    """Break, run, look, edit, step, back, continue."""
    book.run_all()
    flow = book.live(4)
    flow.dot("label").click()
    expect(flow.dot("label")).to_have_attribute("data-look", "on")  # the page may still be looking for the dispatcher
    run = book.live(book.add(RUN))
    book.run_cell(5)
    run.is_now("1 message held, 0 results")
    run.status("label", "held")
    expect(run.wire(IN)).to_have_text("5")
    run.look_at("label", '{"n": 0}')
    run.value.fill('{"n": ')
    expect(run.message.locator('[data-field="problem"]')).to_contain_text("This is not JSON: line 1, column 7")
    expect(run.message.locator('[data-cmd="save"]')).to_be_disabled()
    run.value.fill('{"n": 100}')
    run.message.locator('[data-cmd="save"]').click()
    expect(run.message).to_contain_text("n: 100")
    run.press("step")
    run.status("last", "held")
    expect(run.wire(OUT)).to_have_text("1")
    run.look_at("last", '{"n": 100, "label": "number 100"}')
    run.press("back")
    run.status("last", "idle")
    run.look_at("label", '{"n": 100}')
    run.dot("label").click()
    expect(run.dot("label")).to_have_attribute("data-look", "none")
    run.press("resume")
    run.is_now("done, 5 results")
    expect(run.wire(IN)).to_have_text("5")
    expect(run.wire(OUT)).to_have_text("5")
    shown = book.do("run.wait().results")
    assert "['number 100', 'number 2', 'number 4', 'number 6', 'number 8']" in shown


def test_a_message_is_held_looked_at_edited_stepped_and_continued_under_the_cell(notebook: Books) -> None:
    _story(notebook(DEFINE))


def test_the_same_in_notebook_7(notebook7: Books) -> None:
    _story(notebook7(DEFINE))


def test_C8_a_view_under_a_cell_is_maximised_over_jupyterlab_and_opened_in_a_tab(notebook: Books, pictures: Path) -> None:
    book = notebook(DEFINE)
    book.run_all()
    run = book.live(book.add(RUN))
    book.run_cell(5)
    run.is_now("done, 5 results")
    view, page = book.outputs(5).locator(".floe-host"), book.page
    before = view.bounding_box()
    run.press("maximise")
    expect(view).to_have_class("floe-host maximised")
    size = page.viewport_size
    assert size is not None
    assert view.bounding_box() == {"x": 0, "y": 0, **size}
    assert page.evaluate("document.elementFromPoint(10, 400).closest('.floe-host') !== null")  # nothing of JupyterLab is above it
    page.screenshot(path=pictures / "lab-maximised.png")
    page.keyboard.press("Escape")
    expect(view).to_have_class("floe-host")
    assert view.bounding_box() == before
    cells = book.cells.count()
    run.root.locator(".floe-graph > svg").focus()
    for key in ("m", "m", "i", "i", "b", "B"):  # JupyterLab's command mode knows them, too
        page.keyboard.press(key)
    expect(view).to_have_class("floe-host")
    assert book.cells.count() == cells
    for how in ("click", "key"):
        if how == "click":
            run.node("label").click(button="right")
        else:
            run.node("label").focus()
            page.keyboard.press("Shift+F10")
        expect(page.locator(".floe-menu [data-item=tab]")).to_be_visible()
        expect(page.locator(".lm-Menu")).to_have_count(0)  # not that of the cell
        if how == "key":
            page.locator(".floe-menu [data-item=code]").click()
            expect(page.locator("dialog.floe-code pre")).to_contain_text("`number ${msg.n}`")
        page.keyboard.press("Escape")
        expect(page.locator(".floe-menu, dialog.floe-code")).to_have_count(0)
    run.press("tab")
    tab = page.locator(".floe-tab:not(.lm-mod-hidden)")
    expect(tab.locator(".floe-phase")).to_have_text("done, 5 results")
    expect(tab.locator('.floe-tools [data-cmd="tab"]')).to_be_hidden()
    expect(tab.locator(".floe-grip")).to_be_hidden()
