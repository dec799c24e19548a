from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from floe_jupyter.errors import PeerGone
from floe_jupyter.wire.client.client import Client, connect


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Yield a client of a private dispatcher; end the dispatcher with all its processes afterwards."""
    monkeypatch.setenv("FLOE_CONNECTION", str(tmp_path / "connection.json"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    client = connect()
    yield client
    with contextlib.suppress(PeerGone):  # a test may have ended it
        client.call("shutdown")
    client.close()
