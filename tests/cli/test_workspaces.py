"""Terminals reach every workspace: the only one that is active, or the one they say."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_cli import SLOW

NOTEBOOK = """
import sys, time
from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.wire.client.client import connect
from floe_jupyter.wire.control.workspaces import Workspace
name, factor = sys.argv[1:]
client = connect(client=f"kernel {name}", workspace=Workspace("", name, "notebook", name and __import__("os").path.abspath(name)))
client.call("define", module=Module("price", f"def price(msg): return msg * {factor}"))
client.call("define_flow", flow=Flow("shop", (Node("price", "price"),)))
client.call("start", flow="shop")
print("ready", flush=True)
time.sleep(100)
"""


def notebook(floe, name, factor):
    """A program that is what the kernel of a notebook is to the dispatcher."""
    import subprocess
    import sys

    (floe.folder / name).touch()
    process = subprocess.Popen(
        [sys.executable, "-c", NOTEBOOK, name, str(factor)],
        cwd=floe.folder,
        env=floe.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_terminal_takes_the_only_workspace_and_asks_where_there_are_several(floe):
    one = notebook(floe, "one.ipynb", 10)
    try:
        assert floe("send", "shop", "2", "--wait").stdout == "20\n"
        two = notebook(floe, "two.ipynb", 100)
        try:
            asked = floe("send", "shop", "2", "--wait")
            assert asked.returncode == 2
            assert "one.ipynb and two.ipynb have one: say whose it is, `--workspace one.ipynb`" in asked.stderr
            assert floe("--workspace", "two.ipynb", "send", "shop", "2", "--wait").stdout == "200\n"
            assert floe("send", "shop", "2", "--wait", "--workspace", "one").stdout == "20\n"
            assert "did you mean 'two.ipynb'" in floe("--workspace", "tow.ipynb", "flows").stderr
            listed = floe("flows").stdout
            assert "shop (one.ipynb)" in listed
            assert "shop (two.ipynb)" in listed
            runs = json.loads(floe("runs", "--json").stdout)
            assert {run["title"] for run in runs} == {"one.ipynb", "two.ipynb"}
            assert "(two.ipynb)" in floe("runs").stdout
            assert floe("clear-archive", "--all").stdout == "3 runs removed, with their results\n"
        finally:
            two.kill()
            two.wait()
            two.stdout.close()
    finally:
        one.kill()
        one.wait()
        one.stdout.close()


def test_a_file_is_a_workspace_of_its_own_and_changes_nothing_of_others(floe):
    """Running a notebook's file does not change what the open notebook has."""
    cells = [
        {"cell_type": "code", "id": str(n), "metadata": {}, "outputs": [], "execution_count": None, "source": text}
        for n, text in enumerate(["%%floe module price\ndef price(msg):\n    return msg * 7", "%%floe flow shop\nprice"])
    ]
    one = notebook(floe, "one.ipynb", 10)
    Path(floe.folder / "one.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    try:
        assert floe("run", "one.ipynb", "--input", "-", given="2\n").stdout == "14\n"
        assert floe("send", "shop", "2", "--wait").stdout == "20\n"
    finally:
        one.kill()
        one.wait()
        one.stdout.close()


def test_C26_runs_after_a_run_that_is_over_says_where_it_went(floe):
    (floe.folder / "slow.floe").write_text(SLOW)
    assert floe("run", "slow.floe", "--input", "-", given="0\n").stdout == "0\n"
    said = floe("runs")
    assert said.returncode == 1
    assert "`floe run FILE` ends with its run and leaves nothing to look at, `floe run FILE --detach`" in said.stderr
