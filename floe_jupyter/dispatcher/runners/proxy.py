"""One launch of a runner as seen by the dispatcher: a process, a private socket, and a link with repetition of lost messages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import msgspec
import zmq

from floe_jupyter.core.messages import Batch
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runners.connections import ConnectionOwner, RunnerConnection
from floe_jupyter.dispatcher.runners.greeting import problem_of
from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner
from floe_jupyter.dispatcher.runners.listener import RunnerListener
from floe_jupyter.dispatcher.runners.watchdog import Watchdog
from floe_jupyter.errors import FloeError, PeerGone, PeerSilent, ProtocolError, from_wire
from floe_jupyter.wire import leftovers
from floe_jupyter.wire.inlined import carried, discard, divided, in_batches, settled
from floe_jupyter.wire.runner_messages import Answer, Ask, FromRunner, Probe, Progress, RunnerHello
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT
from floe_jupyter.wire.transport.loop import Loop, Timer
from floe_jupyter.wire.transport.parts import PartJoiner, PartSender
from floe_jupyter.wire.transport.reliable import Link
from floe_jupyter.wire.transport.streams import Listener

_ENCODE = msgspec.msgpack.Encoder().encode


KEEP_EVERY = 5.0
"""Seconds between two messages to a runner with a lease that has no work."""
Answered = Callable[[Any, FloeError | None], None]


class RunnerOwner(Protocol):
    """Receiver of a runner's messages, and of the news of its silence and end."""

    received: Callable[[RunnerProxy, FromRunner], None]

    def silence_changed(self, runner: RunnerProxy) -> None:
        """Take note that *runner* does not answer, or answers again."""

    def ended(self, runner: RunnerProxy, cause: str) -> None:
        """Take note that the process of *runner* has ended."""


def _encoded_for_elsewhere(message: Any) -> bytes:
    """Return the message with the bytes of its segments, which are removed."""
    return _ENCODE(in_batches(message, carried))


def _settled_here(batch: Batch) -> Batch:
    """Return a batch from elsewhere with its large buffers in segments of the dispatcher."""
    return settled(batch, f"{leftovers.maker()}-e")


