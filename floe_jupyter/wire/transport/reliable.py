"""Numbered envelopes: lost messages are sent again, duplicates are dropped, and order is kept.

`Link` is one end, without sockets and clocks of its own. The loop around a link transmits the results of `send` and `due`,
hands arrived envelopes to `receive`, and comes back at the time given by `next_due`. An envelope is::

    u8 kind | u64 epoch, u32 turn of the sender | u64 epoch, u32 turn of the receiver (0: unknown)
            | u64 number | u64 acknowledged | body

(little endian). The *epoch* is one life of one end; a later life has a larger epoch. A restarted end knows none of the earlier
numbers; the other end then takes a new *turn* and renumbers all unacknowledged messages from 1. Numbers and acknowledgements
count within one turn. Acknowledgements are cumulative, and travel with the messages of the other direction; alone only if no
message is sent for a while.
"""

from __future__ import annotations

import struct
import time
from collections import deque

_HEAD = struct.Struct("<BQIQIQQ")
_SIZE = _HEAD.size
_BODY, _ACK = 1, 2

RESEND_FIRST = 0.2
"""Seconds without progress after which the oldest messages are sent again; doubles up to `RESEND_LAST`."""
RESEND_LAST = 2.0
ACK_DELAY = 0.05
"""Maximum seconds for which an acknowledgement waits for a message to travel with."""
ACK_EVERY = 64
"""Maximum number of messages for which an acknowledgement waits."""
AHEAD = 4_096
"""Maximum number of messages kept while an earlier message is missing; later messages are dropped and sent again."""
BURST = 256
"""Maximum number of messages sent again at once."""
BURST_BYTES = 4 * 1024 * 1024
FULL_MESSAGES = 16_384
FULL_BYTES = 64 * 1024 * 1024


