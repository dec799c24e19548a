"""``floe`` in a shell."""

from __future__ import annotations

import json
import signal
import time

import pytest

SLOW = "%%floe module slow\nimport time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n\n%%floe flow slow_flow\nslow\n"


def test_a_file_is_run_with_json_lines_in_and_out(floe):
    (floe.folder / "in.jsonl").write_text('"1"\n\n"2"\n"4"\n')
    done = floe("run", "evens.floe", "evens", "--input", "in.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n8\n", "")


def test_lines_come_from_standard_input_and_the_only_flow_needs_no_name(floe):
    done = floe("run", "evens.floe", "--input", "-", given="6\n8\n")
    assert (done.returncode, done.stdout) == (0, "12\n16\n")


def test_one_json_object_tells_all(floe):
    done = floe("run", "evens.floe", "--input", "-", "--json", given="6\n7\n")
    told = json.loads(done.stdout)
    assert (told["status"], told["outputs"], told["fed"]) == ("done", {"double.out": [12]}, 2)


def test_a_notebook_is_run_without_its_other_cells(floe):
    text = (floe.folder / "evens.floe").read_text()
    cells = ["import os; os._exit(7)", *[f"%%floe{part}" for part in text.split("%%floe")[1:]]]
    notebook = {"cells": [{"cell_type": "code", "execution_count": i, "source": s} for i, s in enumerate(cells)]}
    (floe.folder / "evens.ipynb").write_text(json.dumps(notebook))
    assert floe("run", "evens.ipynb", "--input", "-", given="2\n").stdout == "4\n"


def test_a_failed_flow_shows_its_own_trace_and_ends_with_1(floe):
    done = floe("run", "evens.floe", "--input", "-", given="2\n13\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("floe: run evens.1.local.1 failed in 'double': ValueError: unlucky")
    assert "evens.floe" in done.stderr
    assert "line 10" in done.stderr
    assert "site-packages" not in done.stderr
    assert "floe_jupyter/" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "none.floe"], "cannot be read"),
        (["run", "evens.floe", "odds"], "no flow in evens.floe 'odds'; known: evens"),
        (["run", "evens.floe", "--input", "none.jsonl"], "none.jsonl cannot be read"),
        (["run", "evens.floe", "--timeout", "soon"], "'soon' is no duration"),
        (["run", "evens.floe", "--inptu", "x"], "--input"),
        (["run", "evens.floe", "--to", "dubble"], "did you mean 'double'?"),
        (["rnu", "evens.floe"], "no command 'rnu'; did you mean 'run'?"),
        (["step", "--nod", "x"], "--node"),
        (["runs"], "no dispatcher"),
    ],
)
def test_a_wrong_call_says_what_to_do(floe, words, message):
    done = floe(*words)
    assert done.returncode in ((1,) if words == ["runs"] or "none" in words[-1] else (2,))
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ['{"a": ', "nonsense\n"])
def test_input_that_is_no_json_is_named_by_its_line(floe, given):
    done = floe("run", "evens.floe", "--input", "-", given="2\n" + given)
    assert done.returncode == 2
    assert "standard input, line 2, is no JSON" in done.stderr


def test_an_interrupt_cancels_the_run_and_ends_with_130(floe):
    (floe.folder / "slow.floe").write_text(SLOW)
    process = floe.begin("run", "slow.floe", "--input", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("0.01\n30\n")
    process.stdin.flush()
    assert process.stdout.readline() == "0.01\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "was cancelled after 1 result" in err) == (130, True)
    assert time.monotonic() - began < 4.0


def test_results_come_while_the_input_is_still_open(floe):
    process = floe.begin("run", "evens.floe", "--input", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (2, 4):
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{number * 2}\n"
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")


def test_a_flow_stays_up_for_other_calls_until_it_is_stopped(floe):
    assert floe("start", "evens", "--file", "evens.floe").stdout == "Flow evens is up\n"
    assert floe("send", "evens", "10", "--wait").stdout == "20\n"
    assert [row["flow"] for row in json.loads(floe("flows", "--json").stdout)] == ["evens"]
    assert "evens.1.local" in floe("runs").stdout
    assert json.loads(floe("runtimes", "--json").stdout)[0]["lang"] == "python"
    assert floe("stop", "evens").stdout == "Flow evens is stopped\n"


def test_a_detached_run_is_debugged_from_other_calls(floe):
    assert floe("start", "evens", "--file", "evens.floe").returncode == 0
    assert floe("break", "double", "--when", "msg['n'] == 4").returncode == 0
    floe("send", "evens", "4")
    [held] = json.loads(floe("held", "--json").stdout)
    assert held["value"] == {"n": 4}
    assert floe("edit", held["id"], '{"n": 8}').returncode == 0
    assert json.loads(floe("step", "--json").stdout)["double"]["outputStates"] == {"out": [16]}
    assert floe("clear").stdout == "1 breakpoint removed\n"
    assert floe("continue").returncode == 0
    assert floe("stop", "evens").returncode == 0


def test_a_detached_run_goes_on_and_is_attached_to(floe):
    (floe.folder / "slow.floe").write_text(SLOW)
    told = json.loads(floe("run", "slow.floe", "--input", "-", "--detach", given="0.5\n0.5\n").stdout)
    assert told["status"] in ("pending", "active", "done")
    assert floe("attach", told["ref"]).stdout == "0.5\n0.5\n"


def test_what_is_exported_is_run(floe):
    floe("start", "evens", "--file", "evens.floe")
    assert floe("export", "evens", "-o", "copy.floe").returncode == 0
    floe("stop", "evens")
    assert floe("run", "copy.floe", "--input", "-", given="5\n6\n").stdout == "12\n"


def test_help_lists_only_what_works(floe):
    text = floe("--help").stdout
    for command in ("run", "step", "break", "held", "export", "attach"):
        assert f"  {command} " in text
    assert "host" not in text.split("Commands:")[1]
    assert "images" not in text
