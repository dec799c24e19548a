"""Helper process of one runner on another machine: ``python -m floe_jupyter.dispatcher.runners.launchers.ssh.helper``.

It lives as long as the runner, and follows the contract of `floe_jupyter.dispatcher.runners.launchers.helper`.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from typing import Any, NamedTuple

from floe_jupyter.dispatcher.runners.launchers.ssh.bundle import OtherPython, archive_for, key_of
from floe_jupyter.dispatcher.runners.launchers.ssh.connection import END_WITHIN, SshConnection
from floe_jupyter.errors import EnvironmentFailed, FloeError
from floe_jupyter.wire.uv_program import find_uv

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
ATTACH_WITHIN = 10.0
"""Seconds for a login in the place of a lost one."""
PAUSE = 0.5
"""Seconds between two attempts to connect again."""
_PATH = re.compile(r"[\w./-]{2,80}\Z", re.ASCII)


def main() -> int:
    """Start the runner, and wait for its end. Return the exit code."""
    arguments = sys.argv[1:]
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    host, control = options.pop("--host"), os.path.join(options.pop("--directory"), "c")
    lifeline = int(options.pop("--lifeline"))
    try:
        say("cause", attend(Login(host, control, lifeline, options["--connect"].removeprefix("ipc://")), options))
    except FloeError as error:
        say("cause", " ".join(str(error).split()))
        return 1
    return 0


class Login(NamedTuple):
    """Means of connecting to the other machine."""

    host: str
    control: str
    """Path of the socket by which ssh takes further orders."""
    lifeline: int
    socket: str
    """Path of the dispatcher's socket."""


def attend(login: Login, options: dict[str, str]) -> str:
    """Start a runner and attend it, over one connection after another; return how it ended. Raises `EnvironmentFailed`."""
    say("progress", f"connecting to {login.host}")
    connection = SshConnection(login.host, login.control, login.lifeline)
    try:
        directory = start(connection, login, options)
        while (how := serve(connection, login.lifeline)) is None:
            connection.close()
            connection = connect_again(login, directory, connection.cause())
        return how
    finally:
        connection.close()


def say(word: str, text: str) -> None:
    """Write a line for the dispatcher."""
    os.write(1, f"{word} {text}\n".encode())


def start(connection: SshConnection, login: Login, options: dict[str, str]) -> str:
    """Start the runner on the other machine; return its directory there. Raises `EnvironmentFailed`."""
    _, there = connection.receive(LOGIN_WITHIN, "a login and an answer of python3")
    say("where", there["host"])
    other = OtherPython(tuple(there["version"]), there["platform"], there["libc"] or "")
    key = key_of(other)
    if key not in there["cached"]:
        bring(connection, key, archive_for(other))
    directory = str(there["directory"])
    if not _PATH.match(directory):
        raise EnvironmentFailed(f"{connection.host} has an odd directory for temporary files, {directory!r}: set TMPDIR there")
    connection.forward(f"{directory}/r", login.socket)
    folder = options.pop("--folder")
    given = {**options, "--connect": f"ipc://{directory}/r", "--lease": str(LEASE)}
    order: dict[str, Any] = {"key": key, "folder": folder, "arguments": [word for pair in given.items() for word in pair]}
    say("progress", f"starting a runner on {connection.host}")
    connection.send(f"run {json.dumps(order)}\n".encode(), COPY_WITHIN)
    return directory


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


def serve(connection: SshConnection, lifeline: int) -> str | None:
    """Wait for the end of the runner, which the end of the lifeline brings about. Return how it ended; None if the connection
    is lost. Raises `EnvironmentFailed` with a cause told by the other machine.
    """
    deadline: float | None = None
    while connection.descriptors:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        watched = connection.descriptors if deadline else [lifeline, *connection.descriptors]
        readable, _, _ = select.select(watched, [], [], left)
        if lifeline in readable:
            connection.end_runner()
            deadline = time.monotonic() + END_WITHIN
        elif deadline and not readable:
            return "it did not answer when it was told to end"
        connection.look()
        while (said := connection.taken()) is not None:
            if said[0] == "ended":
                return str(said[1]["how"])
            if said[0] == "want":
                bring_uv(connection, str(said[1]["directory"]))
                continue
            raise EnvironmentFailed(f"{connection.host}: {said[1].get('text', said[0])}")
    return None


def bring_uv(connection: SshConnection, directory: str) -> None:
    """Copy uv to the other machine, whose modules have dependencies, and tell the program there."""
    try:
        here = find_uv()
        if not here:
            raise EnvironmentFailed("uv is missing here, too")
        if not _PATH.match(directory):
            raise EnvironmentFailed(f"the directory {directory!r} there has an odd name")
        say("progress", f"copying uv to {connection.host} ({os.path.getsize(here) / 1e6:.0f} MB), which installs dependencies")
        connection.answer(f"path {connection.put(here, directory)}")
        say("progress", f"uv is on {connection.host}")
    except EnvironmentFailed as error:
        connection.answer(f"problem {error}")


def connect_again(login: Login, directory: str, cause: str) -> SshConnection:
    """Return a connection in the place of a lost one, while the runner lives by its lease. Raises `EnvironmentFailed`."""
    deadline = time.monotonic() + LEASE
    while time.monotonic() < deadline:
        say("progress", f"the connection to {login.host} was lost; connecting again")
        connection = SshConnection(login.host, login.control, login.lifeline, directory)
        try:
            connection.receive(ATTACH_WITHIN, "a login")
            connection.forward(f"{directory}/r", login.socket)
        except EnvironmentFailed as error:
            connection.close()
            if connection.told:
                raise
            cause = str(error)
        else:
            return connection
        if select.select([login.lifeline], [], [], PAUSE)[0]:
            break
    raise EnvironmentFailed(cause)


if __name__ == "__main__":
    sys.exit(main())
