"""What JupyterLab shows of flows can be told from what is beneath it, in all of its themes: one page, switched in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.contrast import poor
from tests.browser.flows import DEFINE
from tests.browser.kit import Notebook

Books = Callable[..., Notebook]
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
NOTATION = """%%floe flow wide
# a comment
a -> b, c -> d.in
a.bad -> d
a = double(workers=2, on_error=retry(3, backoff=1s), name="x")
b = label(join=all)"""
BAD = "%%floe module bad\ndef bad(msg):\n    print('seen')\n    raise ValueError('no')"


def test_C17_the_panel_the_live_view_and_the_notation_have_contrast_in_every_theme(notebook: Books, pictures: Path) -> None:
    book = notebook([*DEFINE, BAD, "%%floe flow poor\nbad", NOTATION])
    page = book.page
    page.set_viewport_size({"width": 1500, "height": 1600})
    for number in range(7):
        book.run_cell(number)
    book.do("floe.flow('poor').run([1], wait=False)")
    book.do("%floe run chain --input {'n': 1}")
    book.do("%floe break label")
    number = book.add("run = %floe run chain --input [{'n': 1}, {'n': 2}]")
    book.run_cell(number)
    book.live(number).is_now(re.compile("held"))
    book.command("floe:show-panel")
    for title in ("Logs", "Runners"):
        page.locator(".floe-sidebar .jp-AccordionPanel-title").filter(has_text=title).click()
    expect(page.locator(".floe-side-line").first).to_be_visible()
    wrong = {}
    for theme in THEMES:
        book.command("apputils:change-theme", theme=theme)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme, timeout=20_000)
        for name, root, least in (
            ("panel", ".floe-sidebar", 40),
            ("view", ".floe-bench", 20),
            ("notation", ".floe-notation .cm-content", 8),
        ):
            page.locator(root).first.scroll_into_view_if_needed()
            seen, found = poor(page, root)
            assert seen >= least, (theme, name, seen)
            if found:
                wrong[theme, name] = found
        page.locator(".floe-sidebar .floe-entry").first.hover()
        _, found = poor(page, ".floe-sidebar")
        if found:
            wrong[theme, "pointed at"] = found
        page.screenshot(path=pictures / f"contrast-lab-{theme.replace(' ', '-').lower()}.png")
    assert not wrong, "\n".join(f"{place}:\n  " + "\n  ".join(found) for place, found in wrong.items())
