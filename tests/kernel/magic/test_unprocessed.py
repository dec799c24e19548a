"""Nothing ends uncounted: what a run did not process, as people and programs see it, with real processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import floe_jupyter as floe

MODULES = """%%floe module {name}
def {name}(msg):
    return {value}
"""
SLOW = """%%floe module slow
import time
def slow(msg):
    time.sleep(msg)
    return msg
"""


@pytest.fixture
def cell(cells):
    for name, value in (("a", "msg"), ("b", "msg"), ("c", "msg"), ("lst", "msg"), ("nothing", "None")):
        cells(MODULES.format(name=name, value=value))
    return cells


def test_A4_second_messages_at_an_all_join_are_counted_and_named(cell):
    cell("%%floe flow pairs\na -> b, c -> j\nj = lst(join=all)\n")
    run = floe.flow("pairs").run([1, 2])
    assert len(run.results) == 1
    assert run.dropped == {"join j": 2}
    assert run.errors == []
    assert repr(run).endswith("done, 1 result, 2 dropped (join j: second message of a run; `key=` joins by value)")
    (row,) = [row for row in run.view().table if row["node"] == "j"]
    assert (row["taken"], row["dropped"], row["waiting"]) == (1, 2, 0)
    assert "2 dropped" in run.view().svg


def test_A4_E1_what_a_join_waited_for_in_vain_is_named_in_run_table_and_log(cell):
    cell("%%floe flow lost\na -> n, c -> j\nn = nothing()\nj = lst(join=all)\n")
    run = floe.flow("lost").run([1])
    assert (run.status, run.results, run.dropped) == ("done", [], {"join j": 1})
    assert "join j: 1 of 2 arrived, nothing came over n.out>j.in" in repr(run)
    (row,) = [row for row in cell("%floe runs") if row["run"] == run.ref]
    assert "1 of 2 arrived" in row["not processed"]
    assert row["dropped"] == {"join j": 1}
    assert any("j: 1 of 2 arrived, nothing came over n.out>j.in" in row["text"] for row in cell("%floe logs lost"))


def test_A4_the_losers_of_an_any_join_with_three_predecessors_are_counted(cell):
    cell("%%floe flow first\na -> b, c, d -> j\nd = b()\nj = lst(join=any)\n")
    run = floe.flow("first").run([1])
    assert (run.results, run.dropped) == ([1], {"join j": 2})
    assert "join j: after the first one" in repr(run)
    assert json.loads(json.dumps(cell("%floe run first --input 5 --json")))["dropped"] == {"join j": 2}


def test_C16_a_cancelled_run_says_why_and_what_was_unfinished_and_no_node_is_busy(cell):
    cell(SLOW)
    cell("%%floe flow waits\na -> slow\n")
    run = floe.flow("waits").run([0, 30, 30, 30], wait=False)
    view = run.snapshot()
    while not [n for n in view.nodes if n.id == "slow" and n.taken == 1]:
        view = run.snapshot()
    run.cancel()
    assert run.why == "by the user"
    assert run.unfinished == {"slow": 3}
    assert run.dropped == {}
    assert repr(run).endswith("cancelled (by the user), 1 result, 3 unfinished (slow 3)")
    assert 'class="node busy"' not in run.view().svg
    (row,) = [row for row in run.view().table if row["node"] == "slow"]
    assert row["unfinished"] == 3


def test_C16_a_run_whose_flow_is_stopped_says_so(cell):
    cell(SLOW)
    cell("%%floe flow kept\nslow\n")
    flow = floe.flow("kept")
    flow.start()
    sent = flow.send(30)
    flow.stop()
    assert (sent.status, sent.why) == ("cancelled", "its flow was stopped")
    assert sum(sent.unfinished.values()) == 1


def test_what_a_failure_leaves_is_unfinished(cell):
    cell("%%floe module bad\ndef bad(msg):\n    return 1 / msg\n")
    cell("%%floe flow breaks\nbad\n")
    with pytest.raises(floe.RunFailed) as failed:
        floe.flow("breaks").run([1, 0, 2, 3])
    run = failed.value.run
    assert (len(run.results), run.unfinished) == (1, {"bad": 2})


def test_E6_skip_with_an_error_port_gives_the_record_and_lists_the_failure(cell):
    cell("%%floe module bad\ndef bad(msg):\n    return 1 / msg\n")
    cell("%%floe flow both\na -> bad -> b\nbad.error -> h\nbad = bad(on_error=skip)\nh = lst()\n")
    run = floe.flow("both").run([1, 0, 2])
    assert run.status == "done"
    assert run.outputs["b.out"] == [1.0, 0.5]
    [record] = run.outputs["h.out"]
    assert (record["message"], record["error"]) == (0, "ZeroDivisionError: division by zero")
    assert [(error.node, error.kind) for error in run.errors] == [("bad", "skipped")]
    assert (run.dropped, run.unfinished) == ({}, {})


def test_E6_an_error_port_that_is_wired_while_the_flow_is_up_takes_the_records(cell):
    cell("%%floe module bad\ndef bad(msg):\n    return 1 / msg\n")
    cell("%%floe flow later\na -> bad -> b\nbad = bad(on_error=skip)\n")
    flow = floe.flow("later")
    flow.start()
    assert flow.send(0).wait().results == []
    cell("%%floe flow later\na -> bad -> b\nbad.error -> h\nbad = bad(on_error=skip)\nh = lst()\n")
    assert [record["message"] for record in flow.send(0).wait().results] == [0]
    flow.stop()


def test_a_file_run_in_a_shell_says_on_standard_error_what_was_dropped(home):
    (home / "f.floe").write_text(
        "".join(MODULES.format(name=n, value="msg") + "\n" for n in ("a", "b", "c", "lst"))
        + "%%floe flow pairs\na -> b, c -> j\nj = lst(join=all)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "floe_jupyter.cli", "run", "f.floe"],
        cwd=home,
        input="1\n2\n",
        text=True,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "2 dropped (join j: second message of a run" in done.stderr
