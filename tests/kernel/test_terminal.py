"""IPython in a terminal."""

from __future__ import annotations

import os
import sys
import time

import pexpect
import pytest


@pytest.fixture
def terminal(home):
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor", "--no-confirm-exit"],
        env={**os.environ, "TERM": "dumb"},
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 200),
    )
    child.expect(r"In \[1\]: ")
    yield child
    child.close(force=True)


def cell(child, number, text):
    child.sendline(text)
    child.expect(rf"In \[{number + 1}\]: ")
    return child.before


def test_ctrl_c_cancels_the_run_and_the_prompt_is_back_at_once(terminal):
    cell(terminal, 1, "%load_ext floe_jupyter")
    cell(terminal, 2, "import floe_jupyter as floe; ip = get_ipython()")
    cell(
        terminal,
        3,
        r"ip.run_cell_magic('floe', 'module slow', 'import time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n')",
    )
    cell(terminal, 4, r"ip.run_cell_magic('floe', 'flow one', 'slow\n')")
    terminal.sendline("r = %floe run one --input [0.01, 30]")
    terminal.expect(r"one\.1\.local\.1: slow 1")
    began = time.monotonic()
    terminal.sendintr()
    terminal.expect(r"KeyboardInterrupt: run one\.1\.local\.1 is being cancelled after 1 result")
    terminal.expect(r"In \[6\]: ")
    assert time.monotonic() - began < 3.0
    assert "'cancelled'" in cell(terminal, 6, "floe.flow('one').runs()[0].wait(10).status")
    assert "[0.02]" in cell(terminal, 7, "(await floe.flow('one').run([0.02], wait=False)).results")
    assert "1 result" in cell(terminal, 8, "%floe run one --input [0.01]")
