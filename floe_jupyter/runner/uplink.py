"""The connection to the dispatcher: structs of `floe_jupyter.wire.links` in numbered envelopes over a ZeroMQ DEALER."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from floe_jupyter.runner.loop import Loop
from floe_jupyter.wire.link import Link
from floe_jupyter.wire.links import FromRunner, ToRunner

_NOBLOCK = int(zmq.NOBLOCK)
_EVENTS, _MORE, _IN = int(zmq.EVENTS), int(zmq.RCVMORE), int(zmq.POLLIN)
"""As plain numbers: an enumeration is looked up anew for each call."""
_PER_TURN = 64
"""So many envelopes are taken before the pipes get their turn again."""


class Uplink:
    """Sends at once, receives when the loop turns. What cannot be sent now is sent again by the link."""

    def __init__(self, loop: Loop, url: str, identity: str, take: Callable[[Any], None]) -> None:
        self.refused = 0
        """Messages that could not be understood."""
        self._loop, self._take = loop, take
        self._link = Link()
        self._decode = msgspec.msgpack.Decoder(ToRunner).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTING_ID, identity.encode()[:255])
        self._socket.connect(url)
        self._stirred = True
        """Something may have come in."""
        self._fd = int(self._socket.getsockopt(zmq.FD))
        loop.watch(self._fd, self._signalled)
        loop.every_turn(self.turn)

    @property
    def full(self) -> bool:
        """The dispatcher does not keep up: make no more until it does."""
        return self._link.full

    def send(self, message: FromRunner) -> None:
        self._transmit(self._link.send(self._encode(message), self._loop.now))

    def offer(self, message: FromRunner) -> bool:
        """`send`, unless the dispatcher does not keep up: for what may be missed."""
        if self._link.backlog > 1024 * 1024:
            return False
        self.send(message)
        return True

    def turn(self) -> float | None:
        """Receive what is there and send what is due; when to be called again.

        The descriptor tells only of changes, and sending may swallow one: after either the socket itself is asked.
        """
        due = self._link.next_due()
        if due is not None and due <= self._loop.now:
            for envelope in self._link.due(self._loop.now):
                self._transmit(envelope)
        taken = 0
        while self._stirred:
            if not int(self._socket.getsockopt(_EVENTS)) & _IN:
                self._stirred = False
            elif taken == _PER_TURN:
                return 0.0
            else:
                self._receive()
                taken += 1
        return self._link.next_due()

    def close(self) -> None:
        """Send what is due and go."""
        for envelope in self._link.due(time.monotonic()):
            self._transmit(envelope)
        self._loop.forget(self._fd)
        self._socket.close(linger=100)
        self._context.term()

    def _signalled(self, _: int) -> None:
        self._stirred = True

    def _transmit(self, envelope: bytes) -> None:
        self._stirred = True
        try:
            self._socket.send(envelope, _NOBLOCK, copy=len(envelope) < 65536)
        except zmq.Again:
            return  # the dispatcher is away; the link sends it again

    def _receive(self) -> None:
        """One message: every part of it is an envelope, and all of them are there."""
        socket = self._socket
        self._understand(socket.recv(_NOBLOCK))
        while socket.getsockopt(_MORE):
            self._understand(socket.recv(_NOBLOCK))

    def _understand(self, envelope: bytes) -> None:
        for body in self._link.receive(envelope, self._loop.now):
            try:
                message = self._decode(body)
            except msgspec.MsgspecError:
                self.refused += 1
                continue
            self._take(message)