class RunnerProxy:
    """One launch of a runner."""

    def __init__(
        self,
        loop: Loop,
        url: str,
        connection: RunnerConnection,
        listener: Listener | None,
        process: LaunchedRunner,
        owner: RunnerOwner,
        epoch: int = 0,
    ) -> None:
        self.url, self.process, self.epoch = url, process, epoch
        self.hello: RunnerHello | None = None
        """First message of the runner, about itself; None before."""
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
        self._loop, self._connection, self._owner = loop, connection, owner
        self._link = Link()
        self._listener = RunnerListener(loop, listener, FRAME_LIMIT + (1 << 20), self._hear_all, self._refuse)
        self._outbox: list[bytes] = []
        self._parts = (
            None
            if process.same_memory
            else PartSender(self._link, _encoded_for_elsewhere, lambda body: self._outbox.append(body))  # noqa: PLW0108 - a list of each turn
        )
        """Sender to a runner that shares no memory with this machine."""
        self._joiner = PartJoiner(FRAME_LIMIT)
        self._spoke = False
        """True if a message was sent in the current turn."""
        self._decode = msgspec.msgpack.Decoder(FromRunner).decode
        self._asked: dict[int, Answered] = {}
        self._tokens = count(1)
        self._awaited = "the start of its process"
        """Step of the start reported last."""
        self._late: Timer | None = loop.after(process.hello_within, self._is_late)
        watchdog = self.watchdog
        connection.open(
            ConnectionOwner(self._hear_connection, self._refuse, self._reconnected, watchdog.lost, lambda: watchdog.silence)
        )
        loop.watch(process.descriptor, lambda _: self._process_ended())
        self._keeping: Timer | None = loop.after(KEEP_EVERY, self._keep) if process.leased else None
        if process.news >= 0:
            loop.watch(process.news, lambda _: self._news())

    @property
    def pid(self) -> int:
        """Id of the runner's local process: itself, or the helper of a runner elsewhere."""
        return self.process.pid

    @property
    def where(self) -> str:
        """Host of the runner, for users."""
        return self.process.where or (self.hello.host if self.hello is not None else "")

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
        if self.ready:
            self.watchdog.spoke()
        if self._parts is not None:
            for part in divided(message):
                self._parts.send(part, self._loop.now)
            return
        envelope = self._link.send(_ENCODE(message), self._loop.now)
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

    def _keep(self) -> None:
        """Renew the lease of a runner elsewhere."""
        self.probe()
        self._keeping = self._loop.after(KEEP_EVERY, self._keep)

    def kill(self, cause: str) -> None:
        """Kill the process at once, with all its work; *cause* is logged and shown."""
        self.cause = self.cause or cause
        log.warn(f"{self.name} is ended: {cause}")
        self.process.kill()

    def due(self) -> float | None:
        """Send the queued messages and the link's due repetitions; return the time of the next call, or None."""
        self._spoke = False
        if not self._connection.known and self._listener.stream is None:
            return None
        if self._parts is not None:
            self._parts.pump(self._loop.now)
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
        self._listener.close()
        self.watchdog.close()
        self._loop.forget(self.process.descriptor)
        self._forget_news()
        if self._keeping is not None:
            self._keeping.cancel()
        if self._late is not None:
            self._late.cancel()
        self.process.close()
        if self.process.same_memory:  # the files of a runner elsewhere bear numbers of processes elsewhere
            segments.sweep(self.pid)
            leftovers.sweep_pipes(self.pid)
        self._connection.close()
        for message in self._parts.close() if self._parts is not None else ():
            in_batches(message, discard)
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
            self._connection.send(envelopes)
        except zmq.ZMQError as error:
            log.warn(f"to the runner {self.url}: {error}; it is sent again")

    def _hear_connection(self, envelopes: list[bytes]) -> bool:
        heard = self._hear_all(envelopes)
        if self.ready:
            self._connection.settle()
            self._listener.settle()
        return heard

    def _reconnected(self) -> None:
        self._link.reconnected(self._loop.now)

    def _refuse(self) -> None:
        self.refused += 1

    def _hear_all(self, envelopes: list[bytes]) -> bool:
        """Handle envelopes; return True if their sender is the runner."""
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
            whole = body if self._parts is None else self._joiner.take(body)
            if whole is None:
                return
            message = self._decode(whole)
        except (msgspec.MsgspecError, ValueError, RecursionError, ProtocolError) as error:
            self.refused += 1
            log.warn(f"the runner {self.url} sent an invalid message, which was dropped: {error}")
            return
        if isinstance(message, Answer):
            self._answer(message)
            return
        if self._parts is not None:
            message = in_batches(message, _settled_here)
        if isinstance(message, RunnerHello) and not self._greet(message):
            return
        self._owner.received(self, message)

    def _greet(self, hello: RunnerHello) -> bool:
        """Take note of the runner's hello; return False for a runner that cannot be used."""
        if hello.epoch != self.epoch:
            self.refused += 1
            return False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if self._awaited:
            self._awaited = ""
            if self.process.news >= 0:
                self._owner.received(self, Progress("", self.url, f"{self.name} is ready", done=True))
        self.hello = hello
        if problem := problem_of(hello, self.process):
            self.kill(problem)
            return False
        self.ready = True
        return True

    def _answer(self, answer: Answer) -> None:
        answered = self._asked.pop(answer.token, None)
        if answered is not None:
            answered(answer.value, from_wire(*answer.error) if answer.error else None)

    def _is_late(self) -> None:
        self._late = None
        within = self.process.hello_within
        self.kill(f"it did not identify itself within {within:g} s; the last step was {self._awaited}")

    def _news(self) -> None:
        """Tell users what a starting runner does; its deadline begins anew."""
        try:
            lines = self.process.progress()
        except EOFError:
            self._forget_news()
            return
        for text in lines:
            self._awaited = text
            self._owner.received(self, Progress("", self.url, text, done=False))
        if lines and self._late is not None:
            self._late.cancel()
            self._late = self._loop.after(self.process.hello_within, self._is_late)

    def _forget_news(self) -> None:
        if self.process.news >= 0:
            self._loop.forget(self.process.news)

    def _process_ended(self) -> None:
        cause = self.process.ended()
        if cause:
            self._connection.receive()  # the runner's last messages
            self._listener.drain()
            self._owner.ended(self, self.cause or cause)
