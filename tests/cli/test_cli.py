"""``floe`` in a shell."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from floe_jupyter.cli.input import wait_for_data
from floe_jupyter.errors import DefinitionError

SLOW = "%%floe module slow\nimport time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n\n%%floe flow slow_flow\nslow\n"


def test_a_file_is_run_with_json_lines_in_and_out(floe):
    (floe.folder / "in.jsonl").write_text('"1"\n\n"2"\n"4"\n')
    done = floe("run", "evens.floe", "evens", "--input", "in.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n8\n", "")


def test_lines_come_from_standard_input_and_the_only_flow_needs_no_name(floe):
    done = floe("run", "evens.floe", "--input", "-", given="6\n8\n")
    assert (done.returncode, done.stdout) == (0, "12\n16\n")


def typed(floe, line):
    """A line in a shell that knows ``floe``."""
    shell = f'floe() {{ {shlex.quote(sys.executable)} -m floe_jupyter.cli "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", shell],
        env=floe.environment,
        cwd=floe.folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=50,
    )
    return done.returncode, done.stdout, done.stderr


WRAP = "%%floe module wrap\ndef wrap(msg):\n    return [msg]\n\n%%floe flow wrapped\nwrap\n"


def test_standard_input_is_read_without_being_named_where_it_is_a_pipe_or_a_file(floe):
    (floe.folder / "in.jsonl").write_text('\n"a"\n\n2\n')
    (floe.folder / "wrap.floe").write_text(WRAP)
    assert typed(floe, """printf '"Aa"\\n"bB"\\n' | floe run wrap.floe""") == (0, '["Aa"]\n["bB"]\n', "")
    assert typed(floe, "floe run wrap.floe < in.jsonl") == (0, '["a"]\n[2]\n', "")
    assert typed(floe, "floe run wrap.floe < in.jsonl | floe run wrap.floe") == (0, '[["a"]]\n[[2]]\n', "")
    assert typed(floe, "echo 1 | floe run wrap.floe --input in.jsonl") == (0, '["a"]\n[2]\n', "")
    status, out, err = typed(floe, "printf '1\\n{' | floe run wrap.floe")
    assert (status, "standard input, line 2, is no JSON" in err) == (2, True), out


@pytest.mark.parametrize("source", ["< /dev/null", "<&-", "< empty", "< blank"])
def test_where_standard_input_gives_no_line_each_source_gets_one_null(floe, source):
    (floe.folder / "wrap.floe").write_text(WRAP)
    (floe.folder / "empty").write_text("")
    (floe.folder / "blank").write_text("\n  \n")
    assert typed(floe, f"floe run wrap.floe {source}") == (0, "[null]\n", "")


def test_a_terminal_is_not_read(floe):
    (floe.folder / "wrap.floe").write_text(WRAP)
    ours, theirs = os.openpty()
    try:
        words = [sys.executable, "-m", "floe_jupyter.cli", "run", "wrap.floe"]
        done = subprocess.run(
            words, env=floe.environment, cwd=floe.folder, stdin=theirs, capture_output=True, text=True, timeout=50
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (0, "[null]\n")


def test_a_pipe_that_stays_silent_is_refused_with_the_cure_instead_of_waited_for():
    ours, theirs = os.pipe()
    with os.fdopen(ours) as silent, os.fdopen(theirs, "w") as writer:
        with pytest.raises(DefinitionError, match=r"gave nothing in 0\.01 s and is still open; .*`--input -`.*`< /dev/null`"):
            wait_for_data(silent, 0.01)
        writer.write("1")
        writer.flush()
        wait_for_data(silent, 0.01)


def test_the_command_of_the_readme_works_as_printed(floe):
    root = Path(__file__).parents[2]
    [line] = [line for line in (root / "README.md").read_text().splitlines() if "| floe run notebooks/" in line]
    status, out, err = typed(floe, f"cd {shlex.quote(str(root))}; {line}")
    assert (status, err, out.splitlines()[-1]) == (0, "", '"modules *******"')


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
        (["run", "evens.floe", "--timeout", "soon"], "soon is no duration"),
        (["run", "evens.floe", "--inptu", "x"], "--input"),
        (["run", "evens.floe", "--to", "dubble"], "did you mean 'double'?"),
        (["rnu", "evens.floe"], "no command 'rnu'; did you mean 'run'?"),
        (["step", "--nod", "x"], "--node"),
        (["runs"], "no dispatcher"),
    ],
)
def test_a_wrong_call_says_what_to_do(floe, words, message):
    done = floe(*words)
    assert done.returncode == (1 if words == ["runs"] else 2)
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
    assert (process.returncode, "cancelled after 1 result" in err) == (130, True)
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
    told = json.loads(floe("run", "slow.floe", "--input", "-", "--detach", given="2.5\n2.5\n").stdout)
    assert told["status"] in ("pending", "active", "done")
    assert floe("attach", told["ref"]).stdout == "2.5\n2.5\n"


def test_what_is_exported_is_run(floe):
    floe("start", "evens", "--file", "evens.floe")
    assert floe("export", "evens", "-o", "copy.floe").returncode == 0
    floe("stop", "evens")
    assert floe("run", "copy.floe", "--input", "-", given="5\n6\n").stdout == "12\n"


def test_help_lists_only_what_works(floe):
    text = floe("--help").stdout
    for command in ("run", "step", "break", "held", "export", "attach", "images"):
        assert f"  {command} " in text
    assert "host" not in text.split("Commands:")[1]


def test_a_terminal_finds_the_dispatcher_of_the_jupyter_server_and_asks_which_where_there_are_several(floe):
    del floe.environment["FLOE_CONNECTION"]
    path = f"{floe.environment['JUPYTER_RUNTIME_DIR']}/floe-%s.json"
    none = floe("runs")
    assert none.returncode == 1
    assert all(word in none.stderr for word in (path % "user", "floe start FLOW --file FILE", "FLOE_CONNECTION=PATH floe"))
    jupyter = dict(floe.environment)
    try:
        for server in ("4711", "4712"):
            floe.environment = {**jupyter, "JPY_PARENT_PID": server}
            assert floe("start", "--file", "evens.floe").returncode == 0
            floe.environment = dict(jupyter)
            if server == "4711":
                assert [flow["flow"] for flow in json.loads(floe("flows", "--json").stdout)] == ["evens"]
        several = floe("runs")
        assert several.returncode == 2
        assert f"{path % '4711'}, {path % '4712'}" in several.stderr
        assert f"FLOE_CONNECTION={path % '4711'} floe" in several.stderr
        floe.environment["FLOE_CONNECTION"] = path % "4712"
        assert floe("runs").returncode == 0
    finally:
        for server in ("4711", "4712"):
            floe.environment = {**jupyter, "FLOE_CONNECTION": path % server}
            floe.stop()
