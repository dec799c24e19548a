"""Real kernels: awaiting, interrupts, what front ends and programs see, restarts and ends."""

from __future__ import annotations

import re
import time

import pytest

from floe_jupyter.kernel.display.views import QUIET
from tests.kernel.real import DEFINE
from tests.kernel.waits import until
from tests.processes import alive, family


def test_an_interrupt_cancels_the_run_within_a_second_and_says_so(kernel):
    cell = kernel.begin("%floe run one --input [0.01, 30, 30]")
    time.sleep(1.0)
    began = time.monotonic()
    kernel.manager.interrupt_kernel()
    [error] = [o for o in kernel.outputs(cell) if o["type"] == "error"]
    assert time.monotonic() - began < 3.0
    assert error["ename"] == "Interrupted"
    assert "is being cancelled after 1 result" in error["evalue"]  # `slow` has two seconds to end by itself
    assert len(error["traceback"]) == 1
    until(lambda: kernel("floe.flow('one').runs()[0].status") == "'cancelled'", "the run to be cancelled", 5.0)
    assert kernel("r = %floe run one --input [0.02]\nr.results") == "[0.02]"


def test_what_is_detached_or_only_sent_gives_the_cell_back_at_once(kernel):
    assert kernel("r = %floe run one --input [60] --detach\nr.status in ('pending', 'active'), r.cancel().status") == (
        "(True, 'cancelled')"
    )
    assert kernel("d = %floe run one --input [0] --detach --json\nd['flow'], d['detached']") == "('one', True)"
    kernel("%floe start one")
    assert kernel("r = %floe send one 60\nr.status in ('pending', 'active'), r.cancel().status") == "(True, 'cancelled')"
    assert kernel("d = %floe send one 0 --json\nd['flow']") == "'one'"
    assert kernel("r = %floe send one 0.01 --wait\nr.results") == "[0.01]"
    assert kernel("%floe stop one") == "Flow one is stopped"


GENERATOR = "def g():\n    yield 0\n    raise ValueError('the file ends here')"


@pytest.mark.parametrize(
    ("text", "shown", "last"),
    [
        ("%floe run one --input g()", ["raise ValueError", "in g"], "ValueError: the file ends here"),
        (
            "floe.flow('one').run(g())",
            ["raise ValueError", "in g", "floe.flow('one').run(g())"],
            "ValueError: the file ends here",
        ),
        ("%floe run one --input 1 / 0", ["<expression>"], "ZeroDivisionError: division by zero"),
        ("def f():\n    floe.flow('onn')\nf()", ["floe.flow('onn')", "f()"], "UnknownName: no flow 'onn'; did you mean 'one'?"),
        ("floe.flow('one').breakpoint('zz')", ["breakpoint('zz')"], "UnknownName: no node 'zz'; known: slow"),
        ("floe.flow('one').stop()", ["stop()"], "DefinitionError: flow 'one' is not up; `%floe start one` starts it"),
        ("floe.flow('one').run([1], to='slow.x')", ["to="], "UnknownName: no input port of node 'slow' 'x'"),
        ("%floe run onn", [], "UnknownName: no flow 'onn'; did you mean 'one'?"),
    ],
)
def test_errors_show_the_frames_of_the_user_and_none_of_the_engine(kernel, text, shown, last):
    kernel(GENERATOR)
    [error] = [o for o in kernel.outputs(kernel.begin(text)) if o["type"] == "error"]
    trace = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error["traceback"]))
    for part in [*shown, last]:
        assert part in trace, trace
    for engine in ("floe_jupyter", "IPython", "asyncio", "concurrent"):
        assert engine not in trace, trace


def test_others_are_served_while_a_cell_waits(kernel):
    kernel(
        "import asyncio\nticks = []\n"
        "async def tick():\n    while True:\n        ticks.append(1)\n        await asyncio.sleep(0.05)\n"
        "task = asyncio.get_running_loop().create_task(tick())"
    )
    kernel("before = len(ticks)\nr = %floe run one --input [0.6]\ngained = len(ticks) - before")
    assert int(kernel("gained")) >= 5


