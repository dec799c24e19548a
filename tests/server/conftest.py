"""A shared Jupyter server for all tests that do not end it, and a dispatcher for each test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import Client, connect
from tests.dispatcher.kit import REAL, until
from tests.server.kit import Page, Server, serving


@pytest.fixture(scope="session")
def shared() -> Iterator[Server]:
    """Yield the shared server."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base, serving(Path(base)) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """Yield a Jupyter server without a dispatcher at the test's beginning and end."""
    shared.begin()
    yield shared
    if shared.dispatcher is not None:
        with suppress(FloeError), connect(start=False, path=shared.connection) as client:
            client.call("shutdown")
    until(lambda: shared.dispatcher is None, "the dispatcher to end")
    until(lambda: shared.ask("floe/status")["pages"] == 0, "the pages of the test to be closed")


@pytest.fixture
def kernel(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    """Yield a function that makes clients like the server's kernels; the first starts the dispatcher, unknown to other tests."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    clients: list[Client] = []

    def make(session: str = "", name: str = "kernel") -> Client:
        clients.append(connect(client=name, session=session, path=server.connection, command=REAL))
        return clients[-1]

    yield make
    for client in clients:
        with suppress(FloeError):
            client.close()


@pytest.fixture
def visit(server: Server) -> Iterator[Callable[..., Page]]:
    """Yield a function that opens pages; close all pages at the end."""
    pages: list[Page] = []

    def make(**options: object) -> Page:
        pages.append(server.page(**options))
        return pages[-1]

    yield make
    for opened in pages:
        with suppress(OSError):
            opened.close()


@pytest.fixture(autouse=True, scope="session")
def nothing_left() -> Iterator[None]:
    """Fail if a process started by the servers outlives them."""
    mark = f"FLOE_SERVER_TESTS_{os.getpid()}"
    os.environ[mark] = "1"
    yield
    del os.environ[mark]

    def left() -> list[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and mark in process.environ() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} of {process.ppid()}: {' '.join(process.cmdline())}")
        return found

    try:
        until(lambda: not left(), "the end of all processes of these tests", within=5.0)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left()}") from None
