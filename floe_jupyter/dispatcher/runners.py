"""Runners as the dispatcher sees them: a process, a socket of its own, and a link that resends what was lost.

Every launch gets a socket at a path nobody else knows, in a directory that only this user may enter: a runner is known by
the door through which it comes, never by what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import zmq

from floe_jupyter.dispatcher import log, segments
from floe_jupyter.dispatcher.doors import QuickDoor
from floe_jupyter.dispatcher.launch import Launcher, Process, endpoint_in, launcher_of
from floe_jupyter.dispatcher.loop import BURST, Loop, Timer
from floe_jupyter.errors import EnvironmentFailed, FloeError, PeerGone, from_wire
from floe_jupyter.wire import leftovers, sockets
from floe_jupyter.wire.frames import FRAME_LIMIT
from floe_jupyter.wire.link import Link
from floe_jupyter.wire.links import Answer, Ask, Bye, FromRunner, RunnerHello
from floe_jupyter.wire.streams import Listener, listen

_ENCODE = msgspec.msgpack.Encoder().encode
HELLO_WITHIN = 20.0
"""Seconds that a runner gets to say hello."""
QUICK = 2.0
"""A runner that ends within so many seconds of its start did not start well ..."""
TRIES = 3
"""... and so many of them in a row are enough."""
Started = tuple[str, Listener | None, Process]
"""A runner that was started ahead: its endpoint, the door beside it, its process."""

Answered = Callable[[Any, FloeError | None], None]


class Runner:
    """One launch of a runner."""

    def __init__(self, loop: Loop, url: str, socket: zmq.Socket[bytes], door: Listener | None, process: Process,
                 received: Callable[[Runner, Any], None], ended: Callable[[Runner, str], None]) -> None:
        self.url, self.process = url, process
        self.languages: tuple[str, ...] = ()
        self.ready = False
        self.born = loop.now
        self.refused = 0
        """Messages that made no sense."""
        self._loop, self._socket, self._received, self._ended = loop, socket, received, ended
        self._link = Link()
        self._identity = b""
        self._door = QuickDoor(loop, door, FRAME_LIMIT + (1 << 20), self._hear_all, self._refuse)
        self._outbox: list[bytes] = []
        self._spoke = False
        """Something was sent in this turn."""
        self._decode = msgspec.msgpack.Decoder(FromRunner).decode
        self._asked: dict[int, Answered] = {}
        self._tokens = count(1)
        self._late: Timer | None = loop.after(HELLO_WITHIN, self._is_late)
        loop.watch(socket, self._receive)
        loop.watch(process.descriptor, self._process_ended)

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, message: Any) -> None:
        """Deliver one message of `wire.links`: the first of a turn at once, so that the runner starts, those that follow
        together; they wait until the runner has said hello.
        """
        envelope = self._link.send(_ENCODE(message), self._loop.now)
        stream = self._door.stream
        if self._spoke or stream is None:
            self._outbox.append(envelope)
        else:
            self._spoke = True
            stream.send(envelope)

    def ask(self, call: str, answered: Answered, args: dict[str, Any] | None = None, instance: str = "") -> None:
        """Put a question; *answered* gets (value, None) or (None, error), at the latest when the runner ends."""
        token = next(self._tokens)
        self._asked[token] = answered
        self.send(Ask(token, call, args or {}, instance))

    def due(self) -> float | None:
        """Send what gathered, and what the link wants to send now; when it wants to be asked again."""
        self._spoke = False
        if not self._identity and self._door.stream is None:
            return None
        at = self._link.next_due()
        if at is not None and at <= self._loop.now:
            self._outbox += self._link.due(self._loop.now)
            at = self._link.next_due()
        if self._outbox:
            self._transmit()
        return at

    def end(self) -> None:
        """Kill what is left of it and let go."""
        self._loop.forget(self._socket)
        self._door.close()
        self._loop.forget(self.process.descriptor)
        if self._late is not None:
            self._late.cancel()
        self.process.close()
        segments.sweep(self.pid)
        leftovers.sweep_pipes(self.pid)
        self._socket.close(linger=0)
        asked, self._asked = self._asked, {}
        for answered in asked.values():
            answered(None, PeerGone(f"the runner {self.url} (process {self.pid}) ended before it answered"))

    def _transmit(self) -> None:
        """All envelopes as the parts of one message: one wake-up at the other end, which takes part by part."""
        envelopes, self._outbox = self._outbox, []
        stream = self._door.stream
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
        self._loop.stir(self._socket)

    def _receive(self) -> None:
        for _ in range(BURST):
            if not sockets.waiting(self._socket):
                return
            frames = sockets.take(self._socket)
            if len(frames) < 2 or (self.ready and frames[0] != self._identity):
                self.refused += 1  # once a runner has said hello, its door is closed to others
            else:
                for envelope in frames[1:]:
                    if self._hear(envelope):
                        self._identity = frames[0]
                if self.ready:
                    self._door.settle()

    def _refuse(self) -> None:
        self.refused += 1

    def _hear_all(self, envelopes: list[bytes]) -> bool:
        """What came by the quick door; true if it was the runner who came."""
        heard = False
        for envelope in envelopes:
            heard = self._hear(envelope) or heard
        return heard

    def _hear(self, envelope: bytes) -> bool:
        """False for what is no envelope."""
        refused = self._link.refused
        bodies = self._link.receive(envelope, self._loop.now)
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
            log.warn(f"the runner {self.url} said something that makes no sense: {error}")
            return
        kind = type(message)
        if kind is Answer:
            self._answer(message)
            return
        if kind is RunnerHello:
            self._greet(message)
        self._received(self, message)

    def _greet(self, hello: RunnerHello) -> None:
        self.ready = True
        self.languages = hello.languages
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _answer(self, answer: Answer) -> None:
        answered = self._asked.pop(answer.token, None)
        if answered is not None:
            answered(answer.value, from_wire(*answer.error) if answer.error else None)

    def _is_late(self) -> None:
        log.warn(f"the runner {self.url} (process {self.pid}) said no hello within {HELLO_WITHIN:g} s")
        self.process.kill()

    def _process_ended(self) -> None:
        cause = self.process.ended()
        if cause:
            self._receive()  # what it said last
            self._door.drain()
            self._ended(self, cause)


class Runners:
    """All runners, each started when it is first needed and again when it died."""

    def __init__(self, loop: Loop, context: zmq.Context[Any], directory: str, launchers: dict[str, Launcher],
                 received: Callable[[Runner, Any], None], lost: Callable[[Runner, str], None]) -> None:
        self._loop, self._context, self._directory, self._launchers = loop, context, directory, launchers
        self._received, self._lost = received, lost
        self._runners: dict[str, Runner] = {}
        self._failures: dict[str, tuple[int, str]] = {}
        loop.every_turn(self._due)

    def __iter__(self) -> Any:
        return iter(list(self._runners.values()))

    def adopt(self, url: str, endpoint: str, listener: Listener | None, process: Process) -> Runner:
        """A runner whose process was started already, to connect to *endpoint*."""
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT + (1 << 20))
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        """Bounded by the link instead, which counts bytes."""
        socket.bind(endpoint)
        runner = self._runners[url] = Runner(self._loop, url, socket, listener, process, self._received, self._end)
        return runner

    def get(self, url: str) -> Runner:
        """The runner of this URL, started if there is none. Raises `EnvironmentFailed` when it cannot be started."""
        runner = self._runners.get(url)
        if runner is not None:
            return runner
        launch = launcher_of(url, self._launchers)
        failures, cause = self._failures.get(url, (0, ""))
        if failures >= TRIES:
            del self._failures[url]  # the next who asks may try again
            raise EnvironmentFailed(f"the runner {url} ended right after its start, {failures} times: {cause}")
        endpoint = endpoint_in(self._directory)
        return self.adopt(url, endpoint, listen(endpoint), launch(url, endpoint, self._directory))

    def bye(self) -> None:
        for runner in self._runners.values():
            runner.send(Bye())
            runner.due()

    def close(self) -> None:
        for runner in self._runners.values():
            runner.end()
        self._runners.clear()

    def _end(self, runner: Runner, cause: str) -> None:
        """A runner's process ended by itself: say so, and have another one ready."""
        tail = runner.process.tail()
        runner.end()
        if self._runners.get(runner.url) is runner:
            del self._runners[runner.url]
        quick = not runner.ready or self._loop.now - runner.born < QUICK
        failures = self._failures.get(runner.url, (0, ""))[0] + 1 if quick else 0
        self._failures[runner.url] = (failures, f"{cause}; {tail}" if tail else cause)
        self._lost(runner, cause)
        if failures < TRIES and not self._loop.stopped:
            self.get(runner.url)

    def _due(self) -> float | None:
        soonest: float | None = None
        for runner in self._runners.values():
            at = runner.due()
            if at is not None and (soonest is None or at < soonest):
                soonest = at
        return soonest