class Link:
    """One end of a connection that loses, repeats and reorders whole messages.

    Every body given to `send` at one end comes out of `receive` at the other exactly once, in order, as long as both ends live.
    `full` says when the sender should stop producing: memory is bounded only for a sender that obeys.
    """

    def __init__(self, epoch: int | None = None) -> None:
        self.epoch = time.time_ns() if epoch is None else epoch
        self.peer = 0
        """Epoch of the other end's present life; 0 before the first contact."""
        self.refused = 0
        """Number of malformed envelopes, and of envelopes of a former life."""
        self.backlog = 0
        """Bytes sent and not acknowledged."""
        self._turn = self._peer_turn = 0
        self._sent = 0
        self._unacked: deque[bytes] = deque()
        self._received = 0
        self._ahead: dict[int, bytes] = {}
        self._owed = 0
        self._ack_at: float | None = None
        self._resend_at: float | None = None
        self._pause = RESEND_FIRST
        self._suspect = 0
        """Number of the last message that may be lost: in flight when the last wait ran out."""
        self._now = 0.0

    @property
    def full(self) -> bool:
        """True while the unacknowledged backlog is too large for further messages."""
        return self.backlog >= FULL_BYTES or len(self._unacked) >= FULL_MESSAGES

    @property
    def owes(self) -> bool:
        """True while the other end has not acknowledged all messages."""
        return bool(self._unacked)

    def send(self, body: bytes, now: float | None = None) -> bytes:
        """Return the envelope to transmit. Without *now* the clock of the resend starts at the last known time."""
        if now is not None:
            self._now = now
        number = self._sent = self._sent + 1
        self._unacked.append(body)
        self.backlog += len(body)
        if self._resend_at is None:
            self._resend_at = self._now + self._pause
        self._owed, self._ack_at = 0, None
        return _HEAD.pack(_BODY, self.epoch, self._turn, self.peer, self._peer_turn, number, self._received) + body

    def receive(self, envelope: bytes, now: float) -> list[bytes]:
        """Return the bodies now deliverable, in order. Malformed envelopes are only counted."""
        self._now = now
        if len(envelope) < _SIZE:
            self.refused += 1
            return []
        kind, epoch, turn, mine, my_turn, number, acknowledged = _HEAD.unpack_from(envelope)
        if (
            number == self._received + 1
            and kind == _BODY
            and epoch == self.peer
            and turn == self._peer_turn
            and mine == self.epoch
            and my_turn == self._turn
            and not self._ahead
        ):
            return self._take_next(envelope, acknowledged)
        if kind not in (_BODY, _ACK) or not epoch or (epoch, turn) < (self.peer, self._peer_turn):
            self.refused += 1
            return []
        if (epoch, turn) > (self.peer, self._peer_turn):
            self._meet(epoch, turn)
        if mine and mine != self.epoch:
            return self._refuse_former_life()
        if mine and my_turn == self._turn:
            self._acknowledge(acknowledged)
        return self._take(number, envelope[_SIZE:]) if kind == _BODY else []

    def _take_next(self, envelope: bytes, acknowledged: int) -> list[bytes]:
        """Take the expected next message: the fast path for nearly every envelope."""
        self._received += 1
        if self._unacked:
            self._acknowledge(acknowledged)
        owed = self._owed = self._owed + 1
        if self._ack_at is None:
            self._ack_at = self._now + ACK_DELAY
        if owed >= ACK_EVERY:
            self._ack_at = self._now
        return [envelope[_SIZE:]]

    def due(self, now: float) -> list[bytes]:
        """Return the acknowledgements and repetitions to transmit now."""
        self._now = now
        result = []
        if self._resend_at is not None and now >= self._resend_at:
            result = self._repeat()
            self._pause = min(self._pause * 2, RESEND_LAST)
            self._resend_at = now + self._pause
        if not result and self._ack_at is not None and now >= self._ack_at:
            result.append(self._head(_ACK, 0))
        return result

    def reconnected(self, now: float) -> None:
        """Take note of a new connection: what is not acknowledged is due at once, else an acknowledgement."""
        self._now = now
        self._suspect, self._pause = self._sent, RESEND_FIRST
        if self._unacked:
            self._resend_at = now
        else:
            self._owe(at_once=True)

    def next_due(self) -> float | None:
        """Return the time at which `due` has envelopes, on the clock of *now*; None: not before the next `send` or `receive`."""
        if self._ack_at is None or self._resend_at is None:
            return self._resend_at if self._ack_at is None else self._ack_at
        return min(self._ack_at, self._resend_at)

    def _head(self, kind: int, number: int) -> bytes:
        if self._owed:
            self._settle()
        return _HEAD.pack(kind, self.epoch, self._turn, self.peer, self._peer_turn, number, self._received)

    def _settle(self) -> None:
        self._owed = 0
        self._ack_at = None

    def _owe(self, at_once: bool) -> None:
        self._owed += 1
        if at_once or self._owed >= ACK_EVERY:
            self._ack_at = self._now
        elif self._ack_at is None:
            self._ack_at = self._now + ACK_DELAY

    def _meet(self, epoch: int, turn: int) -> None:
        """Restart counting from 1 with the other end: at first contact, in a new life, or because this end seemed restarted."""
        restarted = 0 < self.peer < epoch
        self.peer, self._peer_turn = epoch, turn
        self._received = 0
        self._ahead.clear()
        self._settle()
        if restarted:
            self._take_turn()

    def _take_turn(self) -> None:
        self._turn += 1
        self._sent = self._suspect = len(self._unacked)
        self._pause = RESEND_FIRST
        self._resend_at = self._now if self._unacked else None

    def _refuse_former_life(self) -> list[bytes]:
        """Refuse an envelope for a former life of this end; the acknowledgement owed at once tells the sender the present
        epoch.
        """
        self.refused += 1
        self._owe(at_once=True)
        return []

    def _acknowledge(self, number: int) -> None:
        if number == self._sent:  # all messages
            if self._unacked:
                self._unacked.clear()
                self.backlog, self._pause, self._resend_at = 0, RESEND_FIRST, None
            return
        fresh = min(number, self._sent) - (self._sent - len(self._unacked))
        if fresh <= 0:
            return
        for _ in range(fresh):
            self.backlog -= len(self._unacked.popleft())
        self._pause = RESEND_FIRST
        if not self._unacked:
            self._resend_at = None
        else:
            self._resend_at = self._now + (0.0 if number < self._suspect else self._pause)

    def _take(self, number: int, body: bytes) -> list[bytes]:
        expected = self._received + 1
        if number != expected:
            self._set_aside(number, body, expected)
            return []
        bodies = [body]
        while self._ahead and (body_ahead := self._ahead.pop(expected + len(bodies), None)) is not None:
            bodies.append(body_ahead)
        self._received += len(bodies)
        self._owe(at_once=False)
        return bodies

    def _set_aside(self, number: int, body: bytes, expected: int) -> None:
        if expected < number <= expected + AHEAD:
            self._ahead[number] = body
        self._owe(at_once=number < expected)

    def _repeat(self) -> list[bytes]:
        """Return the oldest messages again; other possibly lost messages follow as soon as these are acknowledged."""
        result: list[bytes] = []
        first = self._sent - len(self._unacked) + 1
        size = 0
        for i, body in enumerate(self._unacked):
            if i == BURST or size > BURST_BYTES:
                break
            size += len(body)
            result.append(self._head(_BODY, first + i) + body)
        if first > self._suspect:
            self._suspect = self._sent
        return result
