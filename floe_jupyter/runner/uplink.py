"""The connection to the dispatcher: structs of `floe_jupyter.wire.links` in numbered envelopes, over the quick door of the
dispatcher's address where there is one (`floe_jupyter.wire.streams`), else over a ZeroMQ DEALER.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.runner.loop import Loop
from floe_jupyter.runner.ways import way_to
from floe_jupyter.wire.link import Link
from floe_jupyter.wire.links import FromRunner, ToRunner


class Uplink:
    """Sends at once, receives when the loop turns. What cannot be sent now is sent again by the link."""

    def __init__(self, loop: Loop, url: str, identity: str, take: Callable[[Any], None]) -> None:
        self.refused = 0
        """Messages that could not be understood."""
        self._loop, self._take = loop, take
        self._link = Link()
        self._decode = msgspec.msgpack.Decoder(ToRunner).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._way = way_to(loop, url, identity, self._understand)
        self._transmit = self._way.transmit
        loop.every_turn(self.turn)

    @property
    def full(self) -> bool:
        """The dispatcher does not keep up: make no more until it does."""
        return bool(self._link.backlog) and self._link.full

    def send(self, message: FromRunner) -> None:
        self._transmit(self._link.send(self._encode(message), self._loop.now))

    def offer(self, message: FromRunner) -> bool:
        """`send`, unless the dispatcher does not keep up: for what may be missed."""
        if self._link.backlog > 1024 * 1024:
            return False
        self.send(message)
        return True

    def turn(self) -> float | None:
        """Receive what is there and send what is due; when to be called again."""
        now, due = self._loop.now, self._link.next_due()
        if due is not None and due <= now:
            for envelope in self._link.due(now):
                self._transmit(envelope)
            due = self._link.next_due()
        return 0.0 if self._way.turn() else due

    def close(self) -> None:
        """Send what is due and go."""
        for envelope in self._link.due(time.monotonic()):
            self._transmit(envelope)
        self._way.close()

    def _understand(self, envelope: bytes) -> None:
        for body in self._link.receive(envelope, self._loop.now):
            try:
                message = self._decode(body)
            except msgspec.MsgspecError:
                self.refused += 1
                continue
            self._take(message)
