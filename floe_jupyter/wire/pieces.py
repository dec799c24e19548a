"""Splitting of large events into pieces: queues between processes are bounded by count, and pieces make an event count by
size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

PIECE = 65 * 1024
"""Maximum bytes of one piece; a piece of a log fits into one."""

_encode = msgspec.msgpack.Encoder().encode
_MARK = msgspec.msgpack.Decoder(tuple[int, int, int])


def cut(topic: bytes, sequence: int, body: bytes) -> Iterator[tuple[bytes, ...]]:
    """Return the messages that carry an event: (topic, body), or (topic, piece, mark) for each piece of a larger one."""
    if len(body) <= PIECE:
        yield topic, body
        return
    count = -(-len(body) // PIECE)
    for place in range(count):
        yield topic, body[place * PIECE : (place + 1) * PIECE], _encode((sequence, place, count))


class Assembler:
    """Assembler of events from the messages of `cut`. An event of which a piece was lost is lost."""

    def __init__(self) -> None:
        self._sequence = -1
        self._pieces: list[bytes] = []

    def take(self, parts: Sequence[bytes]) -> bytes | None:
        """Return the body of the event completed by this message; None if the event is still incomplete."""
        if len(parts) < 3:
            return parts[-1]
        sequence, place, count = _MARK.decode(parts[2])
        if place == 0:
            self._sequence, self._pieces = sequence, []
        elif sequence != self._sequence or place != len(self._pieces):
            self._pieces = []
            self._sequence = -1
            return None
        self._pieces.append(parts[1])
        if place < count - 1:
            return None
        whole, self._pieces = b"".join(self._pieces), []
        return whole
