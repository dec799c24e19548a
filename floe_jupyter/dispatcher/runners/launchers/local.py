"""The launcher of ``local:``: a runner that is a child process. Imports no heavy module: a runner is started first of all."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.errors import EnvironmentFailed

_children: set[int] = set()
"""Process ids of runners and helpers started and not closed yet."""
CLEARED_WITHIN = 0.5
"""Maximum seconds to wait for the end of processes left behind by a runner."""
TAIL = 2_000
"""Maximum bytes of a runner's output shown when the runner ends."""
HELLO_WITHIN = 20.0
"""Seconds that a local runner gets to say hello."""


class RunnerProcess:
    """A child process, the leader of its own session. `descriptor` becomes readable when the process has ended."""

    news = -1
    connection = None
    where = ""
    same_memory = True
    same_files = True
    leased = False
    hello_within = HELLO_WITHIN
    version_cure = "restart the kernel or server that started the dispatcher, or end it with `%floe restart`"

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

    def progress(self) -> list[str]:
        """Return no line: a local runner starts in a moment."""
        return []

    def stop(self) -> None:
        """Close the lifeline."""
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def kill(self) -> None:
        """Kill the process and its whole session at once."""
        self._kill_session()

    def _kill_session(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

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
        self._kill_session()
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        _children.discard(self.pid)
        self._release()

    def _release(self) -> None:
        _end_orphans()
        self.stop()
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
    """Become the parent of orphaned descendants. Only for a process whose children are all runners and helpers."""
    global _adopts
    from floe_jupyter.wire import processes

    _adopts = processes.set_subreaper()


def launch_local(order: LaunchOrder) -> RunnerProcess:
    """Start a ``local:`` runner: a child process that ends with the dispatcher."""
    context = order.context
    command = [sys.executable, "-P", "-m", "floe_jupyter.runner"]
    if context.folder:
        command += ["--folder", context.folder]
    if context.interpreter:
        command += ["--interpreter", context.interpreter]
    return start(command, order, context.variables or os.environ)


def start(command: list[str], order: LaunchOrder, variables: Mapping[str, str] = os.environ) -> RunnerProcess:
    """Start a runner's program with the arguments of a runner. Raises `EnvironmentFailed`."""
    ours, theirs = inherited_pipe()
    arguments = [*command, *runner_arguments(order), "--lifeline", str(theirs)]
    log = log_of(order)
    try:
        return RunnerProcess(spawn(arguments, order.url, log, variables), ours, log)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)


def runner_arguments(order: LaunchOrder, endpoint: str = "", memory: str = "shared") -> list[str]:
    """Return the arguments of every runner: *endpoint* is the order's as the runner sees it, *memory* ``none`` for a runner with
    other shared memory.
    """
    return ["--memory", memory, "--connect", endpoint or order.endpoint, "--url", order.url, "--epoch", str(order.epoch)]


def log_of(order: LaunchOrder) -> str:
    """Return the path of the file for the output of a launch."""
    return os.path.join(order.directory, f"runner-{os.path.basename(order.endpoint)[:12]}.log")


def spawn(arguments: list[str], url: str, log: str, variables: Mapping[str, str], out: int = -1) -> int:
    """Start a program as the leader of a session, with its output in *log*, the standard output in the descriptor *out* if given.

    Raises `EnvironmentFailed`.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 2 if out < 0 else out, 1),
    ]
    try:
        return os.posix_spawn(arguments[0], arguments, variables, file_actions=actions, setsid=True, setsigdef=[signal.SIGPIPE])
    except OSError as error:
        raise EnvironmentFailed(f"the runner {url} cannot be started: {error}") from error


def inherited_pipe() -> tuple[int, int]:
    """Return the writing end of a pipe, which closes when this process ends, and the reading end, which a child inherits."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)  # noqa: FBT003 - takes no name
    return writing, reading


def endpoint_in(directory: str) -> str:
    """Return a new address in *directory* that cannot be guessed."""
    return f"ipc://{directory}/r-{os.urandom(16).hex()}"
