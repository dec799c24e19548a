"""Helper process of one runner on another machine: ``python -m floe_jupyter.dispatcher.runners.launchers.ssh.helper``.

It lives as long as the runner, and follows the contract of `floe_jupyter.dispatcher.runners.launchers.helper`.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from typing import Any

from floe_jupyter.dispatcher.runners.launchers.ssh.bundle import OtherPython, archive_for, key_of
from floe_jupyter.dispatcher.runners.launchers.ssh.connection import END_WITHIN, SshConnection
from floe_jupyter.errors import EnvironmentFailed, FloeError

LOGIN_WITHIN = 40.0
"""Seconds for the login and the start of a Python there."""
UNPACK_WITHIN = 120.0
"""Seconds for making the environment there."""
COPY_WITHIN = 45.0
"""Seconds for `COPIED` bytes."""
COPIED = 512 * 1024
"""Bytes copied between two reports of progress."""
LEASE = 40.0
"""Seconds without a word of the dispatcher after which the runner ends itself."""
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Start the runner, and wait for its end. Return the exit code."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # ssh then closes the runner's lifeline
    arguments = sys.argv[1:]
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    host, control = options.pop("--host"), os.path.join(options.pop("--directory"), "c")
    lifeline = int(options.pop("--lifeline"))
    connection = None
    try:
        say("progress", f"connecting to {host}")
        connection = SshConnection(host, control)
        start(connection, options.pop("--folder"), options)
        say("cause", serve(connection, lifeline))
    except FloeError as error:
        say("cause", " ".join(str(error).split()))
        return 1
    finally:
        if connection is not None:
            connection.close()
    return 0


def say(word: str, text: str) -> None:
    """Write a line for the dispatcher."""
    os.write(1, f"{word} {text}\n".encode())


def start(connection: SshConnection, folder: str, options: dict[str, str]) -> None:
    """Start the runner on the other machine. Raises `EnvironmentFailed`."""
    _, there = connection.receive(LOGIN_WITHIN, "a login and an answer of python3")
    say("where", there["host"])
    other = OtherPython(tuple(there["python"]), there["platform"], there["libc"] or "")
    key = key_of(other)
    if key not in there["cached"]:
        bring(connection, key, archive_for(other))
    socket = f"{there['directory']}/r"
    connection.forward(socket, options["--connect"].removeprefix("ipc://"))
    given = {**options, "--connect": f"ipc://{socket}", "--lease": str(LEASE)}
    order: dict[str, Any] = {"key": key, "folder": folder, "arguments": [word for pair in given.items() for word in pair]}
    say("progress", f"starting a runner on {connection.host}")
    connection.send(f"run {json.dumps(order)}\n".encode(), COPY_WITHIN)


def bring(connection: SshConnection, key: str, archive: bytes) -> None:
    """Copy the packages, and have them unpacked. Raises `EnvironmentFailed`."""
    size = f"{len(archive) / 1e6:.1f} MB"
    connection.send(f"bundle {key} {len(archive)}\n".encode(), COPY_WITHIN)
    for at in range(0, len(archive), COPIED):
        done = f", {100 * at // len(archive)} % done" if at else ""
        say("progress", f"copying floe-jupyter to {connection.host} ({size}{done})")
        connection.send(archive[at : at + COPIED], COPY_WITHIN)
    say("progress", f"unpacking floe-jupyter on {connection.host}")
    connection.receive(UNPACK_WITHIN, "the packages to be unpacked")


def serve(connection: SshConnection, lifeline: int) -> str:
    """Wait for the end of the runner, which the end of the lifeline brings about. Return how it ended."""
    deadline: float | None = None
    while connection.descriptors:
        watched = connection.descriptors if deadline else [lifeline, *connection.descriptors]
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select(watched, [], [], left)
        if deadline and not readable:
            break
        if lifeline in readable and not os.read(lifeline, 1):
            connection.let_go()
            deadline = time.monotonic() + END_WITHIN
        connection.look()
        while (said := connection.taken()) is not None:
            if said[0] == "ended":
                return str(said[1]["how"])
            raise EnvironmentFailed(f"{connection.host}: {said[1].get('text', said[0])}")
    return connection.cause()


if __name__ == "__main__":
    sys.exit(main())
