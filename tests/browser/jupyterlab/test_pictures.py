"""Pictures of what a person sees, for people to look at: build/screenshots, and notebooks/images with FLOE_REDRAW=1."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.flows import DEFINE, RUN
from tests.browser.kit import Live, Notebook
from tests.browser.lab import ROOT

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]
FOR_README = ("editing-light", "panel-light")


def _keep(book: Notebook, name: str, part: Live | None = None) -> None:
    target = ROOT / "build" / "screenshots" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    book.page.mouse.move(700, 5)
    picture = (part.root if part else book.page).screenshot(animations="disabled")
    target.write_bytes(picture)
    if os.environ.get("FLOE_REDRAW") == "1" and name in FOR_README:
        (ROOT / "notebooks" / "images" / f"{name}.png").write_bytes(picture)


def test_pictures_of_the_widget_and_the_panel_in_both_themes_and_narrow(notebook: Books) -> None:
    book = notebook(DEFINE)
    book.run_all()
    book.do("%floe break label")
    number = book.add(RUN)
    book.run_cell(number)
    run = book.live(number)
    run.is_now("1 message held, 0 results")
    for theme in ("light", "dark"):
        book.command("apputils:change-theme", theme=f"JupyterLab {theme.title()}")
        expect(book.page.locator("body")).to_have_attribute(
            "data-jp-theme-light", "true" if theme == "light" else "false", timeout=30_000
        )
        run.look_at("label", '{"n": 0}')
        _keep(book, f"widget-{theme}", run)
        run.value.fill('{"n": 10')
        _keep(book, f"editing-{theme}", run)
        run.value.fill('{\n  "n": 0\n}')
        book.command("floe:show-panel")
        expect(book.page.locator("#floe-panel")).to_be_visible()
        expect(book.page.locator("#floe-panel")).to_contain_text("label.in")
        _keep(book, f"panel-{theme}")
    book.command("application:toggle-right-area")
    book.command("application:toggle-left-area")
    book.page.set_viewport_size({"width": 560, "height": 900})
    run.see()
    expect(run.root.locator("xpath=..")).to_have_class(re.compile("narrow"))
    _keep(book, "widget-narrow", run)


def test_the_tour_runs_to_its_end_in_the_browser(notebook: Books) -> None:
    path = ROOT / "notebooks" / "04-look-and-step.ipynb"
    assert path.exists(), "the tour is missing"
    book = notebook(nbformat.read(path, 4), path.name)
    book.run_all(120)
    assert (
        book.page.locator(
            '[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]'
        ).count()
        == 0
    )
    _keep(book, "tour")
