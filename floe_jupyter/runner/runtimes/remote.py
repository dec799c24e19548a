"""Runtime in an outpost: the frames travel over the links of the two runners, with the dispatcher between them.

Either end sends at most `CHANNEL_WINDOW` bytes more than the other end has taken, so that a slow runtime or a slow machine costs
bounded memory everywhere on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from floe_jupyter.core.machine.events import Call
from floe_jupyter.runner.runtimes.remote_interpreter import RemoteInterpreter
from floe_jupyter.runner.runtimes.runtime import KILL_AFTER, Runtime, RuntimeOwner
from floe_jupyter.runner.segments import inlined
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.runner_messages import (
    CHANNEL_WINDOW,
    EndRuntime,
    KillRuntime,
    OutputTaken,
    RuntimeEnded,
    RuntimeInput,
    RuntimeReady,
    StartRuntime,
)
from floe_jupyter.wire.runtime.frames import HelloFrame
from floe_jupyter.wire.transport.loop import Loop, Timer

PIECE = 1024 * 1024
"""Maximum bytes of one message of a channel."""
CREDIT_FROM = CHANNEL_WINDOW // 4
"""Bytes taken after which the other end is told: a credit for a few bytes would cost as much as they do."""
GIVE_UP = 3.0
"""Seconds after which a killed runtime counts as ended although its outpost has not said so, as the outpost hangs."""

Send = Callable[[Any], None]


class RemoteWriter:
    """Frames on their way to a runtime in an outpost, sent together before the loop waits, as far as there is credit."""

    def __init__(self, loop: Loop, send: Callable[[bytes], None]) -> None:
        self.waiting = 0
        """Number of bytes not sent yet."""
        self._loop, self._send = loop, send
        self._queue: deque[bytes | memoryview] = deque()
        self._credit = CHANNEL_WINDOW
        self._queued = self._paused = False

    def send(self, pieces: Sequence[bytes]) -> None:
        """Queue the pieces of a frame."""
        self._queue.extend(pieces)
        self.waiting += sum(map(len, pieces))
        self._flush_soon()

    def credit(self, n: int) -> None:
        """Take note that the runtime has taken *n* further bytes."""
        self._credit += n
        self._flush_soon()

    def pause(self, *, paused: bool) -> None:
        """Stop or resume sending."""
        self._paused = paused
        self._flush_soon()

    def close(self) -> None:
        """Discard the queue."""
        self._queue.clear()
        self.waiting = 0

    def _flush_soon(self) -> None:
        if not self._queued:
            self._queued = True
            self._loop.soon(self._flush)

    def _flush(self) -> None:
        self._queued = False
        while self.waiting and self._credit > 0 and not self._paused:
            data = self._next(min(PIECE, self._credit))
            self.waiting -= len(data)
            self._credit -= len(data)
            self._send(data)

    def _next(self, most: int) -> bytes:
        """Return the first bytes of the queue, at most *most*."""
        pieces: list[bytes | memoryview] = []
        while self._queue and most:
            piece = self._queue.popleft()
            if len(piece) > most:
                self._queue.appendleft(memoryview(piece)[most:])
                piece = memoryview(piece)[:most]
            pieces.append(piece)
            most -= len(piece)
        return b"".join(pieces)


class RemoteReader:
    """Credit for the output of a runtime in an outpost: none is given while paused."""

    def __init__(self, send: Callable[[int], None]) -> None:
        self.paused = False
        self._send = send
        self._taken = 0

    def taken(self, n: int) -> None:
        """Take note of *n* further bytes taken."""
        self._taken += n
        self._give()

    def pause(self, *, paused: bool) -> None:
        """Stop or resume giving credit."""
        self.paused = paused
        self._give()

    def _give(self) -> None:
        if self._taken >= CREDIT_FROM and not self.paused:
            taken, self._taken = self._taken, 0
            self._send(taken)


class RemoteRuntime(Runtime):
    """Runtime in an outpost, by the name of its channel."""

    def __init__(
        self, loop: Loop, owner: RuntimeOwner, name: str, interpreter: RemoteInterpreter, channel: str, send: Send
    ) -> None:
        super().__init__(loop, owner, name, interpreter)
        self.remote = channel
        self.outpost = interpreter.runner
        """URL of the outpost."""
        self.writer: RemoteWriter = RemoteWriter(loop, lambda data: send(RuntimeInput(channel, data)))
        self.reader: RemoteReader = RemoteReader(lambda n: send(OutputTaken(channel, n)))
        self._send = send
        self._timer: Timer | None = None
        self._shares = True
        """True if the runtime can read the segments of this runner."""
        memory = shared_memory.identity()
        send(StartRuntime(channel, interpreter.runner, interpreter.module, interpreter.context, memory))

    def is_ready(self, message: RuntimeReady) -> None:
        """Handle the hello of the process."""
        self.pid, self._shares = message.pid, message.same_memory
        if self.status == "starting":
            self._is_ready(message.version, message.fidelity)

    def take(self, data: bytes) -> None:
        """Handle output of the process: part of a stream of frames."""
        self._feed(data)
        self.reader.taken(len(data))

    def ended(self, message: RuntimeEnded) -> None:
        """Handle the end of the process."""
        self.killed_by_others = message.outside and not self._cause
        self.refusal = message.cause if message.refused else ""
        self._is_gone(self._cause or message.cause)

    def call_pieces(self, command: Call, call: int, slot: int) -> list[bytes]:
        """Return the `call` frame of a command, in pieces; with all buffers inside if the runtime is on another machine."""
        if command.batch.buffers and not self._shares:
            command = msgspec.structs.replace(command, batch=inlined(command.batch))
        return super().call_pieces(command, call, slot)

    def hold(self, *, paused: bool) -> None:
        """Pause or resume both directions: the dispatcher, through which they lead, falls behind."""
        self.reader.pause(paused=paused)
        self.writer.pause(paused=paused)

    def end(self) -> None:
        """Let the process finish. The outpost sees to its end."""
        if self.status != "gone":
            self._send(EndRuntime(self.remote))
            self._is_gone("")

    def kill(self, cause: str, patience: float = KILL_AFTER) -> None:
        """Have the outpost end the process and its descendants."""
        if self.status == "gone":
            return
        self._cause = self._cause or cause
        self._send(KillRuntime(self.remote, cause, not patience))
        if self._timer is None:
            self._timer = self._loop.after(GIVE_UP, lambda: self._is_gone(f"{self._cause}; {self.outpost} does not answer"))

    def abandon(self) -> None:
        """Forget the runtime at the end of this runner."""
        if self.status != "gone":
            self._send(KillRuntime(self.remote, "its home runner ends", at_once=True))
            self._is_gone("")

    def _is_gone(self, cause: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.status = "gone"
        self.writer.close()
        self._owner.lost(self, cause)

    def _hello(self, head: HelloFrame) -> None:
        """Ignore a hello among the frames: the outpost takes the hello, and tells it by `RuntimeReady`."""
