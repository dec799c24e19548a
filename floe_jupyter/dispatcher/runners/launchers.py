"""Starting runners, by the scheme of their URL. Imports no heavy module: a runner is started first of all.

A launcher is a callable ``(url, endpoint, directory, context) -> Process``. The built-in launcher is for ``local:``, a child
process; others (containers, remote hosts) are registered in `LAUNCHERS` under their scheme.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping

from floe_jupyter.errors import EnvironmentFailed, unknown
from floe_jupyter.wire.process_context import INHERITED, ProcessContext

_children: set[int] = set()
"""Process ids of runners started and not closed yet."""
CLEARED_WITHIN = 0.5
"""Maximum seconds to wait for the end of processes left behind by a runner."""
TAIL = 2_000
"""Maximum bytes of a runner's output shown when the runner ends."""


class Process:
    """A runner's process, the leader of its own session. `descriptor` becomes readable when the process has ended."""

    def __init__(self, pid: int, lifeline: int, log: str) -> None:
        self.pid = pid
        self.log = log
        self.descriptor = os.pidfd_open(pid)
        _children.add(pid)
        self._lifeline = lifeline
        self._status: int | None = None

    def ended(self) -> str:
        """Return how the process ended, for users; empty while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if not pid:
                return ""
            self._status = os.waitstatus_to_exitcode(status)
        code = self._status
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def kill(self) -> None:
        """Kill the process and its whole session at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def tail(self) -> str:
        """Return the last lines printed by the process."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def close(self) -> None:
        """Kill remaining processes, reap the process, and release its descriptors and log."""
        self.kill()
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        _children.discard(self.pid)
        _end_orphans()
        os.close(self._lifeline)
        os.close(self.descriptor)
        with contextlib.suppress(OSError):
            os.unlink(self.log)


def _end_orphans() -> None:
    """End processes started by a runner that is gone, and adopted by the dispatcher since (see `adopt_orphans`)."""
    if _adopts:
        from floe_jupyter.wire import processes

        processes.end_adopted(_children, CLEARED_WITHIN)


_adopts = False


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants. Only for a process whose children are all runners."""
    global _adopts
    from floe_jupyter.wire import processes

    _adopts = processes.set_subreaper()


Launcher = Callable[[str, str, str, ProcessContext], Process]


def launch_local(url: str, endpoint: str, directory: str, context: ProcessContext = INHERITED) -> Process:
    """Start a ``local:`` runner: a child process that ends with the dispatcher. *context* is for the runner's first runtime."""
    command = [sys.executable, "-P", "-m", "floe_jupyter.runner"]
    if context.folder:
        command += ["--folder", context.folder]
    if context.interpreter:
        command += ["--interpreter", context.interpreter]
    return start(command, url, endpoint, directory, context.variables or os.environ)


def start(command: list[str], url: str, endpoint: str, directory: str, variables: Mapping[str, str] = os.environ) -> Process:
    """Start a runner's program, which inherits the reading end of a pipe; the writing end closes when the calling process ends.

    Raises `EnvironmentFailed`.
    """
    ours, theirs = _pipe()
    log = os.path.join(directory, f"runner-{os.path.basename(endpoint)[:12]}.log")
    arguments = [*command, "--connect", endpoint, "--url", url, "--lifeline", str(theirs)]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        pid = os.posix_spawn(command[0], arguments, variables, file_actions=actions, setsid=True, setsigdef=[signal.SIGPIPE])
    except OSError as error:
        raise EnvironmentFailed(f"the runner {url} cannot be started: {error}") from error
    finally:
        os.close(theirs)
    return Process(pid, ours, log)


def _pipe() -> tuple[int, int]:
    """Return the writing end of a pipe, and the reading end, which a child inherits."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)  # noqa: FBT003 - takes no name
    return writing, reading


LAUNCHERS: dict[str, Launcher] = {"local": launch_local}


def endpoint_in(directory: str) -> str:
    """Return a new address in *directory* that cannot be guessed."""
    return f"ipc://{directory}/r-{os.urandom(16).hex()}"


def launcher_of(url: str, launchers: dict[str, Launcher]) -> Launcher:
    """Return the launcher of a URL. Raises `UnknownName` if no launcher is registered for its scheme."""
    scheme = url.partition(":")[0]
    if scheme not in launchers:
        raise unknown("kind of runner", scheme, launchers)
    return launchers[scheme]
