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
MESSAGES = 1_500_000
# Frames of views that the socket of the bridge receives, and drawings of the graph, by the second.
COUNT = """() => { const seen = window.__seen = { views: [], drawn: [] };
  const real = window.WebSocket.prototype; const add = real.addEventListener;
  const find = Object.getOwnPropertyDescriptor(real, 'onmessage');
  Object.defineProperty(real, 'onmessage', { ...find, set(handler) { find.set.call(this, event => {
    if (this.url.includes('floe/bridge') && String(event.data).startsWith('{"topic":"view/')) { seen.views.push(performance.now()); }
    handler.call(this, event); }); } }); }"""
DRAWN = """debug_view => new MutationObserver(() => window.__seen.drawn.push(performance.now()))
  .observe(debug_view.querySelector('.floe-drawing'), { subtree: true, childList: true, characterData: true, attributes: true })"""

# At a rate of 100,000 messages a second; as fast as they go where the rate is 0. With a gate, the
# messages wait for a file of that name: a run is over before its view has come, else.
TICKS = """%%floe module ticks
import os, time
def ticks(msg):
    count, rate, *gate = msg
    ends = time.monotonic() + 30
    while gate and not os.path.exists(gate[0]) and time.monotonic() < ends:
        time.sleep(0.005)
    begin = time.perf_counter()
    for n in range(count):
        if rate and n % 500 == 0:
            time.sleep(max(0, begin + n / rate - time.perf_counter()))
        yield n"""
PACED = "%%floe flow paced\nticks -> add -> drop"
CELLS = [
    LOAD,
    "%%floe module add\ndef add(msg):\n    return msg + 1",
    "%%floe module drop\ndef drop(msg):\n    return None",
    TICKS,
    PACED,
]
BEGIN = "import os, tempfile; gate = tempfile.mktemp(); run = floe.flow('paced').run([[{count}, {rate}, gate]], wait=False)"
END = """begin = time.perf_counter(); open(gate, 'w').close()
run.wait(60); took = time.perf_counter() - begin; os.remove(gate); print(run.status, {count} / took)"""


def rate(times: list[float]) -> float:
    """How many a second, of times in milliseconds."""
    return (len(times) - 1) / (times[-1] - times[0]) * 1_000


def _browser() -> list[psutil.Process]:
    """All its processes: pages, drawing (without a graphics card here), network."""
    return [p for p in psutil.Process().children(recursive=True) if "chrom" in p.name().lower()]


def _work(processes: list[psutil.Process]) -> float:
    """Seconds of processor time so far."""
    return sum(sum(p.cpu_times()[:2]) for p in processes if p.is_running())


def paced(notebook: Books) -> Notebook:
    """A notebook in which the flow is defined and nothing is shown."""
    book = notebook(CELLS)
    for number in range(5):
        book.run_cell(number)
    book.select(4)
    book.command("notebook:clear-cell-output")  # the flow, which would show what it does
    book.page.evaluate(COUNT)
    return book


def test_a_fast_flow_is_shown_at_most_twenty_times_a_second_by_a_browser_that_rests(notebook: Books) -> None:
    book = paced(notebook)
    number = book.add(f"run = %floe run paced --input [[{MESSAGES},100000]]")
    book.begin_cell(number)
    run = book.live(number)
    run.is_now("active, 0 results")
    run.root.evaluate(DRAWN)
    processes = _browser()
    began, before = time.monotonic(), _work(processes)
    expect(run.root.locator(".floe-phase")).to_have_text("done, 0 results", timeout=120_000)
    busy = (_work(processes) - before) / (time.monotonic() - began)
    seen = book.page.evaluate("window.__seen")
    views, drawn = rate(seen["views"]), rate(seen["drawn"])
    print(f"{views:.1f} views a second, {drawn:.1f} drawings, the browser takes {busy:.0%} of a core")
    assert 1 < drawn <= 20.5
    assert views <= 20.5
    assert busy < 0.5


def throughput(book: Notebook, count: int, rate: int, *, shown: bool) -> float:
    """Messages a second of one run; *shown*: under its cell, while it goes on."""
    begin = BEGIN.format(count=count, rate=rate) + ("\nrun" if shown else "")
    number = book.add(begin)
    book.begin_cell(number)
    book.ended(number)
    if shown:
        book.live(number).is_now("active, 0 results")
    status, figure = book.do(END.format(count=count), timeout=70.0).split()
    assert status == "done"
    if shown:
        book.live(number).is_now("done, 0 results")  # its last view has come
    views = book.page.evaluate("window.__seen.views.splice(0).length")
    assert views > 5 if shown else views == 0
    return float(figure)


def ratio(book: Notebook, count: int, rate: int, rounds: int) -> float:
    """Throughput with the view open, against that without: the best of rounds that take turns."""
    without, with_it = [], []
    for _ in range(rounds):
        without.append(throughput(book, count, rate, shown=False))
        with_it.append(throughput(book, count, rate, shown=True))
    print(
        f"{max(with_it):,.0f} messages a second with the view open, {max(without):,.0f} without: {max(with_it) / max(without):.3f}"
    )
    return max(with_it) / max(without)


def test_a_flow_of_100_000_messages_a_second_is_not_slowed_by_its_view(notebook: Books) -> None:
    book = paced(notebook)
    throughput(book, 1_000, 0, shown=False)
    assert ratio(book, 500_000, 100_000, rounds=3) >= 0.95
    ratio(book, 600_000, 0, rounds=2)
