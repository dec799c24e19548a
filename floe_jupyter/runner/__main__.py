"""The runner's process: ``python -m floe_jupyter.runner --connect URL --url local: --lifeline FD``.

A Python runtime is started before most of the runner is even imported, so that both get ready at the same time.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import os
import signal
import sys
from collections.abc import Sequence

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.languages import interpreter
from floe_jupyter.runner.launch import Launched
from floe_jupyter.runner.loop import Loop

YOUNG = 10_000
"""So many new objects before a collection looks at them: little here is ever part of a cycle."""
PATIENCE = 0.3
"""Seconds that runtimes have to finish when the runner is asked to end. The dispatcher kills a runner after half a second: by
then it must have ended what modules have started, which nothing else ends.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="floe_jupyter.runner", description="Runs flows for a dispatcher.")
    parser.add_argument("--connect", required=True, help="the dispatcher's ZeroMQ address")
    parser.add_argument("--url", default="local:", help="what this runner is called")
    parser.add_argument("--lifeline", type=int, default=-1, help="a descriptor whose end means: the dispatcher is gone")
    options = parser.parse_args(arguments)
    warm = _warm()
    from floe_jupyter.runner.runner import Runner

    loop = Loop()
    ends = _Ends(loop, options.lifeline)
    runner = Runner(loop, options.connect, options.url, warm)
    gc.freeze()  # what the start made stays: no collection needs to look at it again
    gc.set_threshold(YOUNG, 20, 50)
    loop.run()
    loop.stopped = False
    runner.close(0.0 if ends.orphaned else PATIENCE)
    return 0


def _warm() -> Launched | None:
    try:
        return Launched(interpreter("python"))
    except (EnvironmentFailed, OSError):
        return None  # the first module that needs it will say so


class _Ends:
    """The ways in which a runner is told to end, besides the dispatcher's word."""

    def __init__(self, loop: Loop, lifeline: int) -> None:
        self.orphaned = False
        self._loop, self._lifeline = loop, lifeline
        if lifeline >= 0:
            fcntl.fcntl(lifeline, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK)
            loop.watch(lifeline, self._lifeline_ready)
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: loop.stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the cell, not for what it started
        loop.watch(self._woken, self._signalled)

    def _signalled(self, _: int) -> None:
        _drain(self._woken)

    def _lifeline_ready(self, _: int) -> None:
        if not _drain(self._lifeline):
            self.orphaned = True
            self._loop.forget(self._lifeline)
            self._loop.stop()


def _drain(fd: int) -> bool:
    """Read what is there; False when the other end is closed."""
    try:
        return bool(os.read(fd, 4096))
    except BlockingIOError:
        return True


if __name__ == "__main__":
    sys.exit(main())
