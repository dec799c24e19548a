"""A private dispatcher for every test, with a stand-in for its runner; no process or file may be left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import Client, connect
from tests.dispatcher.kit import COMMAND, REAL, ROOT, Processes


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the path of the connection file of this test's dispatcher."""
    monkeypatch.setenv("FLOE_CONNECTION", str(tmp_path / "floe.json"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return str(tmp_path / "floe.json")


@pytest.fixture
def attach(path: str) -> Iterator[Callable[..., Client]]:
    """Yield a function that makes clients; the first client starts the dispatcher. Close all clients at the end."""
    clients: list[Client] = []

    def make(name: str = "test", **options: Any) -> Client:
        clients.append(connect(client=name, **{"path": path, "command": COMMAND, **options}))
        return clients[-1]

    yield make
    for client in clients:
        with suppress(FloeError):
            client.close()


@pytest.fixture
def client(attach: Callable[..., Client], processes: Processes) -> Client:
    """Return a client of a running dispatcher."""
    made = attach()
    processes.watch(made.pid)
    return made


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Yield processes to be gone at the end of the test, at the latest two seconds after the last client."""
    watched = Processes()
    yield watched
    for process in watched.all():
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def real(attach: Callable[..., Client], processes: Processes) -> Client:
    """Return a client of a dispatcher with real runners."""
    made = attach(command=REAL)
    processes.watch(made.pid)
    return made
