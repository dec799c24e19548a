"""What users write: ``--runner`` in cells and in a shell, ``runner=`` in Python, and the table of runners."""

from __future__ import annotations

from pathlib import Path

import pytest

import floe_jupyter as floe
from floe_jupyter.errors import FloeError
from tests.cli.conftest import CommandLine
from tests.kernel.conftest import Cells, bare_shell, cells, home, session
from tests.remote.machine import FarMachine

__all__ = ["bare_shell", "cells", "home", "session"]

WHERE = "%%floe module where\nimport socket\ndef where(msg):\n    return [msg, socket.gethostname()]\n"


@pytest.fixture
def there(far: FarMachine, cells: Cells) -> Cells:
    """Return cells of a kernel that knows the second machine, with a flow of it."""
    assert far.path
    cells(WHERE)
    cells("%%floe flow there --runner ssh:far\nwhere\n")
    cells("%%floe flow here\nwhere\n")
    return cells


def test_a_flow_and_a_run_name_their_runner(there: Cells) -> None:
    assert there("r = %floe run there --input [1]\nr.results")[0][1] == "far"
    assert there("r = %floe run here --runner ssh:far --input [1]\nr.results") == [[1, "far"]]
    assert there("r = %floe run there --runner local: --input [1]\nr.results")[0][1] != "far"
    table = there("rows = %floe runners --json\nrows")
    assert sorted((row["url"], row["status"]) for row in table) == [("local:", "ready"), ("ssh:far", "ready")]
    assert [row["host"] for row in table if row["url"] == "ssh:far"] == ["far"]


def test_python_names_the_runner(there: Cells) -> None:
    assert there
    assert floe.flow("here").run([2], runner="ssh:far").results == [[2, "far"]]
    up = floe.flow("here").start(runner="ssh:far")
    assert up.call(3) == [3, "far"]
    up.stop()
    assert floe.runner("ssh:far").list_runtimes()[0]["lang"] == "python"
    with pytest.raises(FloeError, match=r"carrier-pigeon.*ssh:"):
        floe.flow("here").run([2], runner="carrier-pigeon:")


def test_the_command_line_names_the_runner(far: FarMachine, tmp_path: Path) -> None:
    assert far.path
    (tmp_path / "where.floe").write_text(f"{WHERE}\n%%floe flow there --runner ssh:far\nwhere\n")
    command = CommandLine(tmp_path)
    try:
        done = command("run", "where.floe", given="1\n2\n")
        assert (done.returncode, done.stdout) == (0, '[1,"far"]\n[2,"far"]\n'), done.stderr
        done = command("run", "where.floe", "--runner", "ssh:no-such-host.invalid", given="1\n")
        assert done.returncode == 1
        assert "no host no-such-host.invalid is known" in done.stderr
    finally:
        command.stop()
