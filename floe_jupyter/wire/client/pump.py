"""The background thread of a client: requests without a waiting call (futures), and events published by the dispatcher."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import msgspec
import zmq

from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.client.channel import (
    RESEND_AFTER,
    SILENT_AFTER,
    Channel,
    answer_of,
    decode,
    failed,
    hand_over,
    silent,
    take_back,
)
from floe_jupyter.wire.control.calls import PENDING
from floe_jupyter.wire.control.topics import HERE
from floe_jupyter.wire.pieces import Assembler
from floe_jupyter.wire.transport import sockets

Seen = Callable[[str, Any], None]
EventListener = Callable[[str, int, Any], None]
WINDOW = 128
"""Maximum number of requests in flight at once, besides waits for runs; the dispatcher keeps more answers than requests. The
dispatcher holds each request several times over (request, envelope, result, answer): a larger window would cost memory there
and gain no speed.
"""
WAITING = 10_000
"""Maximum number of events, or of pieces of larger events, that wait for a blocked thread; later events are lost."""
RESEND_AT_LAST = 5.0
"""Seconds after which a request is sent again although others are answered meanwhile."""
_EVENT = msgspec.msgpack.Decoder(tuple[str, int, Any])


class RequestInFlight:
    """Request in flight."""

    __slots__ = ("args", "call", "frame", "future", "heard", "sent")

    def __init__(self, call: str, args: dict[str, Any], frame: bytes) -> None:
        self.call, self.args, self.frame = call, args, frame
        self.future: Future[Any] = Future()
        self.sent = self.heard = time.monotonic()


class Pump:
    """Background thread, a daemon, that runs until the channel is lost or `stop`. `heard` gets every event: (topic, sequence,
    value).
    """

    def __init__(self, channel: Channel, heard: EventListener) -> None:
        self._channel, self._on_event = channel, heard
        self._jobs: deque[Callable[[], None]] = deque()
        self._settling: dict[str, threading.Event] = {}
        self._asked: dict[int, RequestInFlight] = {}
        self._later: deque[tuple[int, RequestInFlight]] = deque()
        self._in_flight = 0
        self._heard = 0.0
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(0)
        self._stopped = False
        self._lock = threading.Lock()
        self._dealer = channel.dealer()
        self._events = channel.context.socket(zmq.SUB)
        self._events.setsockopt(zmq.LINGER, 0)
        self._assembler = Assembler()
        self._events.setsockopt(zmq.RCVHWM, WAITING)
        sockets.connect(self._events, channel.connection.events)
        self._thread = threading.Thread(target=self._run, name="floe client", daemon=True)
        self._thread.start()

    def submit(self, call: str, args: dict[str, Any]) -> Future[Any]:
        """Queue a request and return a future of the answer; requests are sent in the order of the calls of `submit`."""
        with self._lock:
            args = hand_over(args)
            number, frame = self._channel.request(call, args)
            asked = RequestInFlight(call, args, frame)
            self._run_soon(lambda: self._ask(number, asked))
        return asked.future

    def subscribe(self, topic: str) -> None:
        """Subscribe to a topic; takes effect in the background thread, see `settle`."""
        self._run_soon(lambda: self._events.setsockopt(zmq.SUBSCRIBE, topic.encode()))

    def unsubscribe(self, topic: str) -> None:
        """Unsubscribe from a topic; takes effect in the background thread."""
        self._run_soon(lambda: self._events.setsockopt(zmq.UNSUBSCRIBE, topic.encode()))

    def settle(self, within: float = 1.0) -> bool:
        """Wait until all subscriptions are in effect: no event published from now on is missed. Returns False if the dispatcher
        did not confirm within *within* seconds, or when called by a listener.
        """
        if threading.current_thread() is self._thread:
            return False
        topic = f"{HERE}{os.urandom(8).hex()}"
        settled = self._settling[topic] = threading.Event()
        self.subscribe(topic)
        try:
            return settled.wait(within)
        finally:
            del self._settling[topic]
            self.unsubscribe(topic)

    def stop(self) -> None:
        """Stop the thread and wait for its end; unanswered requests fail."""
        self._stopped = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(2.0)

    def _run_soon(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        self._wake()
        if not self._thread.is_alive():
            self._fail_all()

    def _wake(self) -> None:
        with suppress(OSError):  # full: the thread is awake anyhow; closed: no thread is left to be woken
            self._theirs.send(b"!", socket.MSG_DONTWAIT)

    def _run(self) -> None:
        poller = zmq.Poller()
        lifeline = self._channel.lifeline.fileno()
        for source in (self._dealer, self._events, self._ours.fileno(), lifeline):
            poller.register(source, zmq.POLLIN)
        while not self._stopped:
            ready = dict(poller.poll(int(RESEND_AFTER * 1_000) if self._asked else None))
            if lifeline in ready:
                break
            if self._dealer in ready:
                self._receive()
            if self._events in ready:
                self._receive_events()
            if self._ours.fileno() in ready:
                self._carry_out()
            if self._asked:
                self._resend()
        self._end()

    def _carry_out(self) -> None:
        with suppress(BlockingIOError):
            self._ours.recv(4_096)
        while self._jobs:
            self._jobs.popleft()()

    def _ask(self, number: int, asked: RequestInFlight) -> None:
        if self._in_flight >= WINDOW and asked.call != "wait":
            self._later.append((number, asked))
            return
        self._in_flight += asked.call != "wait"
        self._asked[number] = asked
        asked.heard = time.monotonic()
        self._send(asked)

    def _done(self, number: int) -> RequestInFlight:
        asked = self._asked.pop(number)
        self._in_flight -= asked.call != "wait"
        if self._later:
            self._ask(*self._later.popleft())
        return asked

    def _send(self, asked: RequestInFlight) -> None:
        try:
            self._dealer.send(asked.frame, zmq.NOBLOCK)
            asked.sent = time.monotonic()
        except zmq.Again:
            asked.sent = 0.0  # resend at once: overtaken by others, its answer might be kept no longer

    def _receive(self) -> None:
        while sockets.waiting(self._dealer):
            number, raw, error = answer_of(self._dealer.recv())
            self._heard = time.monotonic()
            asked = self._asked.get(number)
            if asked is None:
                continue
            if error is not None and error[0] == PENDING:
                asked.heard = self._heard
            else:
                _resolve(self._done(number), raw, error)

    def _receive_events(self) -> None:
        while sockets.waiting(self._events):
            body = self._assembler.take(sockets.take(self._events))
            if body is None:
                continue
            event = _EVENT.decode(body)
            if (settled := self._settling.get(event[0])) is not None:
                settled.set()
                continue
            try:
                self._on_event(*event)
            except Exception as error:  # noqa: BLE001 - a listener's fault must not end the others' events; it is shown
                with suppress(Exception):  # showing it may fail: the others' events come all the same
                    sys.excepthook(type(error), error, error.__traceback__)

    def _resend(self) -> None:
        """Send possibly lost requests again: while others are answered, a missing answer is more likely still under way."""
        now = time.monotonic()
        patience = RESEND_AFTER if now - self._heard > RESEND_AFTER else RESEND_AT_LAST
        for number, asked in list(self._asked.items()):
            if now - max(asked.heard, self._heard) > SILENT_AFTER:
                _fail(self._done(number), silent(asked.call, self._channel.connection.pid))
            elif now - asked.sent > patience:
                self._send(asked)

    def _end(self) -> None:
        self._fail_all()
        self._dealer.close()
        self._events.close()
        self._ours.close()
        self._theirs.close()

    def _fail_all(self) -> None:
        """Fail all requests, also those requested meanwhile: the dispatcher ended, or the client was stopped."""
        while self._jobs:
            with suppress(zmq.ZMQError):
                self._jobs.popleft()()
        asked = [*self._asked.values(), *(item for _, item in self._later)]
        self._asked.clear()
        self._later.clear()
        for item in asked:
            _fail(
                item,
                PeerGone(f"this client was closed while {item.call!r} was under way")
                if self._stopped
                else self._channel.gone(item.call),
            )


def _resolve(asked: RequestInFlight, raw: msgspec.Raw, error: tuple[str, str, Any] | None) -> None:
    if error is not None:
        _fail(asked, failed(error))
    elif asked.future.set_running_or_notify_cancel():
        try:
            asked.future.set_result(decode(asked.call, raw))
        except msgspec.MsgspecError as problem:
            asked.future.set_exception(problem)


def _fail(asked: RequestInFlight, error: FloeError) -> None:
    take_back(asked.args)
    if asked.future.set_running_or_notify_cancel():
        asked.future.set_exception(error)


def in_this_process(channel: Channel) -> bool:
    """Return False in a fork of the attached process: threads do not survive a fork."""
    return channel.process == os.getpid()
