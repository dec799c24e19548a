"""The heavy half of a dispatcher's start: its log, its data directory, its store."""

from __future__ import annotations

import os

from floe_jupyter.dispatcher.launch import LAUNCHERS, Launcher
from floe_jupyter.dispatcher.owned import own
from floe_jupyter.dispatcher.runners import Started
from floe_jupyter.dispatcher.serve import Dispatcher
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.connection import data_directory

LOG_BYTES = 1024 * 1024
"""A log that is longer starts anew with the next dispatcher."""


def start(path: str, directory: str, data: str, started: dict[str, Started],
          launchers: dict[str, Launcher] = LAUNCHERS) -> Dispatcher:
    """A dispatcher that serves. Raises `EnvironmentFailed` when its directory cannot be used."""
    data = data or data_directory(path)
    own(data)
    _log(os.path.join(data, "dispatcher.log"))
    store = SqliteStore(os.path.join(data, "store.sqlite"))
    return Dispatcher(path, directory, data, store, launchers, started)


def _log(path: str) -> None:
    """What goes wrong is written there; of users' values and keys, nothing is."""
    if os.path.exists(path) and os.path.getsize(path) > LOG_BYTES:
        os.truncate(path, 0)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
