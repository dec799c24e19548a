"""Connection to the dispatcher: structs of `wire.runner_messages` in numbered envelopes.

The envelopes travel over the local listener of the dispatcher's address if reachable (`floe_jupyter.wire.transport.streams`),
else over a ZeroMQ DEALER, which is encrypted between machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.transports import JoinAddress, transport_to
from floe_jupyter.wire.inlined import carried, discard, divided, in_batches
from floe_jupyter.wire.runner_messages import FromRunner, ToRunner
from floe_jupyter.wire.runtime.frames import FRAME_LIMIT
from floe_jupyter.wire.transport.loop import Loop
from floe_jupyter.wire.transport.parts import PartJoiner, PartSender
from floe_jupyter.wire.transport.reliable import Link


class Uplink:
    """Connection that sends at once and receives when the loop turns. Messages that cannot be sent now are sent again by the
    link.
    """

    def __init__(
        self,
        loop: Loop,
        url: str,
        identity: str,
        take: Callable[[Any], None],
        *,
        same_memory: bool = True,
        joining: JoinAddress | None = None,
    ) -> None:
        self.refused = 0
        """Number of received messages that could not be decoded."""
        self._loop, self._take = loop, take
        self._link = Link()
        self._decode = msgspec.msgpack.Decoder(ToRunner).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._transport = transport_to(
            loop, url, identity, self._understand, self._connected, same_memory=same_memory, joining=joining
        )
        self._transmit = self._transport.transmit
        self._parts = None if same_memory else PartSender(self._link, self._encoded, self._transmit)
        """Sender to a dispatcher on another machine."""
        self._joiner = PartJoiner(FRAME_LIMIT)
        self.heard = loop.now
        """Time of the last message of the dispatcher."""
        loop.every_turn(self.turn)

    @property
    def full(self) -> bool:
        """True if the dispatcher does not keep up: make no more messages until the dispatcher does."""
        if self._parts is not None and self._parts.waits:
            return True
        return bool(self._link.backlog) and self._link.full

    def send(self, message: FromRunner) -> None:
        """Send a message."""
        if self._parts is not None:
            for part in divided(message):
                self._parts.send(part, self._loop.now)
            return
        self._transmit(self._link.send(self._encode(message), self._loop.now))

    def offer(self, message: FromRunner) -> bool:
        """Send a message that may be missed, unless the dispatcher does not keep up; return True if sent."""
        if self._link.backlog > 1024 * 1024 or (self._parts is not None and self._parts.waits):
            return False
        self.send(message)
        return True

    def turn(self) -> float | None:
        """Receive available messages and send due envelopes; return the time of the next call."""
        now, due = self._loop.now, self._link.next_due()
        if due is not None and due <= now:
            for envelope in self._link.due(now):
                self._transmit(envelope)
            due = self._link.next_due()
        more = self._transport.turn()
        if self._parts is not None and self._parts.waits and self._parts.pump(now):
            return 0.0
        return 0.0 if more else due

    def close(self) -> None:
        """Send due envelopes and close the connection. Messages to another machine that wait for the line are dropped."""
        if self._parts is not None:
            for message in self._parts.close():
                in_batches(message, discard)
        for envelope in self._link.due(time.monotonic()):
            self._transmit(envelope)
        self._transport.close()

    def _connected(self) -> None:
        self._link.reconnected(self._loop.now)

    def _encoded(self, message: FromRunner) -> bytes:
        return self._encode(in_batches(message, carried))

    def _understand(self, envelope: bytes) -> None:
        self.heard = self._loop.now
        for body in self._link.receive(envelope, self._loop.now):
            try:
                whole = body if self._parts is None else self._joiner.take(body)
                message = None if whole is None else self._decode(whole)
            except (msgspec.MsgspecError, ProtocolError):
                self.refused += 1
                continue
            if message is not None:
                self._take(message)
