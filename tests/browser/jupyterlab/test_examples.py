"""The card of the launcher and the entry of the help menu that open the example notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.kit import Notebook
from tests.browser.lab import ROOT
from tests.browser.waits import until

Books = Callable[..., Notebook]
FIRST = "01-first-flow.ipynb"


def copied(folder: Path) -> bool:
    return (folder / "data" / "co2-weekly-mlo.csv").is_file() and (folder / FIRST).is_file()


def test_item10_the_examples_are_copied_under_a_free_name_and_the_first_is_opened(notebook: Books, pictures: Path) -> None:
    book = notebook(["1"], start=False)
    page, root = book.page, book.lab.root
    (root / "floe-examples").mkdir()
    (root / "floe-examples" / FIRST).write_text("mine")
    book.begin("launcher:create")
    card = page.locator(".jp-LauncherCard").filter(has_text="floe examples")
    expect(card).to_be_visible()
    page.screenshot(path=pictures / "launcher.png")
    card.click()
    until(lambda: copied(root / "floe-examples-2"), "the examples to be copied")
    assert (root / "floe-examples" / FIRST).read_text() == "mine"
    expect(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-MarkdownOutput").first).to_be_visible()
    opened = "() => window.jupyterapp.shell.currentWidget?.context?.path ?? ''"
    until(lambda: page.evaluate(opened) == f"floe-examples-2/{FIRST}", "the first of them to be opened")
    assert (root / "floe-examples-2" / "data" / "co2-weekly-mlo.csv").read_text() == (
        ROOT / "notebooks/data/co2-weekly-mlo.csv"
    ).read_text()
    page.locator(".lm-MenuBar-item").filter(has_text="Help").click()
    page.locator(".lm-Menu-item").filter(has_text="Flow Examples").click()
    until(lambda: copied(root / "floe-examples-3"), "the examples to be copied once more")


def test_C24_every_command_of_ours_in_the_palette_names_flows(notebook: Books) -> None:
    book = notebook(["1"], start=False)
    labels = book.page.evaluate("""() => { const { commands } = window.jupyterapp;
      return commands.listCommands().filter(c => c.startsWith('floe:')).map(c => commands.label(c)); }""")
    assert len(labels) > 8
    assert [label for label in labels if "Flow" not in label] == []
