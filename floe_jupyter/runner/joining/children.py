"""Runners as children of the process that joined a dispatcher."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable

from floe_jupyter.wire.joining import EndedLaunch, WantedLaunch
from floe_jupyter.wire.transport.loop import Loop

TAIL = 2_000
"""Maximum bytes of a runner's output that are told when it ends."""
END_WITHIN = 3.0
"""Seconds that a runner gets to end by itself."""


class ChildRunner:
    """A runner process. Its lifeline is its standard input; *ended* is called with how it ended."""

    def __init__(self, loop: Loop, launch: WantedLaunch, endpoint: str, file: str, ended: Callable[[EndedLaunch], None]) -> None:
        self.launch = launch
        self._loop, self._ended = loop, ended
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the runner lives
        arguments = ["--connect", endpoint, "--url", launch.url, "--epoch", str(launch.number), "--key", file]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "floe_jupyter.runner", *arguments, "--memory", "none", "--lifeline", "0"],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._descriptor = os.pidfd_open(self.pid)
        loop.watch(self._descriptor, lambda _: self._gone())

    def stop(self) -> None:
        """Have the runner end itself, and kill it after `END_WITHIN`."""
        assert self._process.stdin is not None
        if not self._process.stdin.closed:
            self._process.stdin.close()
            self._loop.after(END_WITHIN, self.kill)

    def kill(self) -> None:
        """Kill the runner and its session at once."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _gone(self) -> None:
        self.kill()  # processes of its session
        code = self._process.wait()
        self._loop.forget(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        self.stop()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._ended(EndedLaunch(self.launch.number, how, self._tail()))

    def _tail(self) -> str:
        with self._log as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL))
            return log.read().decode("utf-8", "replace").strip()
