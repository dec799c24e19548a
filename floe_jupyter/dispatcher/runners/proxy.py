"""One launch of a runner as seen by the dispatcher: a process, a private socket, and a link with repetition of lost messages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import msgspec
import zmq

from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runners.launchers import Process
from floe_jupyter.dispatcher.runners.listener import RunnerListener
from floe_jupyter.dispatcher.runners.watchdog import Watchdog
from floe_jupyter.errors import FloeError, PeerGone, PeerSilent, from_wire
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.runner_messages import Answer, Ask, FromRunner, Probe, RunnerHello
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT
from floe_jupyter.wire.transport import sockets
from floe_jupyter.wire.transport.loop import Loop, Timer
from floe_jupyter.wire.transport.reliable import Link
from floe_jupyter.wire.transport.streams import Listener

_ENCODE = msgspec.msgpack.Encoder().encode


HELLO_WITHIN = 20.0
"""Seconds that a runner gets to say hello."""


Answered = Callable[[Any, FloeError | None], None]


class RunnerOwner(Protocol):
    """Receiver of a runner's messages, and of the news of its silence and end."""

    received: Callable[[RunnerProxy, FromRunner], None]

    def silence_changed(self, runner: RunnerProxy) -> None:
        """Take note that *runner* does not answer, or answers again."""

    def ended(self, runner: RunnerProxy, cause: str) -> None:
        """Take note that the process of *runner* has ended."""


