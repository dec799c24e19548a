"""Processes that join a private dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.conftest import attach, path, processes, real
from tests.dispatcher.kit import REAL, Processes
from tests.joined.kit import Joined
from tests.remote.conftest import machine

__all__ = ["attach", "machine", "path", "processes", "real"]


@pytest.fixture
def client(attach: Callable[..., Client], processes: Processes) -> Client:
    """Return a client of a dispatcher with real runners."""
    made = attach(command=REAL)
    processes.watch(made.pid)
    return made


@pytest.fixture
def join(client: Client, tmp_path: Path) -> Iterator[Callable[..., Joined]]:
    """Yield a function that adds a key and starts a process that joins with it; all end with the test."""
    started: list[Joined] = []

    def start(name: str = "lab1", *, listen: str = "tcp://127.0.0.1:0", wait: bool = True, **options: object) -> Joined:
        added = client.call("add_key", name=name, listen="" if client.call("keys")["listens"] else listen)
        started.append(Joined(client, name, added["file"], **options))
        if wait:
            started[-1].wait("connected")
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.fixture
def joined(join: Callable[..., Joined]) -> Joined:
    """Return a process that has joined as ``lab1``."""
    return join()
