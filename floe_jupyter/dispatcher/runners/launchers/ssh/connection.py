"""Connection of ssh to the program `boot` on another machine."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from importlib import resources
from typing import Any

from floe_jupyter.dispatcher.runners.launchers.ssh.words import cause_of
from floe_jupyter.errors import EnvironmentFailed

MARK = b"floe-jupyter "
OPTIONS = {
    "BatchMode": "yes",  # nobody answers a question
    "ClearAllForwardings": "yes",
    "ConnectTimeout": "20",
    "ControlMaster": "yes",
    "ControlPersist": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "5",
}
"""Options of the connection; everything else is the user's own configuration."""
FORWARD_WITHIN = 20.0
"""Seconds for the forwarding of the dispatcher's socket."""
PUT_WITHIN = 150.0
"""Seconds for copying a program."""
END_WITHIN = 5.0
"""Seconds for the end of a connection whose runner was told to end."""
KEPT = 4_000
"""Maximum bytes kept of what ssh printed last."""
LINE = 65_536
"""Maximum bytes of a line from the other machine."""


class SshConnection:
    """One login. *control* is the path of the socket by which ssh takes further orders.

    *lifeline* is a descriptor that is readable when nobody needs the connection any more. *directory* is that of the lost
    connection whose place this one takes.
    """

    def __init__(self, host: str, control: str, lifeline: int, directory: str = "") -> None:
        """Start ssh. Raises `EnvironmentFailed`."""
        self.host, self._control, self._lifeline = host, control, lifeline
        limit = {"ConnectTimeout": "3"} if directory else {}
        options = [f"-o{name}={value}" for name, value in {**OPTIONS, **limit}.items()]
        command = ["ssh", "-T", "-S", control, *options, host, _program(directory)]
        try:
            self._ssh = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise EnvironmentFailed(f"ssh cannot be started: {error.strerror}; install it (openssh-client)") from None
        assert self._ssh.stdin is not None
        assert self._ssh.stdout is not None
        assert self._ssh.stderr is not None
        self._stdin = self._ssh.stdin
        self._out, self._err = self._ssh.stdout.fileno(), self._ssh.stderr.fileno()
        os.set_blocking(self._stdin.fileno(), False)
        self._open = {self._out, self._err}
        self._begun = b""
        self._lines: list[tuple[str, dict[str, Any]]] = []
        self._printed = b""
        self.told = False
        """True if the program there has told why it cannot serve."""

    @property
    def descriptors(self) -> list[int]:
        """Descriptors that become readable with news; none when the connection has ended."""
        return sorted(self._open)

    def receive(self, within: float, what: str) -> tuple[str, dict[str, Any]]:
        """Return the next line of the program there. Raises `EnvironmentFailed`, naming *what* was awaited."""
        deadline = time.monotonic() + within
        while not self._lines:
            if not self._open:
                raise EnvironmentFailed(self.cause())
            left = deadline - time.monotonic()
            if left <= 0:
                raise EnvironmentFailed(f"waited {within:g} s for {what} on {self.host}; look with `ssh {self.host}`")
            self.look(left)
            self._require_owner()
        kind, said = self._lines.pop(0)
        if kind == "cause":
            self.told = True
            raise EnvironmentFailed(f"{self.host}: {said['text']}")
        return kind, said

    def _require_owner(self) -> None:
        """Raise `EnvironmentFailed` if the dispatcher, which the connection is for, has let go of it."""
        if select.select([self._lifeline], [], [], 0)[0]:
            raise EnvironmentFailed("the dispatcher needs the runner no more")

    def look(self, within: float = 0.0) -> None:
        """Read what has arrived, waiting at most *within* seconds for something."""
        ready = select.select([self._lifeline, *self.descriptors], [], [], within)[0]
        for fd in self._open.intersection(ready):
            data = os.read(fd, LINE)
            if not data:
                self._open.discard(fd)
            elif fd == self._err:
                self._print(data)
            else:
                self._split(data)

    def _split(self, data: bytes) -> None:
        *lines, begun = (self._begun + data).split(b"\n")
        self._begun = begun[:LINE]
        for line in lines:
            if line.startswith(MARK):
                kind, said = json.loads(line[len(MARK) :])
                self._lines.append((kind, said))
            else:
                self._print(line + b"\n")

    def _print(self, data: bytes) -> None:
        """Keep what was printed, for the cause of an end, and put it into the runner's log."""
        self._printed = (self._printed + data)[-KEPT:]
        os.write(2, data)

    def taken(self) -> tuple[str, dict[str, Any]] | None:
        """Return a line that has arrived, if any."""
        return self._lines.pop(0) if self._lines else None

    def send(self, data: bytes, within: float) -> None:
        """Write all of *data*. Raises `EnvironmentFailed` if the other end does not take it in time."""
        view, deadline = memoryview(data), time.monotonic() + within
        while view:
            left = deadline - time.monotonic()
            if left <= 0 or not self._open:
                raise EnvironmentFailed(self.cause() if not self._open else f"{self.host} took no data for {within:g} s")
            readable, writable, _ = select.select([self._lifeline, *self.descriptors], [self._stdin], [], left)
            if readable:
                self.look()
                self._require_owner()
            if writable:
                try:
                    view = view[os.write(self._stdin.fileno(), view[:LINE]) :]
                except BrokenPipeError:
                    raise EnvironmentFailed(self.cause()) from None

    def forward(self, there: str, here: str) -> None:
        """Forward the socket *there* to the socket *here*. Raises `EnvironmentFailed`."""
        command = ["ssh", "-S", self._control, "-O", "forward", "-R", f"{there}:{here}", self.host]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=FORWARD_WITHIN, check=False)
        except subprocess.TimeoutExpired:
            raise EnvironmentFailed(f"waited {FORWARD_WITHIN:g} s for {self.host} to forward a socket") from None
        if done.returncode:
            printed = done.stderr.decode("utf-8", "replace") or "remote port forwarding failed"
            raise EnvironmentFailed(cause_of(self.host, printed, done.returncode))

    def put(self, here: str, directory: str) -> str:
        """Copy the program *here* into a directory of the other machine; return its path there. Raises `EnvironmentFailed`."""
        there = f"{directory}/{os.path.basename(here)}"
        new = f"{there}.{os.getpid()}"
        order = f"umask 077; mkdir -p '{directory}' && cat > '{new}' && chmod 700 '{new}' && mv '{new}' '{there}'"
        with open(here, "rb") as file:
            try:
                done = subprocess.run(
                    ["ssh", "-T", "-S", self._control, self.host, f'sh -c "{order}"'],
                    stdin=file,
                    capture_output=True,
                    timeout=PUT_WITHIN,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise EnvironmentFailed(f"waited {PUT_WITHIN:g} s for {here} to be copied to {self.host}") from None
        if done.returncode:
            raise EnvironmentFailed(f"{here} cannot be copied to {self.host}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return there

    def answer(self, line: str) -> None:
        """Send a line to the program there."""
        self.send(f"{line}\n".encode(), FORWARD_WITHIN)

    def end_runner(self) -> None:
        """Tell the program there to end the runner."""
        with contextlib.suppress(OSError):  # the connection is lost or full: the runner's lease ends it
            os.write(self._stdin.fileno(), b"end\n")

    def cause(self) -> str:
        """Return why the connection ended."""
        try:
            code = self._ssh.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            return f"ssh to {self.host} closed its outputs and did not end"
        return cause_of(self.host, self._printed.decode("utf-8", "replace"), code)

    def close(self) -> None:
        """End the connection, whatever its state."""
        if self._ssh.poll() is None:
            self._ssh.kill()
        self._ssh.wait()
        for pipe in (self._ssh.stdin, self._ssh.stdout, self._ssh.stderr):
            assert pipe is not None
            pipe.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._control)  # what a killed ssh leaves would keep the next one from taking orders


def _program(directory: str) -> str:
    """Return the command for the other machine, whose shell may be any: base64 has no character that a shell would read."""
    boot = resources.files(__package__).joinpath("boot.py").read_bytes()
    text = base64.b64encode(boot).decode()
    place = f"directory='{directory}';" if directory else ""
    return f"exec python3 -c \"{place}program='{text}';import base64;exec(base64.b64decode(program))\""
