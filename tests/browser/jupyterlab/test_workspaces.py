"""Two notebooks with equal names in one JupyterLab: neither sees the other, and the panel tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Complaints
from tests.browser.jupyterlab.test_panel import opened, rows
from tests.browser.kit import Notebook, open_notebook
from tests.browser.lab import Lab

pytestmark = pytest.mark.timeout(240)
LOAD = "%load_ext floe_jupyter\nimport floe_jupyter as floe, os\nos.environ['SHOP'] = {shop!r}"
PRICE = (
    "%%floe module price\nimport os\ndef price(msg):\n    return [msg * {factor}, open('data.txt').read(), os.environ['SHOP']]"
)
SHOP = "%%floe flow {flow}\nprice"
RUN = "run = %floe run shop --input [1]"


@pytest.fixture
def books(lab: Lab, context: BrowserContext, complaints: Complaints) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook of a folder, whose price is times *factor*; afterwards everything has ended."""
    pages = []

    def make(folder: str, factor: int, name: str = "shop.ipynb", flow: str = "shop") -> Notebook:
        (lab.root / folder).mkdir(exist_ok=True)
        (lab.root / folder / "data.txt").write_text(folder)
        pages.append(context.new_page())
        cells = [LOAD.format(shop=folder), PRICE.format(factor=factor), SHOP.format(flow=flow)]
        return open_notebook(pages[-1], lab, cells, f"{folder}/{name}")

    yield make
    for page in pages:
        page.close()
    lab.tidy()


def test_A8_C2_two_notebooks_of_equal_names_in_one_jupyterlab_are_two(books: Callable[..., Notebook]) -> None:
    one, other = books("first", 10), books("second", 100)
    for book in (one, other):
        book.run_all()
    one.do("%floe break price")
    held = one.live(one.add(RUN))
    one.run_cell(4)
    held.is_now("1 message held, 0 results")
    ran = other.live(other.add(RUN))
    other.run_cell(3)
    ran.is_now("done, 1 result")
    assert "[[100, 'second', 'second']]" in other.do("run.results")
    held.is_now("1 message held, 0 results")
    held.press("resume")
    held.is_now("done, 1 result")
    assert "[[10, 'first', 'first']]" in one.do("run.results")
    one.do("%floe clear price")  # it would hold the next run, too: breakpoints are the notebook's
    for book in (one, other):
        book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        book.ready()
        book.run_cell(0)
    assert "[[20, 'first', 'first']]" in one.do("floe.flow('shop').run([2]).results")
    assert "[[200, 'second', 'second']]" in other.do("floe.flow('shop').run([2]).results")


def test_C18_the_panel_tells_notebooks_apart_filters_and_removes(books: Callable[..., Notebook]) -> None:
    one, other = (books(side, 10, f"{side}.ipynb", "stall") for side in ("left", "right"))
    for book in (one, other):
        book.run_all()
    for book in (other, one):
        book.do("run = %floe run stall --input [1]")
    page = opened(one)
    flows, runs = rows(page, "flows"), rows(page, "runs")
    expect(flows.first).to_contain_text("stall (left.ipynb)", timeout=20_000)  # used last
    expect(flows.nth(1)).to_contain_text("stall (right.ipynb)")
    chooser = page.locator(".floe-side-workspaces select")
    chooser.select_option(label="right.ipynb")
    expect(flows).to_have_count(1)
    expect(runs).to_have_count(1)
    runs.first.hover()
    runs.first.locator("[data-cmd=remove-run]").click()
    expect(runs).to_have_count(0)
    flows.first.hover()
    flows.first.locator("[data-cmd=remove-flow]").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Remove").click()
    expect(flows).to_have_count(0)
    chooser.select_option(label="left.ipynb")
    expect(flows).to_have_count(1)
    expect(runs).to_have_count(1)
    assert "left.ipynb has one: `%floe use left.ipynb stall`" in other.do("%floe run stall")
