"""A private container engine for tests: ``python keeper.py DIRECTORY DATA``.

The engine lives as long as somebody is connected to the socket ``DIRECTORY/users``, however the tests end. Images stay in DATA.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

FIRST_WITHIN = 60.0
"""Seconds until the first user comes."""
END_WITHIN = 20.0
"""Seconds that the engine gets to end its containers and itself."""


def main(directory: Path, data: Path) -> None:
    """Run the engine until its last user is gone."""
    users = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    users.bind(str(directory / "users"))
    users.listen(64)
    engine = start(directory, data)
    try:
        wait_for_end(users, engine)
    finally:
        engine.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(END_WITHIN)
        engine.kill()
        for _ in range(3):  # a mount may be busy for a moment
            shutil.rmtree(directory, ignore_errors=True)


def start(directory: Path, data: Path) -> subprocess.Popen[bytes]:
    """Start the engine, which ends with this process."""
    command = ["dockerd", "--host", f"unix://{directory}/docker.sock", "--exec-root", f"{directory}/exec"]
    options = ["--data-root", str(data), "--pidfile", f"{directory}/pid", "--group", "root"]
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, *options],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0),  # noqa: PLW1509 - there is one thread
        )


def wait_for_end(users: socket.socket, engine: subprocess.Popen[bytes]) -> None:
    """Return when the last user is gone, none comes, or the engine has ended."""
    connected: list[socket.socket] = []
    first = time.monotonic() + FIRST_WITHIN
    came = False
    while engine.poll() is None and (connected or (not came and time.monotonic() < first)):
        for ready in select.select([users, *connected], [], [], 1.0)[0]:
            if ready is users:
                connected.append(users.accept()[0])
                came = True
            elif not ready.recv(1):
                connected.remove(ready)
                ready.close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the tests
    main(Path(sys.argv[1]), Path(sys.argv[2]))
