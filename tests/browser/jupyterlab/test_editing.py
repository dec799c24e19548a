"""Writing modules: each cell in its own language, names completed with Tab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.flows import DEFINE
from tests.browser.kit import Notebook
from tests.browser.waits import until

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]
COLORED = """(cell, word) => { const probe = document.createElement('span'); probe.style.color = 'var(--jp-mirror-editor-keyword-color)';
  document.body.append(probe); const wanted = getComputedStyle(probe).color; probe.remove();
  return [...cell.querySelectorAll('.cm-line span')].some(s => s.textContent === word && getComputedStyle(s).color === wanted); }"""
CODE = {
    "js": ("export default function (msg) {\n  return msg;\n}", "export"),
    "go": ("func Run(msg int) (int, error) {\n  return msg, nil\n}", "func"),
    "rust": ("fn run(msg: Value) -> Result<Value, Error> {\n  Ok(msg)\n}", "fn"),
    "r": ("function(msg, ctx) {\n  msg\n}", "function"),
    "shell": ("while read line; do\n  echo $line\ndone", "while"),
    "python": ("async def module(msg):\n    return msg", "async"),
}


def _is_keyword(cell: Locator, word: str) -> None:
    """Wait until *word* has the colour of keywords. The cell is looked up each time: Lab may build it anew."""
    until(lambda: cell.evaluate(COLORED, word), f"{word!r} to be a keyword")


def test_each_module_cell_is_highlighted_in_its_own_language(notebook: Books) -> None:
    book = notebook([f"%%floe module m{lang} --lang {lang}\n{text}" for lang, (text, _) in CODE.items()], start=False)
    for number, (_, keyword) in enumerate(CODE.values()):
        _is_keyword(book.cell(number), keyword)


def test_another_language_in_the_first_line_is_followed(notebook: Books) -> None:
    book = notebook(["%%floe module m\nfn run(msg: Value)"], start=False)
    editor = book.cell(0).locator(".cm-content")
    editor.click()
    book.page.keyboard.press("Control+Home")
    book.page.keyboard.press("End")
    book.page.keyboard.type(" --lang rust")
    _is_keyword(book.cell(0), "fn")


OFFERS = {
    "%floe bre": {"break", "breaks"},
    "%floe break ": {"double", "label", "last"},
    "%floe break la": {"label", "last"},
    "%floe break label.": {"label.in", "label.out"},
    "%floe run chain --de": {"--debug", "--detach"},
    "%%floe module new --lang p": {"python"},
}


def test_tab_offers_verbs_nodes_ports_options_and_languages(notebook: Books) -> None:
    book = notebook(DEFINE)
    book.run_all()
    editor = book.cell(book.add("")).locator(".cm-content")
    editor.click()
    for typed, offered in OFFERS.items():
        book.page.keyboard.press("Control+a")
        book.page.keyboard.type(typed)
        book.page.keyboard.press("Tab")
        items = book.page.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item code")
        expect(items.first).to_be_visible(timeout=20_000)
        assert set(items.all_inner_texts()) >= offered, typed
        book.page.keyboard.press("Escape")
        expect(items.first).not_to_be_visible()


PIECES = """cell => [...cell.querySelectorAll('.cm-line')].map(line => {
  const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT), all = [];
  for (let n = walk.nextNode(); n; n = walk.nextNode()) { const s = getComputedStyle(n.parentElement); all.push([n.data, s.color, s.fontWeight]); }
  return all; })"""
MAGICS = """%floe break continue --when msg["n"] > 1
run = %floe run 48afbc --input [1, "a # b"]  # and why
r, s = %floe id
for n in range(3):
    continue
text = x %floe"""


def test_C20_line_magics_are_not_coloured_as_python(notebook: Books) -> None:
    book = notebook([MAGICS, "%%floe module m --lang js\nconst a = b\n%floe break"], start=False)
    _is_keyword(book.cell(0), "for")
    until(lambda: book.cell(0).locator(".floe-line-magic").count() >= 3, "the magics to be marked")
    lines = book.cell(0).evaluate(PIECES)
    magics = [[piece for piece in line if piece[0].strip()] for line in lines[:3]]
    whole = "".join(text for text, _, _ in magics[0])
    assert whole.replace(" ", "") == MAGICS.split("\n")[0].replace(" ", "")
    [look] = {(color, weight) for _, color, weight in magics[0]}
    assert look[1] == "400"
    said = "".join(text for text, *rest in lines[1] if tuple(rest) == look)
    assert said == '%floe run 48afbc --input [1, "a # b"]'
    assert [text for text, *rest in magics[1] if tuple(rest) != look and "why" in text], "a comment is a comment"
    assert "".join(text for text, *rest in lines[2] if tuple(rest) == look) == "%floe id"
    assert not [text for line in lines[3:] for text, *rest in line if tuple(rest) == look]
    assert book.cell(1).locator(".floe-line-magic").count() == 0
