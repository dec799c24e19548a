"""A process that joins, as a user starts it; and peers that must not come in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import zmq

from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.join_files import JoinFile
from tests.dispatcher.kit import until
from tests.processes import alive

LAB = "join:lab1"
COMMAND = (sys.executable, "-m", "floe_jupyter.cli", "runner")


class Joined:
    """``floe runner --key FILE``."""

    def __init__(
        self,
        client: Client,
        name: str,
        file: str,
        *,
        lease: float = 40.0,
        prefix: tuple[str, ...] = (),
        connect: str = "",
        more: tuple[str, ...] = (),
    ) -> None:
        self.client, self.name, self.file = client, name, file
        self.log = Path(tempfile.mkstemp(prefix="joined-")[1])
        arguments = ["--key", file, "--lease", str(lease), *(["--connect", connect] if connect else []), *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, *COMMAND, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait(self, text: str, within: float = 15.0) -> None:
        """Wait until the process has said *text*."""
        try:
            until(lambda: text in self.said, f"the joined process to say {text!r}", within)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.said}") from None

    def runners(self) -> list[psutil.Process]:
        """Return the processes of runners of this process."""
        found = []
        for process in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if alive(process) and "floe_jupyter.runner" in process.cmdline():
                    found.append(process)
        return found

    def number(self) -> int:
        """Return the number of the launch of the only runner."""
        [runner] = self.runners()
        arguments = runner.cmdline()
        return int(arguments[arguments.index("--epoch") + 1])

    def all(self) -> list[psutil.Process]:
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def pause(self) -> list[psutil.Process]:
        """Stop the process and all below; return them."""
        found = self.all()
        for process in found:
            process.suspend()
        return found

    def status(self) -> str:
        """Return the status that the dispatcher lists."""
        return str(next(row["status"] for row in self.client.call("keys")["keys"] if row["name"] == self.name))

    def end(self, sign: int = signal.SIGTERM) -> None:
        """End the process; it has 5 s."""
        try:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGCONT)
                self.process.send_signal(sign)
                self.process.wait(5)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(5)
            print(self.said)
            self.log.unlink(missing_ok=True)


@contextmanager
def peer(endpoint: str, file: JoinFile | None) -> Iterator[zmq.Socket[bytes]]:
    """Yield a DEALER with the keys of *file*, or without encryption."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.setsockopt(zmq.ROUTING_ID, b"lab1")
        if file is not None:
            keys = ((zmq.CURVE_SERVERKEY, file.server), (zmq.CURVE_PUBLICKEY, file.public), (zmq.CURVE_SECRETKEY, file.secret))
            for option, key in keys:
                dealer.setsockopt(option, bytes.fromhex(key))
        dealer.connect(endpoint)
        yield dealer
