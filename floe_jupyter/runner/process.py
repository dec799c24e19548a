"""One runtime: its process, its pipes, and what is under way in it."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.launch import Launched
from floe_jupyter.runner.loop import Loop, Timer
from floe_jupyter.runner.output import Output
from floe_jupyter.runner.pipes import Reader, Writer
from floe_jupyter.runner.spawn import ending, kill_group
from floe_jupyter.runner.translate import frame_pieces
from floe_jupyter.wire.frames import PROTOCOL, BadFrame, FromRuntime, Head, HelloFrame
from floe_jupyter.wire.packing import Unpacker

if TYPE_CHECKING:
    from floe_jupyter.runner.slots import CallKey, Slot

START_LIMIT = 20.0
"""Seconds in which a runtime must say hello."""
FORMER_SLOTS = 1_000
"""So many slots that are no more are remembered by name."""
KILL_AFTER = 2.0
"""Seconds between asking a process to end and ending it."""


class Owner(Protocol):
    """Who listens to runtimes."""

    def frame(self, runtime: Runtime, head: Head, parts: list[bytes]) -> None: ...
    def printed(self, runtime: Runtime, stream: str, text: str, cut: int) -> None: ...
    def ready(self, runtime: Runtime) -> None: ...
    def lost(self, runtime: Runtime, cause: str) -> None:
        """Its process is gone, and everything that it still said has been told."""


class Runtime:
    """A process of one language and environment. `send` may be used at once; frames wait in the pipe until it is up."""

    def __init__(self, loop: Loop, owner: Owner, launched: Launched) -> None:
        self.name = launched.name
        self.interpreter = launched.interpreter
        self.status = "starting"
        """``starting``, ``ready``, ``ending``, ``gone``."""
        self.version = ""
        self.fidelity: dict[str, str] = {}
        self.slots: dict[int, Slot] = {}
        self.loading: deque[Slot] = deque()
        """Slots whose `load` was not answered, in the order in which they were sent."""
        self.calls: dict[int, CallKey] = {}
        self.useful = False
        """It has handled a message: a crash now is no failure to start."""
        self.bad_frames = 0
        self.idle_since = loop.now
        self._loop, self._owner = loop, owner
        self._cause = ""
        self._unpacker = Unpacker(FromRuntime)
        self.former: dict[int, tuple[str, str]] = {}
        """Instance and node of slots that are no more: what they printed last may still be on the way."""
        self._timer: Timer | None = None
        self._fifos, self._process = launched.fifos, launched.process
        self._watch(launched.stdout, launched.stderr)

    def _watch(self, stdout: int, stderr: int) -> None:
        loop, owner = self._loop, self._owner
        self.writer = Writer(loop, self._fifos.write_fd)
        self.reader = Reader(loop, self._fifos.read_fd, self._feed, self._pipe_ended)
        self._outputs = {"stdout": Output(loop, stdout, lambda text, cut: owner.printed(self, "stdout", text, cut)),
                         "stderr": Output(loop, stderr, lambda text, cut: owner.printed(self, "stderr", text, cut))}
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, self._exited)
        self._timer = loop.after(START_LIMIT, self._too_slow)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def key(self) -> str:
        return self.interpreter.key

    def forget(self, slot: Slot) -> None:
        """An unloaded slot is remembered while frames about it may be on the way."""
        slot.forgotten = True
        if not self.calls:
            self.clean()

    def clean(self) -> None:
        """Nothing is under way: forgotten slots are not needed any more."""
        for number in [n for n, slot in self.slots.items() if slot.forgotten and slot not in self.loading]:
            slot = self.slots.pop(number)
            self.former[number] = (slot.instance.name, slot.node)
        while len(self.former) > FORMER_SLOTS:
            del self.former[next(iter(self.former))]

    def hold(self, *, paused: bool) -> None:
        """Leave what it gives in its pipe, so that it stops there."""
        self.reader.pause(paused=paused)

    def send(self, head: Head, parts: list[bytes] | None = None) -> None:
        """Queue a frame; it is written before the loop waits again. Raises ProtocolError when it is too large."""
        self.writer.send(frame_pieces(head, parts))

    def end(self) -> None:
        """Let it finish: the end of its pipe says so; killed after two seconds, and at once when it has not begun."""
        if self.status == "starting":
            self.status = "ending"
            kill_group(self.pid, signal.SIGKILL)  # it would wait for us to open its pipe
        elif self.status == "ready":
            self.status = "ending"
            self.writer.flush()
            self.writer.close()
            self._set_timer(KILL_AFTER, lambda: kill_group(self.pid, signal.SIGKILL))

    def kill(self, cause: str, patience: float = KILL_AFTER) -> None:
        """End it and what it started: SIGTERM, and SIGKILL after *patience* seconds (0: at once). `lost` follows."""
        if self.status == "gone":
            return
        self._cause = self._cause or cause
        kill_group(self.pid, signal.SIGTERM if patience else signal.SIGKILL)
        if patience:
            self._set_timer(patience, lambda: kill_group(self.pid, signal.SIGKILL))

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.after(seconds, callback)

    def _too_slow(self) -> None:
        self.kill(f"did not say hello within {START_LIMIT:.0f} s", patience=0)

    def _feed(self, data: bytes) -> None:
        unpacker = self._unpacker
        try:
            frames = unpacker.feed(data)
        except ProtocolError as error:
            self.kill(f"spoke nonsense: {error}", patience=0)
            return
        if unpacker.refusals != self.bad_frames:
            self.bad_frames = unpacker.refusals
            # What was in the frame is lost, so whoever waits for it would wait for ever: start again from what is known.
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
        self._owner.ready(self)

    def _pipe_ended(self) -> None:
        """It closed its pipe and lives on: nothing more can come of it."""
        if self.status == "ready":
            self._set_timer(0.2, lambda: self.kill("closed its pipe", patience=0))

    def _exited(self, _: int) -> None:
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        kill_group(self.pid, signal.SIGKILL)  # what the user's code started goes with it
        wanted, self.status = self.status == "ending", "gone"
        code = self._process.wait()
        if self._timer is not None:
            self._timer.cancel()
        self.reader.drain()
        for output in self._outputs.values():
            output.drain()
        self.writer.close()
        self._fifos.remove()
        self._owner.lost(self, "" if wanted else self._describe(code))

    def _describe(self, code: int) -> str:
        lines = self._outputs["stderr"].last_lines()
        cause = self._cause or ending(code)
        return cause + ("\n" + "\n".join(lines) if lines else "")
