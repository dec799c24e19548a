"""What an opened notebook may not do, and what a saved one may not hold."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

from floe_jupyter.wire.client.connection import read
from tests.browser.flows import DEFINE, LOAD
from tests.browser.kit import Notebook, written
from tests.browser.lab import BUILT, Lab

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]
CANARY = "window.__canary=(window.__canary||0)+1"
PAYLOADS = [
    text.replace("X", CANARY)
    for text in (
        "<script>X</script>",
        '<img src=x onerror="X">',
        '<svg onload="X">',
        "<svg><script>X</script></svg>",
        '"><script>X</script>',
        "'><img src=x onerror='X'>",
        "</script><script>X</script>",
        "</textarea><script>X</script>",
        "</title><svg onload=X>",
        '<iframe src="javascript:parent.X"></iframe>',
        '<iframe srcdoc="<script>parent.X</script>"></iframe>',
        '<a href="javascript:X">a</a>',
        '<body onload="X">',
        '<details open ontoggle="X">',
        '<video><source onerror="X"></video>',
        '<audio src=x onerror="X">',
        '<input autofocus onfocus="X">',
        '<select autofocus onfocus="X">',
        '<textarea autofocus onfocus="X">',
        '<marquee onstart="X">',
        '<object data="javascript:X">',
        '<embed src="javascript:X">',
        '<form action="javascript:X"><button>b</button></form>',
        "<math><mtext></mtext><script>X</script></math>",
        "<style>@import 'javascript:X';</style>",
        '<link rel=stylesheet href="javascript:X">',
        '<meta http-equiv=refresh content="0;url=javascript:X">',
        '<base href="javascript:X//">',
        '<table background="javascript:X">',
        '<div style="background:url(javascript:X)">',
        "<img src=\"data:image/svg+xml,<svg onload='X'>\">",
        '<noscript><p title="</noscript><img src=x onerror=X>">',
        "<!--><script>X</script-->",
        "<![CDATA[<script>X</script>]]>",
        "{{constructor.constructor('X')()}}",
        "${X}",
        "`${X}`",
        "javascript:X",
        '";X;//',
        "';X;//",
        '\\";X;//',
        "</style><script>X</script>",
        "&lt;script&gt;X&lt;/script&gt;",
        "\u003cscript\u003eX\u003c/script\u003e",
        "[a](javascript:X)",
        '![a](x" onerror="X)',
        "$\\href{javascript:X}{a}$",
        '<svg><animate onbegin="X" attributeName=x dur=1s>',
        '<svg><foreignObject><img src=x onerror="X"></foreignObject></svg>',
        '<x onclick="X" autofocus tabindex=1 onfocus="X">',
        "\x1b]8;;javascript:X\x1b\\a\x1b]8;;\x1b\\",
    )
]


def _quiet(page: Page, said: list[str]) -> None:
    """No script of ours to be ran has run."""
    assert page.evaluate("window.__canary ?? 0") == 0
    assert said == []


def _listen(page: Page) -> list[str]:
    """Dialogs that were opened."""
    said: list[str] = []

    def dialog(opened: Any) -> None:
        said.append(opened.message)
        opened.dismiss()

    page.on("dialog", dialog)
    return said


def test_there_are_at_least_fifty_payloads() -> None:
    assert len(set(PAYLOADS)) >= 50


def test_an_opened_notebook_that_is_not_run_starts_nothing(notebook: Books, lab: Lab) -> None:
    book = notebook([*DEFINE, "%floe run chain --input [{'n': 1}]"])
    book.page.wait_for_function("window.jupyterapp.restored.then(() => true)")
    assert lab.family("floe_jupyter.dispatcher") == []
    assert lab.family("floe_jupyter.runner") == []
    assert lab.family("runtimes/") == []
    assert not lab.connection.exists()


RAISE = "%%floe module shout\ndef shout(msg, ctx):\n    print(msg)\n    ctx.log(msg)\n    raise ValueError(msg)"


def test_no_payload_in_messages_logs_and_errors_runs_a_script(notebook: Books) -> None:
    book = notebook(
        [LOAD, RAISE, "%%floe flow loud\nshout", f"import json\npayloads = json.loads({json.dumps(json.dumps(PAYLOADS))})"]
    )
    said = _listen(book.page)
    book.run_all()
    number = book.add("run = %floe run loud --debug --input payloads")
    book.run_cell(number)
    run = book.live(number)
    run.status("shout", "held")
    run.root.locator('[data-tab="logs"]').click()
    run.held("shout").click()
    expect(run.message).to_contain_text("<script>")
    for _ in range(3):
        run.message.locator('[data-cmd="retry"]').click()
    book.page.locator("body").press("Control+Alt+f")
    book.do("list(floe.flow('loud').held())")
    book.do("run.errors")
    book.do("%floe logs")
    book.do("%floe held")
    expect(run.root).to_contain_text("ValueError")
    _quiet(book.page, said)


def test_no_payload_as_a_name_is_taken_or_runs_a_script(notebook: Books) -> None:
    tries = (
        "import json\nfrom IPython import get_ipython\n"
        f"for text in json.loads({json.dumps(json.dumps(PAYLOADS))}):\n"
        "    for line, cell in ((f'module {text}', 'def f(msg): return msg'), (f'flow {text}', 'f'), ('flow x', f'{text} -> f')):\n"
        "        try:\n            get_ipython().run_cell_magic('floe', line, cell)\n"
        "        except Exception as error:\n            print(error)\n"
    )
    book = notebook([LOAD, "%%floe module f\ndef f(msg): return msg", tries])
    said = _listen(book.page)
    book.run_all(120)
    _quiet(book.page, said)


def _hostile() -> Any:
    """A notebook whose saved widgets and outputs were made by somebody who means ill."""
    made = written(["1"] * 3)
    state: dict[str, Any] = {}
    for number, text in enumerate(PAYLOADS):
        node = {"id": text, "module": text, "kind": "module", "join": "each", "workers": 1}
        view = {
            "flow": text,
            "version": 1,
            "nodes": [{"id": text, "lang": text, "status": text, "version": 1, "error": text, "taken": text}],
            "wires": [],
            "runs": {},
        }
        state[f"w{number}"] = {
            "model_name": "AnyModel",
            "model_module": "anywidget",
            "model_module_version": "~0.11.0",
            "state": {
                "_model_module": "anywidget",
                "_model_name": "AnyModel",
                "_view_module": "anywidget",
                "_view_name": "AnyView",
                "_anywidget_id": "floe",
                "flow": text,
                "ref": text,
                "instance": text,
                "status": text,
                "total": 0,
                "height": 420,
                "dispatcher": 1,
                "view": view,
                "definition": {
                    "flow": {"name": text, "version": 1, "nodes": [node], "wires": []},
                    "modules": [{"name": text, "lang": text}],
                },
                "_esm": BUILT[1].read_text(),
            },
        }
        svg = base64.b64encode(text.encode()).decode()
        made.cells[number % 3].outputs.append(
            nbformat.v4.new_output(
                "display_data",
                {
                    "text/plain": text,
                    "text/html": text,
                    "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{text}</svg>",
                    "application/vnd.floe.flow+json": {"flow": text, "ref": text, "svg": svg},
                    "application/vnd.jupyter.widget-view+json": {
                        "version_major": 2,
                        "version_minor": 0,
                        "model_id": f"w{number}",
                    },
                },
            )
        )
    made.metadata["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {"version_major": 2, "version_minor": 0, "state": state}
    }
    return made


def test_an_untrusted_notebook_with_hostile_widgets_and_outputs_runs_no_script_and_starts_nothing(
    notebook: Books, lab: Lab, page: Page, complaints: Any
) -> None:
    said = _listen(page)
    book = notebook(_hostile())
    for number in range(3):
        book.cell(number).scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('.jp-OutputArea-child').length > 0")
    _quiet(page, said)
    assert lab.family("floe_jupyter.dispatcher") == []


def test_a_saved_notebook_holds_no_token_no_key_and_no_path(notebook: Books, lab: Lab) -> None:
    book = notebook(
        [
            *DEFINE,
            "run = %floe run chain --input [{'n': n} for n in range(3)]",
            "run",
            "%floe status",
            "%floe runs",
            "%floe runtimes",
            "%floe runners",
            "%floe help",
            "floe.flow('chain')",
            "%floe run chain --input [{}]",
        ]
    )
    book.begin("notebook:run-all-cells")
    book.ended(12, 60)
    connection = read(str(lab.connection))
    assert connection is not None
    text = book.save()
    assert "chain.1.local.1" in text
    secrets = {
        "the server's token": lab.token,
        "the dispatcher's key": connection.key,
        "its socket": connection.control.removeprefix("ipc://"),
        "the runtime directory": str(lab.runtime),
    }
    assert [name for name, secret in secrets.items() if secret in text] == []
