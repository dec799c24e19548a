"""The heavy half of a dispatcher's start: log, data directory, store."""

from __future__ import annotations

import os

from floe_jupyter.dispatcher.data_directory import claim
from floe_jupyter.dispatcher.dispatcher import Dispatcher
from floe_jupyter.dispatcher.runners.launchers.model import Launcher
from floe_jupyter.dispatcher.runners.launchers.registry import LAUNCHERS
from floe_jupyter.dispatcher.runners.runners import Started
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.client.connection import data_directory

LOG_BYTES = 1024 * 1024
"""Maximum bytes of a log continued by the next dispatcher; a longer log is emptied first."""


def start(path: str, directory: str, data: str, started: list[Started], launchers: dict[str, Launcher] = LAUNCHERS) -> Dispatcher:
    """Create a serving dispatcher. Raises `EnvironmentFailed` if the data directory cannot be used."""
    data = data or data_directory(path)
    claim(data)
    _log(os.path.join(data, "dispatcher.log"))
    store = SqliteStore(os.path.join(data, "store.sqlite"))
    return Dispatcher(path, directory, data, store, launchers, started)


def _log(path: str) -> None:
    """Send the standard error output to the log at *path*. Errors are written; users' values and keys are not."""
    if os.path.exists(path) and os.path.getsize(path) > LOG_BYTES:
        os.truncate(path, 0)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