def test_a_program_that_runs_notebooks_gets_one_final_picture_and_one_line(kernel):
    found = kernel.outputs(kernel.begin("%floe run one --input [1.5]"))
    assert [o["type"] for o in found] == ["display_data", "execute_result"]
    assert set(found[0]["data"]) == {"text/plain", "text/html", "image/svg+xml"}
    assert list(found[1]["data"]) == ["text/plain"]
    assert "1 result" in found[1]["data"]["text/plain"]


WITHOUT_WIDGETS = "import sys\nsys.modules['anywidget'] = None"


def test_a_front_end_without_widgets_sees_the_run_live_at_most_five_times_a_second(kernel):
    kernel(WITHOUT_WIDGETS)
    found = kernel.outputs(kernel.begin("%floe run one --input [0.1] * 25", cellId="abc"))
    kinds = [o["type"] for o in found]
    assert kinds[0] == "display_data"
    assert kinds[-1] == "execute_result"
    updates = [o for o in found if o["type"] == "update_display_data"]
    assert updates[-1]["data"] == {"text/plain": "", "text/html": ""}
    assert 2 <= len(updates) <= 1 + 5 * 2.5


def test_a_short_run_flickers_nothing_in_a_front_end_without_widgets(kernel):
    kernel(WITHOUT_WIDGETS)
    kernel("%floe run one --input [0.01]")
    began = time.monotonic()
    found = kernel.outputs(kernel.begin("%floe run one --input [0.01]", cellId="abc"))
    if time.monotonic() - began < QUIET:  # else this machine was too busy for a short run
        assert [o["type"] for o in found] == ["execute_result"]


def test_a_held_run_gives_the_cell_back(kernel):
    kernel("%floe break slow --when msg > 5")
    assert ": held, 1 result" in kernel("%floe run one --input [0.01, 9]")
    kernel("[m] = floe.flow('one').held()\nm.edit(0.02)\nrun = floe.flow('one').runs()[0]")
    kernel("%floe continue")
    assert kernel("run.wait().results") == "[0.01, 0.02]"


def test_awaiting_a_run_of_the_python_interface(kernel):
    assert kernel("run = floe.flow('one').run([0.1], wait=False)\n(await run).results") == "[0.1]"


def test_an_error_points_at_the_cell_that_people_see(kernel):
    found = kernel.outputs(kernel.begin("%%floe module slow\ndef slow(msg):\n    return msg / 0\n"))
    assert found[0]["type"] == "execute_result"
    number = found[0]["execution_count"]
    [error] = [o for o in kernel.outputs(kernel.begin("%floe run one --input [1]")) if o["type"] == "error"]
    text = "\n".join(error["traceback"])
    assert f"Cell In[{number}], line 3" in text
    assert "return msg / 0" in text
    assert "site-packages" not in text


def test_nothing_is_left_when_a_kernel_ends(kernel):
    kernel("%floe run one --input [0.01] ")
    pid = int(kernel("from floe_jupyter.client.session import session\nsession().call('status')['pid']"))
    processes = family(pid)
    kernel.close()
    until(lambda: not any(map(alive, processes)), "the dispatcher and its processes to end")


def test_a_run_outlives_a_restart_of_its_kernel(kernel):
    ref = kernel("run = floe.flow('one').run([0.3] * 10, wait=False)\nprint(run.ref)\nrun.ref").strip("'")
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=30)
    kernel(DEFINE)
    assert kernel(f"r = %floe attach {ref} --wait\nr.status, len(r.results)") == "('done', 10)"


def test_a_run_that_was_being_fed_when_its_kernel_restarted_finishes_with_what_it_got(kernel):
    kernel("import time\ndef slowly():\n    yield 0.01\n    time.sleep(60)\n")
    kernel("run = floe.flow('one').run(slowly(), wait=False)\nwhile not run.results:\n    time.sleep(0.01)")
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=30)
    kernel(DEFINE)
    assert kernel("r = %floe attach --wait\nr").endswith("done, 1 result; its feeder is gone, its input ended after 1 message")


def test_a_killed_kernel_takes_its_runs_with_it(kernel):
    pid = int(kernel("from floe_jupyter.client.session import session\nsession().call('status')['pid']"))
    kernel("run = floe.flow('one').run([30], wait=False)")
    processes = family(pid)
    kernel.close(now=True)
    until(lambda: not any(map(alive, processes)), "the dispatcher and its processes to end")
