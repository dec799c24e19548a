"""Connection to the dispatcher: structs of `wire.runner_messages` in numbered envelopes.

The envelopes travel over the local listener of the dispatcher's address if reachable (`floe_jupyter.wire.transport.streams`),
else over a ZeroMQ DEALER.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.runner.transports import transport_to
from floe_jupyter.wire.runner_messages import FromRunner, ToRunner
from floe_jupyter.wire.transport.loop import Loop
from floe_jupyter.wire.transport.reliable import Link


class Uplink:
    """Connection that sends at once and receives when the loop turns. Messages that cannot be sent now are sent again by the
    link.
    """

    def __init__(self, loop: Loop, url: str, identity: str, take: Callable[[Any], None]) -> None:
        self.refused = 0
        """Number of received messages that could not be decoded."""
        self._loop, self._take = loop, take
        self._link = Link()
        self._decode = msgspec.msgpack.Decoder(ToRunner).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._transport = transport_to(loop, url, identity, self._understand)
        self._transmit = self._transport.transmit
        loop.every_turn(self.turn)

    @property
    def full(self) -> bool:
        """True if the dispatcher does not keep up: make no more messages until the dispatcher does."""
        return bool(self._link.backlog) and self._link.full

    def send(self, message: FromRunner) -> None:
        """Send a message."""
        self._transmit(self._link.send(self._encode(message), self._loop.now))

    def offer(self, message: FromRunner) -> bool:
        """Send a message that may be missed, unless the dispatcher does not keep up; return True if sent."""
        if self._link.backlog > 1024 * 1024:
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
        return 0.0 if self._transport.turn() else due

    def close(self) -> None:
        """Send due envelopes and close the connection."""
        for envelope in self._link.due(time.monotonic()):
            self._transmit(envelope)
        self._transport.close()

    def _understand(self, envelope: bytes) -> None:
        for body in self._link.receive(envelope, self._loop.now):
            try:
                message = self._decode(body)
            except msgspec.MsgspecError:
                self.refused += 1
                continue
            self._take(message)
