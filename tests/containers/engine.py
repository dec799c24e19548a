"""The engine of the tests: the one that answers here, else a private one, shared by all processes of the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from floe_jupyter.containers import images
from floe_jupyter.containers.build import build
from floe_jupyter.containers.engine import connect
from floe_jupyter.errors import EnvironmentFailed

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "engine"
"""Images of the private engine, kept between sessions: a base takes half a minute."""
STARTED_WITHIN = 60.0
"""Seconds until the private engine answers."""


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process of the tests at a time go on."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def answering() -> bool:
    """Whether an engine answers on this machine, so that none has to be started."""
    try:
        connect().close()
    except EnvironmentFailed:
        return False
    return True


def lacking() -> str:
    """What this machine lacks for a private engine; empty if nothing."""
    if os.getuid():
        return "root, to start a private container engine"
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return next(
        (f"the program {name!r}" for name in ("dockerd", "containerd", "runc", "iptables") if not shutil.which(name, path=path)),
        "",
    )


def private() -> tuple[str, socket.socket]:
    """Return the URL of the private engine, started if no process of the tests has, and the connection that keeps it up."""
    with locked("lock"):
        note = CACHE / "directory"
        directory = Path(note.read_text()) if note.exists() else None
        user = directory and _user(directory)
        if not user:
            directory = Path(tempfile.mkdtemp(prefix="floe-engine-"))
            note.write_text(str(directory))
            user = _started(directory)
    return f"unix://{directory}/docker.sock", user


def _user(directory: Path) -> socket.socket | None:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.connect(str(directory / "users"))
    except OSError:
        found.close()
        return None
    return found


def _started(directory: Path) -> socket.socket:
    keeper = Path(__file__).with_name("keeper.py")
    process = subprocess.Popen(
        [sys.executable, str(keeper), str(directory), str(CACHE / "data")], start_new_session=True, stdin=subprocess.DEVNULL
    )
    user = until(lambda: _user(directory), "the keeper of the engine to listen", process)
    until(lambda: (directory / "docker.sock").exists() and _pings(directory), "the engine to answer", process)
    process.returncode = 0  # it ends with its last user, which may be another process
    return user


def _pings(directory: Path) -> bool:
    try:
        connect(f"unix://{directory}/docker.sock").close()
    except EnvironmentFailed:
        return False
    return True


def until(condition: Callable[[], Any], what: str, process: subprocess.Popen[bytes]) -> Any:
    """Return what *condition* gives, once it is true."""
    deadline = time.monotonic() + STARTED_WITHIN
    while not (found := condition()):
        assert process.poll() is None, f"waited for {what}, but the keeper of the engine ended"
        assert time.monotonic() < deadline, f"waited {STARTED_WITHIN:g} s for {what}"
        time.sleep(0.02)
    return found


def built(client: Any) -> dict[str, float]:
    """Build the default image if it is missing or of other code; return the seconds of each step."""
    times: dict[str, float] = {}
    steps = [("", time.monotonic())]

    def report(step: str) -> None:
        now = time.monotonic()
        if steps[-1][0]:
            times[steps[-1][0]] = now - steps[-1][1]
        steps.append((step, now))

    with locked("build"):
        try:
            images.find(client, images.DEFAULT_IMAGE)
        except EnvironmentFailed:
            build(client, (), "", report)
            report("")
    return times
