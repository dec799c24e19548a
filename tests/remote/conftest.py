"""A second machine for all tests of a session, and private dispatchers that know it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from floe_jupyter.wire.client.client import Client
from tests.conftest import missing as skip
from tests.dispatcher.conftest import attach, path, processes, real
from tests.dispatcher.kit import REAL, Processes
from tests.remote.machine import FarMachine, missing

__all__ = ["attach", "path", "processes", "real"]

GONE_WITHIN = 5.0
"""Seconds in which nothing may be left on the other machine after the last client has gone."""


@pytest.fixture(scope="session")
def machine() -> Iterator[FarMachine]:
    """Yield the second machine."""
    if problem := missing():
        skip("the second machine", problem)
    made = FarMachine()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def far(machine: FarMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarMachine]:
    """Yield the second machine, known to ssh as ``far``; nothing may be left there at the end."""
    monkeypatch.setenv("PATH", machine.path)
    yield machine
    left: list[object] = []
    deadline = time.monotonic() + GONE_WITHIN
    while (left := [*machine.processes(), *machine.files()]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"still on the other machine {GONE_WITHIN:g} s after the test: {left}"


@pytest.fixture
def client(far: FarMachine, attach: Callable[..., Client], processes: Processes) -> Iterator[Client]:
    """Yield a client of a dispatcher that knows the second machine; all local processes have to end with the client."""
    assert far.path  # which is in the dispatcher's environment
    made = attach(command=REAL)
    processes.watch(made.pid)
    yield made
    processes.all()
    made.close()
    processes.wait_gone(GONE_WITHIN)
