"""Actions of a person in a notebook: open, type, run, look."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import Lab
from tests.browser.waits import until

# the toolbar says "idle" before a session exists: only this expression is reliable
READY = """async () => {
  const c = window.jupyterapp?.shell.currentWidget?.sessionContext; if (!c) return false;
  await c.ready; const k = c.session?.kernel; if (!k) return false; await k.info; return k.status === 'idle'; }"""
RAN = r"""n => { const p = [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputArea-prompt')]
  .map(e => e.textContent.trim()); return p.slice(0, n ?? undefined).every(t => /^\[\d+\]:$/.test(t)) && p.length > 0; }"""


def written(cells: Sequence[str], metadata: dict[str, Any] | None = None) -> Any:
    """Return a notebook of code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    made.metadata.update(
        {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, **(metadata or {})}
    )
    return made


class Notebook:
    """Open notebook."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page, self.lab, self.name = page, lab, name

    @property
    def path(self) -> Any:
        """Path of the file."""
        return self.lab.root / self.name

    def ready(self, timeout: float = 30.0) -> None:
        """Wait for the kernel to be idle."""
        # wait_for_function takes an async function's promise for its result, and returns at once
        until(lambda: self.page.evaluate(READY), "the kernel to be idle", timeout)

    def command(self, command: str, **args: Any) -> None:
        """Execute a command of the application and wait for its end."""
        self.page.evaluate("([c, a]) => window.jupyterapp.commands.execute(c, a).then(() => null)", [command, args])

    def begin(self, command: str, **args: Any) -> None:
        """Execute a command of the application without waiting."""
        self.page.evaluate("([c, a]) => void window.jupyterapp.commands.execute(c, a)", [command, args])

    @property
    def cells(self) -> Locator:
        """Cells of the visible notebook."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")

    def cell(self, number: int) -> Locator:
        """Return a cell."""
        return self.cells.nth(number)

    def outputs(self, number: int) -> Locator:
        """Return the output area of a cell."""
        return self.cell(number).locator(".jp-OutputArea")

    def select(self, number: int) -> None:
        """Make a cell the active one, in command mode."""
        self.page.evaluate(
            """n => { const c = window.jupyterapp.shell.currentWidget.content; c.activeCellIndex = n; c.mode = 'command';
          c.deselectAll(); }""",
            number,
        )

    def begin_cell(self, number: int) -> None:
        """Run a cell, as the run button does, and do not wait."""
        self.select(number)
        self.begin("notebook:run-cell")

    def run_cell(self, number: int, timeout: float = 30.0) -> str:
        """Run a cell, wait for its end, and return the text of its outputs."""
        self.forget_count(number)
        self.begin_cell(number)
        self.ended(number, timeout)
        return self.outputs(number).inner_text()

    def forget_count(self, number: int) -> None:
        """Empty the prompt of a cell: in a restarted kernel, a cell may end under the number that it had before."""
        self.page.evaluate(
            "n => { window.jupyterapp.shell.currentWidget.content.widgets[n].model.executionCount = null; }", number
        )
        expect(self.cell(number).locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\s*\]:"))

    def ended(self, number: int, timeout: float = 30.0) -> None:
        """Wait until a begun cell has ended."""
        expect(self.cell(number).locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=timeout * 1_000)

    def run_all(self, timeout: float = 60.0) -> None:
        """Run all cells and wait for the last."""
        self.begin("notebook:run-all-cells")
        self.page.wait_for_function(RAN, timeout=timeout * 1_000)

    def add(self, text: str) -> int:
        """Add a cell at the end; return its number."""
        return int(
            self.page.evaluate(
                """text => { const m = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
          m.insertCell(m.cells.length, {cell_type: 'code', source: text, metadata: {}}); return m.cells.length - 1; }""",
                text,
            )
        )

    def do(self, text: str, timeout: float = 30.0) -> str:
        """Add a cell, run it, and return the text of its outputs."""
        return self.run_cell(self.add(text), timeout)

    def live(self, number: int) -> Live:
        """Return the debug view in the output of a cell."""
        return Live(self.outputs(number))

    def save(self) -> str:
        """Save, and return the text of the file."""
        self.command("docmanager:save")
        return str(self.path.read_text())


def open_notebook(page: Page, lab: Lab, cells: Sequence[str] | Any, name: str = "", *, start: bool = True) -> Notebook:
    """Write a notebook, open it in a workspace of its own, and wait for its kernel."""
    name = name or f"test-{secrets.token_hex(4)}.ipynb"
    nbformat.write(written(cells) if isinstance(cells, list | tuple) else cells, lab.root / name)
    folder = "notebooks/" if lab.app == "notebook" else f"lab/workspaces/auto-{secrets.token_hex(4)}/tree/"
    page.goto(f"{lab.url}{folder}{name}?token={lab.token}")
    page.locator(".jp-CodeCell .cm-content").first.wait_for(timeout=30_000)
    made = Notebook(page, lab, name)
    if start:
        made.ready()
    return made


class Live:
    """Debug view of a flow, under a cell or in a tab."""

    def __init__(self, root: Locator) -> None:
        self.root = root.locator(".floe-bench")
        self.page = root.page

    def node(self, name: str) -> Locator:
        """Return the box of a node."""
        return self.root.locator(f'[data-node="{name}"]')

    def dot(self, node: str, side: str = "in") -> Locator:
        """Return the breakpoint dot of a node."""
        return self.node(node).locator(f'[data-bp="{side}"]')

    def wire(self, name: str) -> Locator:
        """Return the count on a wire: ``a.out>b.in``."""
        return self.root.locator(f'[data-edge="{name}"] .count')

    def carries(self, name: str, text: str) -> None:
        """Wait for the count on a wire, in view all the time: cells above may still grow after a page was loaded."""

        def counted() -> bool:
            self.see()
            return self.wire(name).text_content() == text

        until(counted, f"{text} on {name}")

    def see(self) -> None:
        """Scroll the debug view into view: outside the window the page draws none of it."""
        self.root.scroll_into_view_if_needed(timeout=20_000)

    def press(self, command: str) -> None:
        """Press a button of the toolbar."""
        self.root.locator(f'.floe-toolbar [data-cmd="{command}"]').click()

    def is_now(self, words: str | re.Pattern[str], timeout: float = 30.0) -> None:
        """Wait for the words beside the buttons: ``1 message held, 0 results``."""
        self.see()
        expect(self.root.locator(".floe-phase")).to_have_text(words, timeout=timeout * 1_000)

    def status(self, node: str, status: str, timeout: float = 30.0) -> None:
        """Wait for the status of a node."""
        self.see()
        expect(self.node(node)).to_have_attribute("data-status", status, timeout=timeout * 1_000)

    def held(self, node: str) -> Locator:
        """Return the mark of the message held in front of a node."""
        return self.node(node).locator(".letter[data-held]").first

    @property
    def message(self) -> Locator:
        """Held message as shown by the inspector."""
        return self.root.locator('.floe-section[data-section="held"]').first

    @property
    def value(self) -> Locator:
        """Value of the held message."""
        return self.message.locator('[data-field="value"]')

    def look_at(self, node: str, text: str | re.Pattern[str]) -> None:
        """Click the message held in front of *node* until its value is shown.

        Just after a step the mark may still stand for the message before.
        """
        wanted = text if isinstance(text, re.Pattern) else json.dumps(json.loads(text), indent=2)

        def shown() -> bool:
            self.held(node).click()
            try:
                expect(self.value).to_have_value(wanted, timeout=2_000)
            except AssertionError:
                return False
            return True

        until(shown, f"{text} to be shown when the mark at {node} is clicked", 30.0)
