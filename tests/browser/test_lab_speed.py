"""A fast flow that is looked at: few updates, a browser that rests."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import expect

from tests.browser.flows import LOAD
from tests.browser.kit import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Books = Callable[..., Notebook]
MESSAGES = 3_000_000
# Frames of views that the socket of the bridge receives, and drawings of the graph, by the second.
COUNT = """() => { const seen = window.__seen = { views: [], drawn: [] };
  const real = window.WebSocket.prototype; const add = real.addEventListener;
  const find = Object.getOwnPropertyDescriptor(real, 'onmessage');
  Object.defineProperty(real, 'onmessage', { ...find, set(handler) { find.set.call(this, event => {
    if (this.url.includes('floe/bridge') && String(event.data).startsWith('{"topic":"view/')) { seen.views.push(performance.now()); }
    handler.call(this, event); }); } }); }"""
DRAWN = """bench => new MutationObserver(() => window.__seen.drawn.push(performance.now()))
  .observe(bench.querySelector('.floe-drawing'), { subtree: true, childList: true, characterData: true, attributes: true })"""
CELLS = [LOAD, "%%floe module add\ndef add(msg):\n    return msg + 1", "%%floe module drop\ndef drop(msg):\n    return None",
         "%%floe flow fast\nadd -> drop"]


def rate(times: list[float]) -> float:
    """How many a second, of times in milliseconds."""
    return (len(times) - 1) / (times[-1] - times[0]) * 1_000


def _renderers() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "--type=renderer" in " ".join(p.cmdline())]


def _work(processes: list[psutil.Process]) -> float:
    """Seconds of processor time so far."""
    return sum(sum(p.cpu_times()[:2]) for p in processes if p.is_running())


def test_a_fast_flow_is_shown_at_most_twenty_times_a_second_by_a_browser_that_rests(notebook: Books) -> None:
    book = notebook(CELLS)
    for number in range(4):
        book.run_cell(number)
    book.page.evaluate(COUNT)
    number = book.add(f"run = %floe run fast --input range({MESSAGES})")
    book.begin_cell(number)
    run = book.live(number)
    run.is_now("active, 0 results")
    run.root.evaluate(DRAWN)
    renderers = _renderers()
    began, before = time.monotonic(), _work(renderers)
    expect(run.root.locator(".floe-phase")).to_have_text("done, 0 results", timeout=120_000)
    busy = (_work(renderers) - before) / (time.monotonic() - began)
    seen = book.page.evaluate("window.__seen")
    views, drawn = rate(seen["views"]), rate(seen["drawn"])
    print(f"{views:.1f} views a second, {drawn:.1f} drawings, the renderer is busy {busy:.0%} of a core")
    assert 1 < drawn <= 20.5
    assert views <= 20.5
    assert busy < 0.5
