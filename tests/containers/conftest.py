"""An engine, the image of runners, and clients whose dispatchers use them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.containers.engine import connect as connect_engine
from floe_jupyter.containers.hardening import OWNER_LABEL
from floe_jupyter.errors import PeerGone
from floe_jupyter.wire.client.client import Client, connect
from tests.conftest import missing
from tests.containers.engine import answering, built, lacking, private


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time the tests here without their fixtures: the first of them waits for the engine and the images."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(60, func_only=True))


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """Yield a client of the engine: the one that answers here, else a private one, which ends with the tests."""
    if answering():
        yield connect_engine()
        return
    if what := lacking():
        missing(what, "run `.ci/setup test` as root, or start an engine that answers your user (docker info)")
    url, user = private()
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = url
    client = connect_engine()
    yield client
    client.close()
    os.environ.pop("DOCKER_HOST")
    if before is not None:
        os.environ["DOCKER_HOST"] = before
    user.close()


@pytest.fixture(scope="session")
def image(engine: Any) -> str:
    """Return the name of the runner image, built if needed; the seconds are printed."""
    for step, seconds in built(engine).items():
        print(f"{step}: {seconds:.1f} s")
    return "floe-runner"


@pytest.fixture
def new_client(image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Client]]:
    """Return a function that makes a client of a dispatcher of its own, by name; all of them end with the test."""
    clients: list[Client] = []

    def make(name: str) -> Client:
        monkeypatch.setenv("FLOE_CONNECTION", str(tmp_path / f"{name}.json"))
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / f"{name}-data"))
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / f"{name}-runtime"))
        clients.append(connect())
        return clients[-1]

    yield make
    for client in clients:
        with contextlib.suppress(PeerGone):  # a test may have ended it
            client.call("shutdown")
        client.close()


@pytest.fixture
def client(new_client: Callable[[str], Client]) -> Client:
    """Return a client of a private dispatcher."""
    return new_client("one")


@pytest.fixture
def containers_of(engine: Any) -> Callable[[Client], dict[str, int]]:
    """Return a function that returns the containers of a client's runners: their ids, and the pid of each one's keeper."""

    def found(client: Client) -> dict[str, int]:
        keepers = {runner["pid"] for runner in client.call("runners")}
        every = engine.containers.list(all=True, sparse=True, ignore_removed=True, filters={"label": OWNER_LABEL})
        owners = {each.id: int(each.attrs["Labels"][OWNER_LABEL].partition(".")[0]) for each in every}
        return {name: pid for name, pid in owners.items() if pid in keepers}

    return found
