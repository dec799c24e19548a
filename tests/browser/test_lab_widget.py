"""A flow is looked at and stepped under its cell."""

from __future__ import annotations

from collections.abc import Callable

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
    run.is_now("held, 1 held, 0 results")
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
