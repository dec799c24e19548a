"""Runners started by a helper process, because their start takes long: a child of the dispatcher, and the runner's stand-in.

The helper's contract: it inherits the reading end of the lifeline (``--lifeline FD``) and ends the runner when the lifeline ends.
It ends when the runner has ended. It writes lines to the standard output: ``progress TEXT``, ``where HOST``, and, before it
ends, ``cause TEXT`` with the cause and the cure for users. Output of the runner goes to the standard error, which is its log.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

from floe_jupyter.dispatcher.runners.launchers.local import RunnerProcess, inherited_pipe, log_of, spawn
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder

LINE = 4_096
"""Maximum bytes of one line of a helper."""
HELLO_WITHIN = 60.0
"""Seconds that a runner gets to say hello, from the last progress of its helper on."""


class HelpedRunner(RunnerProcess):
    """A runner behind a helper process."""

    same_memory = False
    same_files = False
    leased = True
    hello_within = HELLO_WITHIN

    def __init__(self, pid: int, lifeline: int, log: str, news: int, where: str, version_cure: str = "") -> None:
        super().__init__(pid, lifeline, log)
        self.version_cure = version_cure
        self.news = news
        self.where = where
        self._begun = b""
        self._cause = ""

    def ended(self) -> str:
        """Return how the runner ended, in the helper's words where it left any; empty while it runs."""
        how = super().ended()
        with contextlib.suppress(EOFError):
            while how:
                self.progress()
        return how and (self._cause or f"its helper process ended: {how}")

    def progress(self) -> list[str]:
        """Return the lines of progress that have arrived. Raises EOFError when no more can follow."""
        try:
            data = os.read(self.news, LINE)
        except BlockingIOError:
            return []  # the helper lives
        if not data:
            raise EOFError
        *lines, self._begun = (self._begun + data).split(b"\n")
        self._begun = self._begun[:LINE]
        return [text for line in lines if (text := self._understand(line.decode("utf-8", "replace")))]

    def _understand(self, line: str) -> str:
        """Return the text of a line of progress; empty for the other lines."""
        word, _, text = line.partition(" ")
        if word == "where":
            self.where = text
        elif word == "cause":
            self._cause = text
        return text if word == "progress" else ""

    def kill(self) -> None:
        """Let the helper end the runner: with the helper killed, a runner elsewhere would live on until its lease ends."""
        self.stop()

    def close(self) -> None:
        """Release the helper's descriptors and log. A helper at work ends by itself as soon as it has ended the runner."""
        if self._status is None:
            self._release()
        else:
            super().close()
        os.close(self.news)
        self.news = -1


def start_helper(
    module: str,
    order: LaunchOrder,
    where: str,
    arguments: list[str],
    variables: Mapping[str, str] | None = None,
    version_cure: str = "",
) -> HelpedRunner:
    """Start ``python -m MODULE`` as the helper of a runner. Raises `EnvironmentFailed`."""
    ours, theirs = inherited_pipe()
    news, out = os.pipe()
    os.set_blocking(news, False)
    command = [sys.executable, "-P", "-m", module, *arguments, "--lifeline", str(theirs)]
    log = log_of(order)
    try:
        pid = spawn(command, order.url, log, variables or order.context.variables or os.environ, out)
        return HelpedRunner(pid, ours, log, news, where, version_cure)
    except BaseException:
        os.close(ours)
        os.close(news)
        raise
    finally:
        os.close(theirs)
        os.close(out)
