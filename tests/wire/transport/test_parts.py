"""Large messages over a link: in parts, in order, and with little unacknowledged."""

from __future__ import annotations

import random

import pytest

from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.transport.parts import PART, WINDOW, PartJoiner, PartSender
from floe_jupyter.wire.transport.reliable import Link

LIMIT = 64 * 1024 * 1024


class Pair:
    """A sender and a receiver on one clock, with a line that loses what *lost* says."""

    def __init__(self, lost: float = 0.0) -> None:
        self.now, self.lost, self.random = 0.0, lost, random.Random(7)
        self.line: list[bytes] = []
        self.here, self.there = Link(1), Link(1)
        self.sender = PartSender(self.here, bytes, self.line.append)
        self.joiner = PartJoiner(LIMIT)
        self.got: list[bytes] = []
        self.most = 0

    def turn(self) -> None:
        """Carry what is on the line, and the answers."""
        self.now += 0.06
        self.most = max(self.most, self.here.backlog)
        line, self.line[:] = [*self.line, *self.here.due(self.now)], []
        for envelope in line:
            if self.random.random() >= self.lost:
                for body in self.there.receive(envelope, self.now):
                    whole = self.joiner.take(body)
                    self.got += [] if whole is None else [whole]
        for envelope in self.there.due(self.now):
            self.here.receive(envelope, self.now)
        self.sender.pump(self.now)

    def until(self, count: int) -> None:
        for _ in range(10_000):
            if len(self.got) == count:
                return
            self.turn()
        raise AssertionError(f"{len(self.got)} of {count} messages in 10,000 turns")


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_messages_of_any_size_arrive_whole_and_in_order(lost: float) -> None:
    pair = Pair(lost)
    sent = [bytes([n]) * size for n, size in enumerate((1, PART, PART + 1, 10 * WINDOW, 5, 3 * PART, 0), 1)]
    for message in sent:
        pair.sender.send(b"\x90" + message, pair.now)
    pair.until(len(sent))
    assert pair.got == [b"\x90" + message for message in sent]
    assert not pair.sender.waits


def test_no_more_than_the_window_waits_for_acknowledgement() -> None:
    pair = Pair()
    pair.sender.send(bytes(3 * WINDOW), pair.now)
    pair.until(1)
    assert WINDOW <= pair.most <= WINDOW + PART + 2


def test_messages_are_encoded_when_the_line_is_free() -> None:
    made: list[int] = []
    link = Link(1)
    sender = PartSender(link, lambda size: made.append(size) or bytes(size), lambda _: None)  # type: ignore[func-returns-value]
    for size in (2 * WINDOW, 10, 20):
        sender.send(size, 0.0)
    assert made == [2 * WINDOW]
    assert sender.close() == [10, 20]
    assert not sender.waits


def test_a_message_beyond_the_limit_is_refused_and_the_next_one_taken() -> None:
    joiner = PartJoiner(10)
    with pytest.raises(ProtocolError, match="more than 10 bytes"):
        joiner.take(b"\xc1\x01" + bytes(11))
    assert joiner.take(b"\x90") == b"\x90"
    assert joiner.take(b"\xc1\x01abc") is None
    assert joiner.take(b"\xc1\x00def") == b"abcdef"