class RunnerProxy:
    """One launch of a runner."""

    def __init__(
        self, loop: Loop, url: str, socket: zmq.Socket[bytes], listener: Listener | None, process: Process, owner: RunnerOwner
    ) -> None:
        self.url, self.process = url, process
        self.workspace = ""
        """Id of the workspace that uses the runner; empty for a runner started ahead and not assigned yet."""
        self.over = False
        """True if the process has ended."""
        self.leaving = False
        """True if the runner was told to end."""
        self.cause = ""
        """Reason for the kill, if the dispatcher killed the runner."""
        self.watchdog = Watchdog(loop, lambda: owner.silence_changed(self))
        self.ready = False
        self.started_at = loop.now
        self.useful = False
        """True if a runtime was started in the runner: its end is no failure to start."""
        self.refused = 0
        """Number of invalid messages."""
        self._loop, self._socket, self._owner = loop, socket, owner
        self._link = Link()
        self._identity = b""
        self._listener = RunnerListener(loop, listener, FRAME_LIMIT + (1 << 20), self._hear_all, self._refuse)
        self._outbox: list[bytes] = []
        self._spoke = False
        """True if a message was sent in the current turn."""
        self._decode = msgspec.msgpack.Decoder(FromRunner).decode
        self._asked: dict[int, Answered] = {}
        self._tokens = count(1)
        self._late: Timer | None = loop.after(HELLO_WITHIN, self._is_late)
        self._descriptor = sockets.watch(loop, socket, self._receive)
        loop.watch(process.descriptor, lambda _: self._process_ended())

    @property
    def pid(self) -> int:
        """Id of the runner's process."""
        return self.process.pid

    @property
    def name(self) -> str:
        """Name of the runner for users."""
        return f"the runner {self.url} (process {self.pid})"

    @property
    def status(self) -> str:
        """Status of the runner: ``starting``, ``ready``, ``silent`` or ``ended``."""
        if self.over:
            return "ended"
        return "silent" if self.watchdog.silent else "ready" if self.ready else "starting"

    def send(self, message: Any) -> None:
        """Deliver a message of `wire.runner_messages`.

        The first message of a turn is sent at once, to get the runner started; later messages of the turn are sent together.
        Messages wait until the runner has said hello.
        """
        envelope = self._link.send(_ENCODE(message), self._loop.now)
        if self.ready:
            self.watchdog.spoke()
        stream = self._listener.stream
        if self._spoke or stream is None:
            self._outbox.append(envelope)
        else:
            self._spoke = True
            stream.send(envelope)

    def ask(self, call: str, answered: Answered, args: dict[str, Any] | None = None, instance: str = "") -> None:
        """Ask the runner; *answered* gets (value, None) or (None, error), at the latest when the runner ends."""
        if self.watchdog.silent:
            answered(None, self.no_answer())
            return
        token = next(self._tokens)
        self._asked[token] = answered
        self.send(Ask(token, call, args or {}, instance))

    def no_answer(self) -> PeerSilent:
        """Return the error for calls that wait for a silent runner."""
        return PeerSilent(
            f"{self.name} has not answered for {self.watchdog.silence:.0f} s: it hangs or is stopped; "
            f"`%floe runners --end {self.pid}` ends it with all that it runs, and the next run starts another"
        )

    def give_up(self) -> None:
        """Fail all waiting calls, because the runner is silent."""
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered(None, self.no_answer())

    def probe(self) -> None:
        """Ask for a sign of life."""
        if self.ready and not self.leaving and not self._link.owes:
            self.send(Probe())

    def kill(self, cause: str) -> None:
        """Kill the process at once, with all its work; *cause* is logged and shown."""
        self.cause = self.cause or cause
        log.warn(f"{self.name} is ended: {cause}")
        self.process.kill()

    def due(self) -> float | None:
        """Send the queued messages and the link's due repetitions; return the time of the next call, or None."""
        self._spoke = False
        if not self._identity and self._listener.stream is None:
            return None
        at = self._link.next_due()
        if at is not None and at <= self._loop.now:
            self._outbox += self._link.due(self._loop.now)
            at = self._link.next_due()
        if self._outbox:
            self._transmit()
        return at

    def end(self) -> None:
        """Kill the remaining processes of the runner, and close the connection. Waiting calls fail."""
        self.over = True
        self._loop.forget(self._descriptor)
        self._listener.close()
        self.watchdog.close()
        self._loop.forget(self.process.descriptor)
        if self._late is not None:
            self._late.cancel()
        self.process.close()
        segments.sweep(self.pid)
        leftovers.sweep_pipes(self.pid)
        self._socket.close(linger=0)
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered(None, PeerGone(f"{self.name} ended before it answered"))

    def _transmit(self) -> None:
        """Send all envelopes as the parts of one message: a single wake-up at the other end, which takes part by part."""
        envelopes, self._outbox = self._outbox, []
        stream = self._listener.stream
        if stream is not None:
            if len(envelopes) == 1:
                stream.send(envelopes[0])
            else:
                stream.send_all(envelopes)
            return
        try:
            sockets.put(self._socket, (self._identity, *envelopes))
        except zmq.ZMQError as error:
            log.warn(f"to the runner {self.url}: {error}; it is sent again")
        self._loop.recheck(self._descriptor)

    def _receive(self) -> None:
        for _ in range(sockets.BURST):
            if not sockets.waiting(self._socket):
                return
            frames = sockets.take(self._socket)
            if len(frames) < 2 or (self.ready and frames[0] != self._identity):
                self.refused += 1  # once a runner has said hello, all other connections are refused
            else:
                for envelope in frames[1:]:
                    if self._hear(envelope):
                        self._identity = frames[0]
                if self.ready:
                    self._listener.settle()

    def _refuse(self) -> None:
        self.refused += 1

    def _hear_all(self, envelopes: list[bytes]) -> bool:
        """Handle envelopes from the direct stream; return True if their sender is the runner."""
        heard = False
        for envelope in envelopes:
            heard = self._hear(envelope) or heard
        return heard

    def _hear(self, envelope: bytes) -> bool:
        """Handle one envelope; return False if invalid."""
        refused = self._link.refused
        bodies = self._link.receive(envelope, self._loop.now)
        if self._link.refused == refused:
            self.watchdog.heard(more_due=self._link.owes)
        for body in bodies:
            self._take(body)
        if self._link.refused == refused:
            return True
        self.refused += self._link.refused - refused
        return False

    def _take(self, body: bytes) -> None:
        try:
            message = self._decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self.refused += 1
            log.warn(f"the runner {self.url} sent an invalid message, which was dropped: {error}")
            return
        if isinstance(message, Answer):
            self._answer(message)
            return
        if isinstance(message, RunnerHello):
            self._greet()
        self._owner.received(self, message)

    def _greet(self) -> None:
        self.ready = True
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _answer(self, answer: Answer) -> None:
        answered = self._asked.pop(answer.token, None)
        if answered is not None:
            answered(answer.value, from_wire(*answer.error) if answer.error else None)

    def _is_late(self) -> None:
        log.warn(f"the runner {self.url} (process {self.pid}) did not identify itself within {HELLO_WITHIN:g} s")
        self.process.kill()

    def _process_ended(self) -> None:
        cause = self.process.ended()
        if cause:
            self._receive()  # the runner's last messages
            self._listener.drain()
            self._owner.ended(self, self.cause or cause)
