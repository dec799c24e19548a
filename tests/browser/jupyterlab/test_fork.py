"""A fork from the live view in JupyterLab: it is told, opened by its link, and waits at its first node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.flows import DEFINE
from tests.browser.kit import Live, Notebook

Books = Callable[..., Notebook]


def test_C7_the_link_of_a_fork_opens_its_run_which_is_held_at_its_first_node(notebook: Books, pictures: Path) -> None:
    book = notebook(
        [*DEFINE, "%floe break label", "run = %floe run chain --input [{'n':1}]", "floe.flow('chain').runs()[0].results"]
    )
    for number in range(7):
        book.run_cell(number)
    live = book.live(6)
    live.is_now("1 message held, 0 results")
    live.look_at("label", '{"n": 2}')
    live.value.fill('{"n": 50}')
    live.message.locator('[data-cmd="fork"]').click()
    notice = live.root.locator('[data-news="done"]')
    expect(notice).to_contain_text("Forked as chain.1.local.", timeout=20_000)
    book.page.screenshot(path=pictures / "lab-forked.png")
    notice.locator('[data-cmd="open-fork"]').click()
    tab = Live(book.page.locator(".floe-tab:not(.lm-mod-hidden)"))
    tab.status("label", "held")
    expect(tab.value).to_have_value('{\n  "n": 50\n}', timeout=20_000)
    book.page.screenshot(path=pictures / "lab-fork-tab.png")
    tab.press("resume")
    # the breakpoint is that of the flow: it holds the fork, too
    tab.press("resume") if "held" in tab.root.locator(".floe-phase").inner_text() else None
    tab.is_now("done, 1 result")
    book.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text=".ipynb").click()
    assert "['number 50']" in book.run_cell(7)


def test_C3_the_results_of_a_run_stand_in_its_view_and_become_a_dataframe_in_a_cell_below(
    notebook: Books, pictures: Path
) -> None:
    book = notebook([*DEFINE, "run = %floe run chain --input [{'n':1}, {'n':2}]", "1"])
    for number in range(6):
        book.run_cell(number)
    live = book.live(5)
    live.is_now("done, 2 results")
    live.root.locator('[data-cmd="open-results"]').click()
    section = live.root.locator('[data-section="results"]')
    expect(section.locator("tbody td")).to_have_text(['"number 2"', '"number 4"'])
    book.page.screenshot(path=pictures / "lab-results.png")
    section.locator('[data-cmd="as-dataframe"]').click()
    expect(book.cells).to_have_count(8)
    expect(book.cells.nth(6)).to_contain_text("dataframe()")
    assert "number 4" in book.run_cell(6)
