"""A kernel of a real Jupyter server is killed and comes back; a page is open, or none is."""

from __future__ import annotations

import os
import signal
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.dispatcher.kit import until
from tests.processes import alive, family
from tests.server.kit import Page, Server

Pages = Callable[..., Page]
DEFINE = """
%load_ext floe_jupyter
import floe_jupyter as floe
get_ipython().run_cell_magic('floe', 'module double', 'def double(msg):\\n    return 2 * msg\\n')
get_ipython().run_cell_magic('floe', 'flow co2', 'double')
%floe break double
%floe run co2 --input [21]
"""


class Kernel:
    """One that the server started."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.id: str = server.ask("api/kernels", "POST", {})["id"]
        self.client: BlockingKernelClient | None = None
        self.connect()

    def connect(self) -> None:
        self.disconnect()
        self.client = BlockingKernelClient(connection_file=str(self.server.base / "runtime" / f"kernel-{self.id}.json"))
        self.client.load_connection_file()
        self.client.start_channels(hb=False)  # on a busy machine a heartbeat that is late is no death
        until(self._hears, "the kernel to answer", within=40.0)

    def _hears(self) -> bool:
        """It answers, and what it publishes arrives here."""
        assert self.client is not None
        try:
            self.client.kernel_info(reply=True, timeout=2.0)
            self.client.get_iopub_msg(timeout=0.5)
        except (TimeoutError, Empty):
            return False
        return True

    def disconnect(self) -> None:
        if self.client is not None:
            self.client.stop_channels()

    def __call__(self, code: str) -> str:
        """What a cell displays as text; an error fails the test."""
        texts: list[str] = []

        def heard(message: Any) -> None:
            content = message["content"]
            assert message["msg_type"] != "error", "\n".join(content.get("traceback", ()))
            texts.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))

        assert self.client is not None
        self.client.execute_interactive(code, timeout=40, output_hook=heard)
        return "\n".join(texts)

    @property
    def process(self) -> psutil.Process:
        file = f"kernel-{self.id}.json"
        children = psutil.Process(self.server.process.pid).children()
        [found] = [p for p in children if p.status() != psutil.STATUS_ZOMBIE and file in " ".join(p.cmdline())]
        return found

    def kill(self) -> None:
        """kill -9; the server notices by itself, and starts it again."""
        before = self.process
        os.kill(before.pid, signal.SIGKILL)
        until(lambda: self._another(before), "the server to start the kernel again", within=30.0)
        self.connect()

    def _another(self, before: psutil.Process) -> bool:
        try:
            return self.process.pid != before.pid
        except (ValueError, psutil.Error):
            return False

    def close(self) -> None:
        self.disconnect()
        until(self._ended, "the kernel to end")

    def _ended(self) -> bool:
        """End it; False while Jupyter stumbles because it starts the kernel again at this very moment."""
        try:
            self.server.ask(f"api/kernels/{self.id}", "DELETE")
        except urllib.error.HTTPError as error:
            return error.code == 404
        return True


@pytest.fixture
def notebook(server: Server, tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(server)
    try:
        yield kernel
    finally:
        kernel.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_with_a_page_open_a_killed_kernel_comes_back_to_its_run(server: Server, notebook: Kernel, visit: Pages) -> None:
    page = visit()
    assert "held" in notebook(DEFINE)
    pid = page.present()["pid"]
    [run] = page.call("runs")
    [held] = page.call("held", flow=run["ref"])
    notebook.kill()
    assert page.call("run_info", ref=run["ref"])["status"] == "held"
    assert notebook("%load_ext floe_jupyter") is not None
    assert run["ref"] in notebook("%floe attach")
    assert server.dispatcher == pid
    assert page.call("held", flow=run["ref"]) == [held]
    notebook("%floe continue")
    assert page.call("wait", ref=run["ref"])["status"] == "done"
    assert "[42]" in notebook("import floe_jupyter as floe\nfloe.flow('co2').runs()[0].results")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_without_a_page_what_a_killed_kernel_left_is_gone_within_two_seconds(server: Server, notebook: Kernel) -> None:
    assert "held" in notebook(DEFINE)
    found = server.dispatcher
    assert found is not None
    processes = family(found)
    os.kill(notebook.process.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(processes, timeout=2.0)
    assert not [p for p in left if alive(p)]
