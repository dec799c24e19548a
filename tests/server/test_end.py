"""The Jupyter server ends, in every way, while pages are open: nothing is left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from floe_jupyter.wire.client.client import connect
from tests.dispatcher.kit import REAL, define
from tests.dispatcher.test_ends import nothing_is_left
from tests.processes import alive, family
from tests.server.kit import batch, serving

SLOW = "import time\n\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_pages_started_ends_with_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    with serving(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        kernel = connect(client="kernel", path=server.connection, command=REAL)
        define(kernel, slow=SLOW)
        page = server.page()
        page.present()
        ref = page.call("open_run", flow="co2")["ref"]
        page.call("feed", ref=ref, batch=batch(60))
        pid = kernel.pid
        processes = family(pid)
        kernel.close()
        assert page.call("run_info", ref=ref)["status"] in ("pending", "active"), "it is the pages' own, not the kernel's"
        server.process.send_signal(number)
        server.process.wait(15.0)
        _, left = psutil.wait_procs(processes, timeout=4.0)
        assert not [p for p in left if alive(p)]
        nothing_is_left(server.connection, pid)
        page.socket.sock.close()


def test_a_run_that_a_page_started_outlives_a_reload_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        with connect(client="kernel", path=server.connection, command=REAL) as kernel:
            define(kernel, slow=SLOW)
            with server.page() as page:
                page.present()
                ref = page.call("open_run", flow="co2")["ref"]
            with server.page() as page:
                assert page.present()["pid"] == kernel.pid
                assert page.call("run_info", ref=ref)["status"] in ("pending", "active")
                page.call("cancel", ref=ref)
