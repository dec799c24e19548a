"""While the kernel is busy, interrupted, killed, or the page is loaded again."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.flows import DEFINE, OUT, RUN
from tests.browser.kit import Live, Notebook
from tests.browser.waits import until
from tests.processes import gone

pytestmark = pytest.mark.timeout(180)

Books = Callable[..., Notebook]
BUSY = {"sleep": "time.sleep(60)", "loop": "while True:\n    pass", "run": "floe.flow('slow').run([60])"}
"""What blocks a kernel: a sleep, a loop, the blocking call of the Python interface."""
SLOW = ["%%floe module nap\nimport time\ndef nap(msg):\n    time.sleep(msg)\n    return msg", "%%floe flow slow\nnap"]


def _held(book: Notebook, *more: str) -> Live:
    """The flow ``chain``, held in front of `label`, shown under its cell."""
    book.run_all()
    for text in ("%floe break label", *more):
        book.do(text)
    number = book.add(RUN)
    book.run_cell(number)
    run = book.live(number)
    run.is_now("1 message held, 0 results")
    return run


def _interrupt(book: Notebook, number: int) -> str:
    book.begin("notebook:interrupt-kernel")
    book.ended(number)
    return book.outputs(number).inner_text()


@pytest.mark.parametrize("kind", BUSY)
def test_the_buttons_take_effect_within_a_second_while_a_cell_blocks_the_kernel(notebook: Books, kind: str) -> None:
    book = notebook(DEFINE)
    run = _held(book, *(SLOW if kind == "run" else []))
    book.begin_cell(book.add(BUSY[kind]))
    expect(book.cells.last.locator(".jp-InputArea-prompt")).to_have_text("[*]:")
    run.see()
    began = time.monotonic()
    run.press("step")
    expect(run.wire(OUT)).to_have_text("1")
    took = time.monotonic() - began
    run.press("back")
    expect(run.wire(OUT)).to_have_text("0")
    run.dot("label").click()
    expect(run.dot("label")).to_have_attribute("data-look", "none")
    run.press("resume")
    run.is_now("done, 5 results")
    assert "Interrupt" in _interrupt(book, book.cells.count() - 1)
    print(f"with a busy kernel ({kind}) a step was seen after {took:.2f} s")
    assert took < 1.0


def test_an_interrupt_ends_an_awaited_run_soon_and_the_kernel_lives(notebook: Books) -> None:
    book = notebook([DEFINE[0], *SLOW])
    book.run_all()
    number = book.add("%floe run slow --input [0.01, 50]")
    book.begin_cell(number)
    run = book.live(number)
    run.is_now("active, 1 result")
    began = time.monotonic()
    text = _interrupt(book, number)
    took = time.monotonic() - began
    print(f"an interrupt was through after {took:.2f} s")
    assert took < 1.0
    assert "cancelled after 1 result" in text
    run.is_now("cancelled, 1 result, 1 unfinished")
    assert "42" in book.do("6 * 7")


def test_run_all_waits_for_the_result(notebook: Books) -> None:
    book = notebook([DEFINE[0], *SLOW, "r = %floe run slow --input [1.5, 0.01]", "print('after', r.status, r.results)"])
    book.run_all()
    assert "after done [1.5, 0.01]" in book.outputs(4).inner_text()
    book.live(3).is_now("done, 2 results")


def test_a_run_outlives_its_killed_kernel_and_is_taken_up_by_the_next(notebook: Books) -> None:
    book = notebook(DEFINE)
    _held(book)
    ref = re.findall(r"chain\.\d+\.local\.\d+", book.do("print(run.ref)"))[0]
    [kernel] = book.lab.kernels()
    pid = int(book.do("print(os.getpid())").split()[-1])
    os.kill(pid, signal.SIGKILL)
    until(lambda: gone(pid), "the end of the killed kernel")
    dialog = book.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Kernel Restarting", timeout=30_000)
    dialog.locator("button.jp-mod-accept").click()
    book.ready(60)
    assert [k["id"] for k in book.lab.kernels()] == [kernel["id"]]
    book.run_cell(0)
    number = book.add(f"run = %floe attach {ref}\nrun")
    book.run_cell(number)
    run = book.live(number)
    run.is_now("1 message held, 0 results")
    run.look_at("label", '{"n": 0}')
    book.do("%floe clear label")
    run.press("resume")
    run.is_now("done, 5 results")
    assert "number 8" in book.do("run.wait().results")


def test_after_a_reload_of_the_page_the_widget_is_live_again(notebook: Books) -> None:
    book = notebook(DEFINE)
    _held(book)
    book.save()
    book.page.reload()
    book.page.locator(".jp-CodeCell .cm-content").first.wait_for(timeout=60_000)
    book.ready(60)
    run = book.live(6)
    run.is_now("1 message held, 0 results", timeout=60)
    run.press("step")
    run.carries(OUT, "1")
