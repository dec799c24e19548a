"""The heavy half of a dispatcher's start: its log, its data directory, its store."""

from __future__ import annotations

import fcntl
import os

from floe_jupyter.dispatcher.launch import LAUNCHERS, Launcher
from floe_jupyter.dispatcher.runners import Started
from floe_jupyter.dispatcher.serve import Dispatcher
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.connection import data_directory

LOG_BYTES = 1024 * 1024
"""A log that is longer starts anew with the next dispatcher."""


def start(path: str, directory: str, data: str, started: dict[str, Started],
          launchers: dict[str, Launcher] = LAUNCHERS) -> Dispatcher:
    """A dispatcher that serves. Raises `EnvironmentFailed` when its directory cannot be used."""
    data = data or data_directory(path)
    _lock(data)
    _log(os.path.join(data, "dispatcher.log"))
    store = SqliteStore(os.path.join(data, "store.sqlite"))
    return Dispatcher(path, directory, data, store, launchers, started)


def _lock(data: str) -> None:
    """One dispatcher a data directory. The lock lives as long as the process."""
    try:
        os.makedirs(data, mode=0o700, exist_ok=True)
        os.chmod(data, 0o700)
        file = os.open(os.path.join(data, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentFailed(f"the data directory {data} cannot be written: {error.strerror}; make it writable, or set "
                                "XDG_DATA_HOME to a directory that is") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise EnvironmentFailed(f"another dispatcher uses {data}; end it, or wait until it has ended") from None


def _log(path: str) -> None:
    """What goes wrong is written there; of users' values and keys, nothing is."""
    if os.path.exists(path) and os.path.getsize(path) > LOG_BYTES:
        os.truncate(path, 0)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
