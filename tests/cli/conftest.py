"""The command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOW = """# double what is even

%%floe module number
def number(msg):
    return {"n": int(msg)}

%%floe module double
def double(msg, ctx):
    if msg["n"] == 13:
        raise ValueError("unlucky")
    if msg["n"] % 2 == 0:
        return msg["n"] * 2

%%floe flow evens
number -> double
"""


class CommandLine:
    """Runs ``floe`` with a private dispatcher."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folders = {name: str(folder / name.lower()) for name in ("JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME")}
        for path in folders.values():
            Path(path).mkdir()
        self.environment = {**os.environ, **folders, "FLOE_CONNECTION": str(folder / "floe.json")}
        self.environment.pop("JPY_PARENT_PID", None)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start the command."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "floe_jupyter.cli", *words],
            text=True,
            cwd=self.folder,
            env=self.environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )

    def __call__(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        process = self.begin(*words)
        try:
            out, err = process.communicate(given, timeout=50)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def stop(self) -> None:
        """End the dispatcher, if any."""
        code = (
            "from floe_jupyter.wire.client.client import connect\nfrom floe_jupyter.errors import PeerGone\n"
            "try:\n    connect(False).call('shutdown')\nexcept PeerGone:\n    pass"
        )
        subprocess.run([sys.executable, "-c", code], env=self.environment, cwd=self.folder, timeout=30, check=True)


@pytest.fixture
def floe(tmp_path: Path) -> Iterator[CommandLine]:
    """Yield the command, in a directory with the file ``evens.floe``."""
    (tmp_path / "evens.floe").write_text(FLOW)
    made = CommandLine(tmp_path)
    yield made
    made.stop()
