"""Pictures of results, frames, pictures, ten and fifty nodes, wide and narrow, in all themes: build/screenshots, for people to look
at. Nothing is compared; but no picture is empty, nothing is wider than its place, and no label lies over another. One page.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.flows import LOAD
from tests.browser.kit import Notebook

Books = Callable[..., Notebook]
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
WIDTHS = {"wide": 1400, "narrow": 640}
SAME = "%%floe module same\ndef same(msg):\n    return msg"
FRAME = """%%floe module frame
import pandas as pd
def frame(msg):
    return pd.DataFrame({'station': ['Mauna Loa', 'Barrow', 'South Pole'], 'ppm': [421.3, 419.9, 415.0], 'n': [52, 51, 49]})"""
DRAWN = """%%floe module drawn
import io
from matplotlib.figure import Figure
def drawn(msg):
    figure = Figure(figsize=(4, 2))
    figure.subplots().plot([1, 3, 2, 5])
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()"""
TEN = "%%floe flow ten\n" + "\n".join(f"step{n} = same()" for n in range(10)) + "\n" + " -> ".join(f"step{n}" for n in range(10))
FIFTY = (
    "%%floe flow fifty\n"
    + "\n".join(f"node{n} = same()" for n in range(50))
    + "\n"
    + "\n".join(f"node{(n - 1) // 2} -> node{n}" for n in range(1, 50))
)
ROWS = "[{'station': s, 'ppm': p, 'note': 'a longer text that a table has to find room for'} for s, p in (('MLO', 421.3), ('BRW', 419.9))]"
RUNS = {
    "results": f"ten_run = %floe run ten --input {ROWS}",
    "fifty": "fifty_run = %floe run fifty --input [1, 2]",
    "frame": "frame_run = %floe run frames --input [1]",
    "picture": "drawn_run = %floe run pictures --input [1]",
}
WRONG = r"""cell => {
  const rect = e => e.getBoundingClientRect(), wrong = [], whole = rect(cell);
  const meet = (a, b, by) => a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;
  for (const e of document.querySelectorAll('html, .jp-Notebook, .floe-host, .floe-bench')) {
    if (e.checkVisibility() && e.scrollWidth > e.clientWidth + 1) { wrong.push(`${e.tagName}.${e.className} is ${e.scrollWidth} wide in ${e.clientWidth}`); }
  }
  for (const e of cell.querySelectorAll('.floe-bench *:not(svg *), img, p')) {
    const r = rect(e);
    if (r.width && r.right > whole.right + 1 && !e.closest('.floe-table, pre, .floe-lines')) { wrong.push(`${e.tagName}.${e.className} ends at ${r.right}, right of ${whole.right}`); }
  }
  for (const graph of cell.querySelectorAll('.floe-graph')) {
    const texts = [...graph.querySelectorAll('text')].filter(t => t.textContent.trim() && t.checkVisibility() && rect(t).width);
    texts.forEach((t, at) => texts.slice(at + 1).forEach(u => { if (meet(rect(t), rect(u), 3)) { wrong.push(`labels ${t.textContent} and ${u.textContent} overlap`); } }));
    const boxes = [...graph.querySelectorAll('.floe-node .box')].filter(b => b.checkVisibility());
    boxes.forEach((b, at) => boxes.slice(at + 1).forEach(c => { if (meet(rect(b), rect(c), 1)) { wrong.push('two nodes overlap'); } }));
    if (!boxes.length) { wrong.push('no node is drawn'); }
  }
  return [...new Set(wrong)]; }"""
COLORS = """async data => { const image = await createImageBitmap(await (await fetch(data)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d'); canvas.drawImage(image, 0, 0);
  const all = canvas.getImageData(0, 0, image.width, image.height).data, seen = new Set();
  for (let at = 0; at < all.length; at += 4) { seen.add(all[at] << 16 | all[at + 1] << 8 | all[at + 2]); }
  return seen.size; }"""


def shoot(part: Locator, target: Path) -> None:
    """Take a picture; it is not empty: one of a plain page has one colour or two."""
    picture = part.screenshot(animations="disabled", path=target)
    assert part.page.evaluate(COLORS, f"data:image/png;base64,{base64.b64encode(picture).decode()}") > 20, target.name


@pytest.mark.timeout(300)
def test_pictures_of_values_and_flows_wide_and_narrow_in_every_theme(notebook: Books, pictures: Path) -> None:
    defined = [LOAD, SAME, FRAME, DRAWN, TEN, FIFTY, "%%floe flow frames\nframe", "%%floe flow pictures\ndrawn"]
    book = notebook([*defined, *RUNS.values()])
    page = book.page
    book.run_all(120)
    book.command("application:toggle-left-area")
    wrong = {}
    for theme in THEMES:
        book.command("apputils:change-theme", theme=theme)
        expect(page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        for word, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 1700})
            for number, name in enumerate(RUNS, len(defined)):
                book.live(number).see()
                expect(book.cell(number).locator(".floe-node .box").first).to_be_visible()
                page.evaluate(
                    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
                )
                shoot(book.cell(number), pictures / f"screen-{name}-{word}-{theme.replace(' ', '-').lower()}.png")
                found = book.cell(number).evaluate(WRONG)
                if found:
                    wrong[theme, word, name] = found
    assert not wrong, "\n".join(f"{where}: {found}" for where, found in wrong.items())
