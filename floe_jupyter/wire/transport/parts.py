"""Messages of any size over a `Link` between machines: a large body travels in parts, and waits while the line is busy.

Between processes of one machine large data goes by the name of shared memory. To a peer elsewhere the data itself travels, and
must neither fill the memory of the sender nor hold up acknowledgements: parts are made only while less than `WINDOW` bytes are
unacknowledged. Order is kept: a message behind a large one waits.

A part begins with a byte that no MessagePack value begins with, and a byte that says whether the body goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.transport.reliable import Link

PART = 64 * 1024
"""Maximum bytes of a part: on a line of 1 MB/s some acknowledgement arrives before the link believes a part lost."""
WINDOW = 4 * 1024 * 1024
"""Maximum bytes sent and not acknowledged."""
LIMIT = PART + 1_024
"""Maximum bytes of an envelope with a part."""
_MARK = 0xC1
_MORE, _LAST = bytes((_MARK, 1)), bytes((_MARK, 0))


class PartSender:
    """Sender of messages through a link. *encode* is called when the line is free, so that few messages wait encoded.

    `pump` is to be called whenever acknowledgements may have arrived.
    """

    def __init__(self, link: Link, encode: Callable[[Any], bytes], transmit: Callable[[bytes], None]) -> None:
        self._link, self._encode, self._transmit = link, encode, transmit
        self._waiting: deque[Any] = deque()
        self._body = memoryview(b"")
        """Rest of the body under way."""

    @property
    def waits(self) -> bool:
        """True while a message waits for the line."""
        return bool(self._waiting or self._body)

    def send(self, message: Any, now: float) -> None:
        """Send a message, or as much of it as the line takes now."""
        self._waiting.append(message)
        self.pump(now)

    def pump(self, now: float) -> bool:
        """Send what the line takes now; return True if anything was sent."""
        sent = False
        while self.waits and self._link.backlog < WINDOW:
            self._step(now)
            sent = True
        return sent

    def _step(self, now: float) -> None:
        """Send one envelope: a whole message, or the next part."""
        if self._body:
            part, self._body = self._body[:PART], self._body[PART:]
            self._put((_MORE if self._body else _LAST) + bytes(part), now)
            return
        body = self._encode(self._waiting.popleft())
        if len(body) <= PART:
            self._put(body, now)
        else:
            self._body = memoryview(body)

    def _put(self, body: bytes, now: float) -> None:
        self._transmit(self._link.send(body, now))

    def close(self) -> list[Any]:
        """Return the messages that were not begun, and forget them."""
        left, self._waiting, self._body = list(self._waiting), deque(), memoryview(b"")
        return left


class PartJoiner:
    """Receiver of the bodies sent by a `PartSender`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Maximum bytes of a joined body."""
        self._begun = bytearray()

    def take(self, body: bytes) -> bytes | None:
        """Return the body completed by this one; None if more parts follow. Raises `ProtocolError` for a body over the limit."""
        if body[:1] != _MORE[:1]:
            return body
        if len(self._begun) + len(body) > self.limit:
            self._begun = bytearray()
            raise ProtocolError(f"a message in parts of more than {self.limit:,} bytes")
        self._begun += body[2:]
        if body[:2] == _MORE:
            return None
        whole, self._begun = bytes(self._begun), bytearray()
        return whole
