"""Widgets that were saved in a notebook: none of a notebook that nobody trusts is restored, all others are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

from floe_jupyter.core.flow.model import Flow, Node
from floe_jupyter.kernel.display.widget import definition
from tests.browser.jupyterlab.test_trust import CANARY, PAYLOADS
from tests.browser.kit import Notebook, written
from tests.browser.lab import BUILT
from tests.browser.waits import until

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
SCRIPT = f"{CANARY}; export default {{ initialize() {{ {CANARY} }}, render() {{ {CANARY} }} }}"
LIVE = """import anywidget
class Live(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.textContent = 'it lives'; el.className = 'it-lives'; } }"
Live()"""
# ipywidgets has looked for saved widgets when its manager says so
RESTORED = """async view => { const c = window.jupyterapp.shell.currentWidget.content;
  const r = c.rendermime.createRenderer(view); const m = r._manager.promise; r.dispose();
  return Promise.race([m.then(manager => manager.restoredStatus), new Promise(no => setTimeout(() => no(false), 100))]); }"""
INSERT = """text => void window.jupyterapp.shell.currentWidget.content.model.sharedModel
  .insertCell(0, {cell_type: 'code', source: text, metadata: {}})"""


def _any(values: dict[str, Any]) -> dict[str, Any]:
    """The saved state of a widget of anywidget."""
    return {
        "model_name": "AnyModel",
        "model_module": "anywidget",
        "model_module_version": "~0.11.0",
        "state": {
            "_model_module": "anywidget",
            "_model_name": "AnyModel",
            "_model_module_version": "~0.11.0",
            "_view_module": "anywidget",
            "_view_name": "AnyView",
            "_view_module_version": "~0.11.0",
            "_anywidget_id": "floe",
            **values,
        },
    }


def _html(text: str) -> dict[str, Any]:
    """The saved state of a widget of ipywidgets that shows HTML."""
    names = {
        "_model_module": "@jupyter-widgets/controls",
        "_model_module_version": "2.0.0",
        "_model_name": "HTMLModel",
        "_view_module": "@jupyter-widgets/controls",
        "_view_module_version": "2.0.0",
        "_view_name": "HTMLView",
    }
    return {
        "model_name": "HTMLModel",
        "model_module": "@jupyter-widgets/controls",
        "model_module_version": "2.0.0",
        "state": {**names, "value": text},
    }


def _saved(state: dict[str, Any], cells: int = 1, **beside: Any) -> Any:
    """A notebook that shows these widgets in its first cell."""
    made = written(["1"] * cells)
    for name in state if cells else ():
        view = {"version_major": 2, "version_minor": 0, "model_id": name}
        made.cells[0].outputs.append(nbformat.v4.new_output("display_data", {"text/plain": name, VIEW: view, **beside}))
    made.metadata["widgets"] = {STATE: {"version_major": 2, "version_minor": 0, "state": state}}
    return made


def _foreign() -> dict[str, Any]:
    return {"script": _any({"_esm": SCRIPT, "_css": "body { --canary: 1 }"}), "html": _html(f'<img src=x onerror="{CANARY}">')}


def _restored(page: Page) -> None:
    until(lambda: page.evaluate(RESTORED, VIEW), "ipywidgets to have looked for saved widgets")


def _nothing_ran(page: Page) -> None:
    assert page.evaluate("window.__canary ?? 0") == 0
    assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--canary')") == ""


def _trust(page: Page) -> None:
    """As a person does."""
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:trust')")
    page.locator(".jp-Dialog button.jp-mod-accept").click()


def _runs_live(book: Notebook) -> None:
    """A widget that is made now takes the same way as one that was saved, and later: then all before it has come to an end."""
    book.page.evaluate(INSERT, LIVE)
    book.run_cell(0)
    expect(book.outputs(0).locator(".it-lives")).to_have_text("it lives", timeout=20_000)


def test_a_script_in_the_saved_widgets_of_an_untrusted_notebook_does_not_run(notebook: Books, page: Page) -> None:
    book = notebook(_saved(_foreign()))
    _restored(page)
    _runs_live(book)
    _nothing_ran(page)


def test_running_all_cells_of_an_untrusted_notebook_runs_no_saved_script_and_saving_loses_no_widget(
    notebook: Books, page: Page
) -> None:
    made = _saved(_foreign())
    book = notebook(made)
    book.run_all()
    _restored(page)
    _runs_live(book)
    _nothing_ran(page)
    assert json.loads(book.save())["metadata"]["widgets"] == made.metadata["widgets"]


def test_a_notebook_without_code_cells_runs_no_saved_script(notebook: Books, page: Page) -> None:
    book = notebook([LIVE])  # a kernel, and a page that knows widgets
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("words")], metadata=_saved(_foreign(), 0).metadata)
    nbformat.write(made, book.lab.root / "words.ipynb")
    book.command("docmanager:open", path="words.ipynb")
    until(
        lambda: page.evaluate("window.jupyterapp.shell.currentWidget.context.path") == "words.ipynb",
        "the notebook of words to be open",
    )
    book.ready()
    _restored(page)
    _runs_live(book)
    _nothing_ran(page)


def test_the_saved_script_runs_once_a_person_trusts_the_notebook_and_whenever_it_is_opened_again(
    notebook: Books, page: Page
) -> None:
    book = notebook(_saved(_foreign()))
    _restored(page)
    _nothing_ran(page)
    _trust(page)
    page.wait_for_function("window.__canary >= 3")
    page.reload()
    book.ready()
    page.wait_for_function("window.__canary >= 3")


def _flow() -> dict[str, Any]:
    """Our own widget as it was saved, with values of somebody who means ill."""
    modules = [{"name": text, "lang": text} for text in PAYLOADS]
    shown = [{"id": text, "lang": text, "status": text, "version": 1, "error": text, "taken": 7} for text in PAYLOADS]
    hostile = PAYLOADS[1]
    flow = Flow(hostile, tuple(Node(text, text) for text in PAYLOADS))
    return _any(
        {
            "_esm": BUILT[1].read_text(),
            "flow": hostile,
            "ref": hostile,
            "instance": hostile,
            "status": hostile,
            "total": 0,
            "height": 420,
            "dispatcher": 1,
            "view": {"flow": hostile, "version": 1, "nodes": shown, "wires": [], "runs": {}},
            "definition": {**definition(flow, {}), "modules": modules},
        }
    )


def test_a_flow_saved_in_a_trusted_notebook_is_shown_and_its_values_run_no_script(notebook: Books, page: Page) -> None:
    book = notebook(_saved({"flow": _flow()}, **{"application/vnd.floe.flow+json": {"flow": "x", "ref": "x", "svg": ""}}))
    _restored(page)
    expect(book.live(0).root).to_have_count(0)
    _trust(page)
    book.live(0).see()
    expect(book.live(0).root.locator("[data-node]").first).to_be_visible(timeout=20_000)
    _nothing_ran(page)
    page.reload()
    book.ready()
    expect(book.live(0).root.locator("[data-node]").first).to_be_visible(timeout=20_000)
    _nothing_ran(page)
