"""Starting runners, by the scheme of their URL. Imports nothing heavy: a runner is started before all else.

A launcher is a callable ``(url, endpoint, directory) -> Process``. This one knows ``local:``, a process beside us; others
(containers, remote hosts) are registered in `LAUNCHERS` under their scheme.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from floe_jupyter.errors import EnvironmentFailed, unknown

TAIL = 2_000
"""So many bytes of what a runner printed are shown when it ends."""


class Process:
    """A runner's process, the leader of its own session. `descriptor` can be read once it has ended."""

    def __init__(self, pid: int, lifeline: int, log: str) -> None:
        self.pid = pid
        self.log = log
        self.descriptor = os.pidfd_open(pid)
        self._lifeline = lifeline
        self._status: int | None = None

    def ended(self) -> str:
        """How it ended, for people; empty while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if not pid:
                return ""
            self._status = os.waitstatus_to_exitcode(status)
        code = self._status
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def kill(self) -> None:
        """End it and everything of its session at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def tail(self) -> str:
        """The last lines that it printed."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def close(self) -> None:
        """Let go: kills what is left, and takes note of its end."""
        self.kill()
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._lifeline)
        os.close(self.descriptor)


Launcher = Callable[[str, str, str], Process]


def launch_local(url: str, endpoint: str, directory: str) -> Process:
    """``local:`` is a process on this machine that ends when we do."""
    return start([sys.executable, "-P", "-m", "floe_jupyter.runner"], url, endpoint, directory)


def start(command: list[str], url: str, endpoint: str, directory: str) -> Process:
    """Start a runner's program: it inherits the reading end of a pipe whose other end closes when this process ends."""
    ours, theirs = _pipe()
    log = os.path.join(directory, "runner.log")
    arguments = [*command, "--connect", endpoint, "--url", url, "--lifeline", str(theirs)]
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600),
               (os.POSIX_SPAWN_DUP2, 1, 2)]
    try:
        pid = os.posix_spawn(command[0], arguments, os.environ, file_actions=actions, setsid=True, setsigdef=[signal.SIGPIPE])
    except OSError as error:
        raise EnvironmentFailed(f"the runner {url} cannot be started: {error}") from error
    finally:
        os.close(theirs)
    return Process(pid, ours, log)


def _pipe() -> tuple[int, int]:
    """(writing end, reading end that a child inherits)."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)  # noqa: FBT003 - takes no name
    return writing, reading


LAUNCHERS: dict[str, Launcher] = {"local": launch_local}


def endpoint_in(directory: str) -> str:
    """A new address in *directory* that cannot be guessed."""
    return f"ipc://{directory}/r-{os.urandom(16).hex()}"


def launcher_of(url: str, launchers: dict[str, Launcher]) -> Launcher:
    """Raises `UnknownName` for a scheme that nothing here can start."""
    scheme = url.partition(":")[0]
    if scheme not in launchers:
        raise unknown("kind of runner", scheme, launchers)
    return launchers[scheme]
