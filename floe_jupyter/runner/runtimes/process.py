"""Runtime in a process of the runner: named pipes, output, and the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.runner.runtimes.launch import Launched
from floe_jupyter.runner.runtimes.loads import OUTSIDE
from floe_jupyter.runner.runtimes.output import ProcessOutput
from floe_jupyter.runner.runtimes.pipes import Reader, Writer
from floe_jupyter.runner.runtimes.runtime import KILL_AFTER, Runtime, RuntimeOwner
from floe_jupyter.runner.runtimes.spawn import ending, kill_group
from floe_jupyter.wire import processes
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT, PROTOCOL, HelloFrame
from floe_jupyter.wire.transport.loop import Loop, Timer

START_LIMIT = 20.0
"""Seconds in which a runtime must say hello."""
FINISH_WITHIN = 2.0
"""Seconds that a process has to finish when not needed any more."""
CLEARED_WITHIN = 2.0
"""Maximum number of seconds to wait for the end of killed processes: a process inside the kernel may take longer."""
LOOK_AGAIN = 0.005
"""Seconds between two looks for processes left behind by an ended runtime."""


class ProcessRuntime(Runtime):
    """Runtime in a child process of the runner."""

    def __init__(self, loop: Loop, owner: RuntimeOwner, launched: Launched) -> None:
        super().__init__(loop, owner, launched.name, launched.interpreter)
        self.interpreter: Interpreter = launched.interpreter
        self.tap: Callable[[bytes], None] | None = None
        """Taker of the bytes of all frames after the hello, for a runtime that serves the machine of another runner."""
        self._first = b""
        """Beginning of the output of a tapped process that has not said hello."""
        self._holds: set[str] = set()
        self._wanted, self._code = False, 0
        """True if the runner asked for the end of the process, and the exit code; valid once the process has ended."""
        self._family: set[processes.ProcessStat] = set()
        """Descendants of the process when the runner began to end the process."""
        self._timer: Timer | None = None
        self._fifos, self._process = launched.fifos, launched.process
        self.pid = self._process.pid
        self._watch(launched.stdout, launched.stderr)

    def _watch(self, stdout: int, stderr: int) -> None:
        loop, owner = self._loop, self._owner
        self.writer: Writer = Writer(loop, self._fifos.write_fd)
        self.reader: Reader = Reader(loop, self._fifos.read_fd, self._feed, self._pipe_ended)
        self._outputs = {
            "stdout": ProcessOutput(loop, stdout, lambda text, cut: owner.printed(self, "stdout", text, cut)),
            "stderr": ProcessOutput(loop, stderr, lambda text, cut: owner.printed(self, "stderr", text, cut)),
        }
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, self._exited)
        self._timer = loop.after(START_LIMIT, self._too_slow)

    def hold(self, *, paused: bool, why: str = "uplink") -> None:
        """Pause or resume reading from the process, for one of several reasons: a paused process stops at its full pipe."""
        (self._holds.add if paused else self._holds.discard)(why)
        self.reader.pause(paused=bool(self._holds))

    def end(self) -> None:
        """Let the process finish, signalled by the end of the pipe.

        The process is killed after two seconds, or at once if not ready yet.
        """
        if self.status == "starting":
            self.status = "ending"
            kill_group(self.pid, signal.SIGKILL)  # the process would wait for us to open its pipe
        elif self.status == "ready":
            self.status = "ending"
            self.writer.flush()
            self.writer.close()
            self._set_timer(FINISH_WITHIN, self._kill_now)

    def kill(self, cause: str, patience: float = KILL_AFTER) -> None:
        """End the process and its descendants."""
        if self.status == "gone":
            return
        self._cause = self._cause or cause
        if patience:
            self._remember_family()
            kill_group(self.pid, signal.SIGTERM)
            self._set_timer(patience, self._kill_now)
        else:
            self._kill_now()

    def _kill_now(self) -> None:
        self._remember_family()
        kill_group(self.pid, signal.SIGKILL)

    def _remember_family(self) -> None:
        """Record the descendants while the process lives: afterwards the parent of an adopted process can only be guessed."""
        self._family |= descendants.family(self.pid, self.name)

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.after(seconds, callback)

    def _too_slow(self) -> None:
        self.kill(f"did not send its `hello` within {START_LIMIT:.0f} s", patience=0)

    def _feed(self, data: bytes) -> None:
        if self.tap is None:
            super()._feed(data)
        elif self.status == "starting":
            self._feed_first(data)
        else:
            self.tap(data)

    def _feed_first(self, data: bytes) -> None:
        """Decode the first frame of a tapped process, its hello, and hand on the rest."""
        self._first += data
        size = 4 + int.from_bytes(self._first[:4], "little")
        if len(self._first) < min(size, FRAME_LIMIT):
            return
        first, rest, self._first = self._first[:size], self._first[size:], b""
        super()._feed(first)
        if rest and self.tap is not None and not self._deaf:
            self.tap(rest)

    def _hello(self, head: HelloFrame) -> None:
        if head.protocol != PROTOCOL:
            self.kill(f"speaks protocol {head.protocol}, not {PROTOCOL}: update the runtime", patience=0)
            return
        if self.status != "starting":
            return
        self._fifos.settle()
        if self._timer is not None and not self._cause:
            self._timer.cancel()
        self._is_ready(head.version, head.fidelity)

    def _pipe_ended(self) -> None:
        """Kill a process that has closed its pipe and lives on: no more frames can come."""
        if self.status == "ready":
            self._set_timer(0.2, lambda: self.kill("closed its pipe", patience=0))

    def _exited(self, _: int) -> None:
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        kill_group(self.pid, signal.SIGKILL)  # processes started by the user's code end too
        self._wanted, self.status = self.status == "ending", "gone"
        self._code = self._process.wait()
        self.killed_by_others = not self._cause and -self._code in OUTSIDE
        if self._timer is not None:
            self._timer.cancel()
        descendants.ended(self.pid)
        self._clear(self._loop.now + CLEARED_WITHIN)

    def _clear(self, give_up: float) -> None:
        """End the descendants, and report the loss of the runtime when no descendant is left."""
        left = processes.living(self._family) | descendants.family(self.pid, self.name)
        if left and self._loop.now < give_up:
            processes.kill(left)
            self._timer = self._loop.after(LOOK_AGAIN, lambda: self._clear(give_up))
            return
        self.reader.drain()
        for output in self._outputs.values():
            output.drain()
        self.writer.close()
        self._fifos.remove()
        self._owner.lost(self, "" if self._wanted else self._describe(self._code))

    def _describe(self, code: int) -> str:
        lines = self._outputs["stderr"].last_lines()
        cause = self._cause or ending(code)
        return cause + ("\n" + "\n".join(lines) if lines else "")
