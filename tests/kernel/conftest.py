"""A real shell in this process, and a private dispatcher for every test that asks for one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.client import session as sessions
from floe_jupyter.client.session import Session
from tests.kernel.real import DEFINE, FLOW, SLOW, Kernel


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set private directories for all files of this test and its child processes."""
    for name, folder in (
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("IPYTHONDIR", "ipython"),
    ):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("FLOE_CONNECTION", str(tmp_path / "runtime" / "floe-test.json"))
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    return tmp_path


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    """Yield the session of this process, with a dispatcher that ends with the test."""
    made = Session(f"test {os.getpid()}")
    before = sessions.use(made)
    yield made
    sessions.use(before)
    if made.connected:
        made.call("shutdown")
    made.close()


@pytest.fixture(scope="module")
def bare_shell() -> Iterator[Any]:
    """Yield an IPython shell without history on disk."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("IPYTHONDIR")
        os.environ["IPYTHONDIR"] = folder
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        shell = InteractiveShell(config=config)
        yield shell
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()
        os.environ.pop("IPYTHONDIR") if before is None else os.environ.__setitem__("IPYTHONDIR", before)


class Cells:
    """Runs cells in a shell and returns their results."""

    def __init__(self, ip: Any) -> None:
        self.ip = ip

    def __call__(self, text: str) -> Any:
        """Return the value of a cell; raise the cell's error."""
        result = self.ip.run_cell(text, store_history=True)
        result.raise_error()
        return result.result

    def error(self, text: str) -> BaseException:
        """Return the error raised by a cell."""
        result = self.ip.run_cell(text, store_history=True)
        error = result.error_in_exec or result.error_before_exec
        assert error is not None, f"no error from {text!r}, but {result.result!r}"
        return error


@pytest.fixture
def cells(bare_shell: Any, session: Session) -> Iterator[Cells]:
    """Yield cells of a shell in which the extension is loaded."""
    from floe_jupyter.kernel.extension import load, unload

    load(bare_shell)
    yield Cells(bare_shell)
    sessions.use(None)
    unload(bare_shell)
    sessions.use(session)


@pytest.fixture
def kernel(home: Path) -> Iterator[Kernel]:
    from jupyter_client.manager import KernelManager

    manager = KernelManager(transport="ipc", connection_file=str(home / "runtime" / "kernel-test.json"))
    manager.start_kernel(env=dict(os.environ))
    made = Kernel(manager)
    made(DEFINE)
    made(SLOW)
    made(FLOW)
    yield made
    made.close()
