"""Packages of modules in containers: a builder, a second container with a network, fills a directory that runners see read-only.

A runner asks over a socket beside its other ones; a builder runs the program by which other runners make environments themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

import msgspec

from floe_jupyter.containers import hardening
from floe_jupyter.containers.attached import AttachedStreams
from floe_jupyter.containers.ending import end_of
from floe_jupyter.containers.engine import connect
from floe_jupyter.core.flow.container_address import ContainerAddress
from floe_jupyter.errors import FloeError
from floe_jupyter.wire import processes

REQUEST_WITHIN = 5.0
"""Seconds that a runner gets to send its request."""
LONGEST = 64 * 1024
"""Maximum bytes of a request."""
BUILDER = ContainerAddress("", memory=2 << 30, cpus=2.0, pids=512, network=True)
_UNTIL_ALONE = 'exec 3<&0; "$@" & made=$!; (cat <&3 >/dev/null; kill -9 $made) & wait $made'
"""Shell program that runs a command until the standard input ends: it ends with the process that keeps the runner."""


class WantedPackages(msgspec.Struct, frozen=True):
    """Packages that a runner wants."""

    lang: str
    deps: list[str]
    build: bool = False

    @property
    def command(self) -> list[str]:
        """Command that makes the environment."""
        return [
            "python3",
            "-P",
            "-m",
            "floe_jupyter.runner.environments.make",
            *["--build-deps"] * self.build,
            self.lang,
            *self.deps,
        ]


def listen(sockets: str) -> socket.socket:
    """Return a socket for the requests of one runner, beside its other sockets."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.path.join(sockets, hardening.BUILDER_SOCKET))
    listener.listen(8)
    return listener


def serve(listener: socket.socket, image: str, address: ContainerAddress) -> None:
    """Serve requests one by one, in a thread that ends with the process."""

    def loop() -> None:
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for line in _answer(connection, image, address):
                    connection.sendall(line + b"\n")

    threading.Thread(target=loop, daemon=True).start()


def _answer(connection: socket.socket, image: str, address: ContainerAddress) -> Iterator[bytes]:
    """Run a builder; give the lines of its output, JSON objects, the last of them with the exit status."""
    import docker

    try:
        request = _read(connection)
        status = yield from _build(connect(address.engine), image, request)
    except (FloeError, docker.errors.DockerException, OSError, ValueError) as error:
        yield json.dumps({"error": f"the packages cannot be installed in a container: {error}"}).encode()
        status = 1
    yield json.dumps({"exit": status}).encode()


def _read(connection: socket.socket) -> WantedPackages:
    connection.settimeout(REQUEST_WITHIN)
    with connection.makefile("rb") as file:
        return msgspec.json.decode(file.readline(LONGEST), type=WantedPackages)


def _build(client: Any, image: str, request: WantedPackages) -> Generator[bytes, None, int]:
    container = client.containers.create(
        image,
        ["sh", "-c", _UNTIL_ALONE, "sh", *request.command],
        **hardening.builder_options(BUILDER, processes.identity(os.getpid())),
    )
    since = time.time() - 1.0
    streams = AttachedStreams(client.api.attach_socket(container.id, {"stdin": 1, "stdout": 1, "stream": 1}))
    try:
        container.start()
        yield from _lines(streams)
        status = end_of(client, container.id, since).status
        return 1 if status is None else status
    finally:
        streams.close()


def _lines(streams: AttachedStreams) -> Iterator[bytes]:
    """Give the whole lines of an output until it ends."""
    rest = b""
    with contextlib.suppress(EOFError):
        while True:
            *lines, rest = (rest + streams.read()).split(b"\n")
            yield from lines
