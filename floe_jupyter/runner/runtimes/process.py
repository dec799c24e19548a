"""Runtime: process, pipes, and the loads and calls under way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.launch import Launched
from floe_jupyter.runner.runtimes.loads import OUTSIDE, Loads
from floe_jupyter.runner.runtimes.output import ProcessOutput
from floe_jupyter.runner.runtimes.pipes import Reader, Writer
from floe_jupyter.runner.runtimes.slots import CallKey, Slot
from floe_jupyter.runner.runtimes.spawn import ending, kill_group
from floe_jupyter.runner.runtimes.translate import frame_pieces
from floe_jupyter.wire import processes
from floe_jupyter.wire.runtime.frames import PROTOCOL, BadFrame, FromRuntime, Head, HelloFrame
from floe_jupyter.wire.runtime.packing import Unpacker
from floe_jupyter.wire.transport.loop import Loop, Timer

START_LIMIT = 20.0
"""Seconds in which a runtime must say hello."""
FORMER_SLOTS = 1_000
"""Maximum number of removed slots whose names are remembered."""
FINISH_WITHIN = 2.0
"""Seconds that a process has to finish when not needed any more."""
KILL_AFTER = 0.2
"""Seconds between SIGTERM and SIGKILL for a process to be ended."""
CLEARED_WITHIN = 2.0
"""Maximum number of seconds to wait for the end of killed processes: a process inside the kernel may take longer."""
LOOK_AGAIN = 0.005
"""Seconds between two looks for processes left behind by an ended runtime."""


class RuntimeOwner(Protocol):
    """Interface of the owner of runtimes: handlers of frames, output and end."""

    def frame(self, runtime: Runtime, head: Head, parts: list[bytes]) -> None:
        """Handle a frame."""

    def printed(self, runtime: Runtime, stream: str, text: str, cut: int) -> None:
        """Handle process output."""

    def ready(self, runtime: Runtime) -> None:
        """Handle the hello of a runtime."""

    def lost(self, runtime: Runtime, cause: str) -> None:
        """Handle the end of a runtime: the process is gone, and all last frames have been handled."""


class Runtime:
    """Process of a language and environment. `send` may be used at once; frames wait in the pipe until the process is ready."""

    def __init__(self, loop: Loop, owner: RuntimeOwner, launched: Launched) -> None:
        self.name = launched.name
        self.interpreter = launched.interpreter
        self.status = "starting"
        """``starting``, ``ready``, ``ending``, or ``gone`` (descendants of the process may not have ended yet)."""
        self.version = ""
        self.fidelity: dict[str, str] = {}
        self.slots: dict[int, Slot] = {}
        self.used = 0
        """Number of loaded and not forgotten slots."""
        self.loads = Loads(loop, self)
        self.calls: dict[int, CallKey] = {}
        self.answers = 0
        """Number of reports about the progress of calls."""
        self.busy: object | None = None
        """Watch for a call blocking the runtime for long."""
        self.useful = False
        """True if the runtime has handled a message: a crash from then on is no failure to start."""
        self.bad_frames = 0
        self._wanted, self._code = False, 0
        """True if the runner asked for the end of the process, and the exit code; valid once the process has ended."""
        self.idle_since = loop.now
        self._loop, self._owner = loop, owner
        self._cause = ""
        self._family: set[processes.ProcessStat] = set()
        """Descendants of the process when the runner began to end the process."""
        self._unpacker = Unpacker(FromRuntime)
        self._gone: list[Slot] = []
        """Unloaded slots whose frames may still be on the way."""
        self.former: dict[int, tuple[str, str]] = {}
        """Instance and node of removed slots, whose last output may still be on the way."""
        self._timer: Timer | None = None
        self._fifos, self._process = launched.fifos, launched.process
        self._watch(launched.stdout, launched.stderr)

    def _watch(self, stdout: int, stderr: int) -> None:
        loop, owner = self._loop, self._owner
        self.writer = Writer(loop, self._fifos.write_fd)
        self.reader = Reader(loop, self._fifos.read_fd, self._feed, self._pipe_ended)
        self._outputs = {
            "stdout": ProcessOutput(loop, stdout, lambda text, cut: owner.printed(self, "stdout", text, cut)),
            "stderr": ProcessOutput(loop, stderr, lambda text, cut: owner.printed(self, "stderr", text, cut)),
        }
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, self._exited)
        self._timer = loop.after(START_LIMIT, self._too_slow)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def key(self) -> str:
        """Key of language, environment and context."""
        return self.interpreter.key

    def forget(self, slot: Slot) -> None:
        """Mark a slot as unloaded; the slot is kept while its frames may be on the way."""
        self.used -= slot.loaded and not slot.forgotten
        slot.forgotten = True
        if not slot.loading:  # else the answer is still to come
            self._gone.append(slot)
            if not self.calls:
                self.clean()

    def clean(self) -> None:
        """Drop forgotten slots when no call is under way."""
        if not self._gone:
            return
        gone, self._gone = self._gone, []
        for slot in gone:
            if self.slots.pop(slot.number, None) is not None:
                self.former[slot.number] = (slot.instance.name, slot.node)
        for number in list(islice(self.former, max(0, len(self.former) - FORMER_SLOTS))):
            del self.former[number]

    def hold(self, *, paused: bool) -> None:
        """Pause or resume reading from the process: a paused process stops at its full pipe."""
        self.reader.pause(paused=paused)

    def send(self, head: Head, parts: list[bytes] | None = None) -> None:
        """Queue a frame; the frame is written before the loop waits again. Raises ProtocolError for too large a frame."""
        self.writer.send(frame_pieces(head, parts))

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
        """End the process and its descendants: SIGTERM, and SIGKILL after *patience* seconds (0: at once). `lost` follows."""
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
        unpacker = self._unpacker
        try:
            frames = unpacker.feed(data)
        except ProtocolError as error:
            self.kill(f"spoke nonsense: {error}", patience=0)
            return
        if unpacker.refusals != self.bad_frames:
            self.bad_frames = unpacker.refusals
            # The content of the frame is lost and would be waited for forever: start again from the known state.
            self.kill(f"sent a frame that breaks the protocol: {unpacker.refused[-1]}", patience=0)
            return
        for head, parts in frames:
            self._take(head, parts)

    def _take(self, head: Head, parts: list[bytes]) -> None:
        try:
            if type(head) is HelloFrame:
                self._hello(head)
            elif type(head) is BadFrame:
                self.kill(f"refused a frame: {head.reason}", patience=0)
            else:
                self._owner.frame(self, head, parts)
        except ProtocolError as error:
            self._unpacker.refuse(str(error))
            self.bad_frames = self._unpacker.refusals
            self.kill(f"sent a frame that breaks the protocol: {error}", patience=0)

    def _hello(self, head: HelloFrame) -> None:
        if head.protocol != PROTOCOL:
            self.kill(f"speaks protocol {head.protocol}, not {PROTOCOL}: update the runtime", patience=0)
            return
        if self.status != "starting":
            return
        self.status, self.version, self.fidelity = "ready", head.version, head.fidelity
        self._fifos.settle()
        if self._timer is not None and not self._cause:
            self._timer.cancel()
        self.loads.look()
        self._owner.ready(self)

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

    @property
    def killed_by_others(self) -> bool:
        """True if the process was ended by a signal that usually comes neither from the runner nor from its own code."""
        return not self._cause and -self._code in OUTSIDE

    def _describe(self, code: int) -> str:
        lines = self._outputs["stderr"].last_lines()
        cause = self._cause or ending(code)
        return cause + ("\n" + "\n".join(lines) if lines else "")
