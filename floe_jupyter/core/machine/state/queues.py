"""Queue of a wire: batches in order, counted and bounded, with single messages where a message must be tracked by itself.

Most waiting messages are in plain `Batch` objects. A retried, suspected or held message, or a message named for debugging, is a
`TrackedMessage`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from floe_jupyter.core.flow.model import Wire
from floe_jupyter.core.machine.events import CHUNK
from floe_jupyter.core.machine.state.tracked import TrackedMessage, named_as, of_wanted_runs, pieces_of
from floe_jupyter.core.machine.state.watch import Watch
from floe_jupyter.core.messages import Batch, split

CALL_BYTES = 1024 * 1024
"""Maximum bytes of a call (approximate); a single larger message is called alone."""


LATEST = 1_000
"""Bytes of a wire's newest messages kept for views: the last value, or its beginning."""
WHOLE = CALL_BYTES
"""Maximum bytes of a newest batch kept whole until the next view is made, which shortens the batch to `LATEST` bytes."""


def newest(batch: Batch) -> bytes:
    """Return the part of a wire's newest batch to keep. Costs at most a slice of the batch: see `latest`."""
    payload = batch.payload
    if len(payload) <= WHOLE:
        return payload
    return payload[-LATEST:] if batch.n > 1 else begun(payload[1:LATEST], len(payload) - 2, LATEST)


def begun(text: bytes, size: int, most: int) -> bytes:
    """Return the beginning of a value of *size* bytes, in at most *most* bytes, followed by a line break (absent from all
    payloads) and the size.
    """
    return b"%b\n%d" % (text[: max(0, most - 16)], size)


class Queue:
    """Messages waiting on a wire, or at a node's port for an injection or a fired join."""

    __slots__ = (
        "_filled",
        "bit",
        "bytes",
        "cyclic",
        "gate",
        "items",
        "latest",
        "max_bytes",
        "max_n",
        "n",
        "name",
        "parts",
        "port",
        "routed",
        "sent",
        "source",
        "target",
        "tokens",
        "wire",
    )

    def __init__(
        self, name: str, target: str, port: str, max_n: int, max_bytes: int, wire: Wire | None = None, *, filled: Watch[Queue]
    ) -> None:
        self.name, self.target, self.port, self.wire = name, target, port, wire
        self._filled = filled
        """Watch to which the queue adds itself when full."""
        self.source = wire.source if wire else ""
        self.max_n, self.max_bytes = max_n, max_bytes
        self.items: deque[Batch | TrackedMessage] = deque()
        self.n = 0
        self.bytes = 0
        self.sent = 0
        """Number of messages ever put on the queue."""
        self.parts = 0
        """Number of the queue's messages waiting inside a join."""
        self.bit = 0
        """Bit of the queue among the wires of a join."""
        self.latest = b""
        """Messages last put on the queue, or a part of them, for views; see `latest`."""
        self.cyclic = False
        self.routed = False
        """True if a local route carries the wire; no message waits here then."""
        self.gate: Queue = self
        """Queue whose room decides whether more may be sent."""
        self.tokens: list[Any] = []
        """Tokens of injections to accept when the queue has room again."""

    @property
    def full(self) -> bool:
        """True if the queue has reached its limit of messages or bytes."""
        return self.n >= self.max_n or self.bytes >= self.max_bytes

    def put(self, batch: Batch) -> None:
        """Append a batch."""
        self.items.append(batch)
        self.n += batch.n
        self.sent += batch.n
        self.latest = newest(batch)
        self.bytes += len(batch.payload) if not batch.buffers else batch.size
        if self.n >= self.max_n or self.bytes >= self.max_bytes:
            self._filled.add(self)

    def put_items(self, items: list[TrackedMessage]) -> None:
        """Append tracked messages."""
        self.items.extend(items)
        self._add(items, 1)
        self.sent += len(items)
        self.latest = newest(items[-1].batch)

    def put_back(self, items: list[Batch | TrackedMessage]) -> None:
        """Return items to the head, in their order."""
        self.items.extendleft(reversed(items))
        self._add(items, 1)

    def _add(self, items: list[Batch] | list[TrackedMessage] | list[Batch | TrackedMessage], sign: int) -> None:
        for item in items:
            batch = item if type(item) is Batch else item.batch  # type: ignore[union-attr]
            self.n += sign * batch.n
            self.bytes += sign * batch.size
        if self.full:
            self._filled.add(self)

    def resize(self, by: int) -> None:
        """Add *by* bytes to the size, after a message of the queue has grown by as much."""
        self.bytes += by
        if self.full:
            self._filled.add(self)

    def take(self, most: int = CHUNK) -> list[Batch | TrackedMessage]:
        """Take from the head: one specially treated message, or up to *most* plain messages."""
        items = self.items
        first = items.popleft()
        if not items and type(first) is Batch and first.n <= most and len(first.payload) <= CALL_BYTES and not first.buffers:
            self.n -= first.n
            self.bytes -= len(first.payload)
            return [first]
        if type(first) is TrackedMessage and not first.plain:
            taken: list[Batch | TrackedMessage] = [first]
            if first.numbered:
                self._gather_numbered(taken, first, most)
        else:
            if first.n > 1 and (first.n > most or _size(first) > CALL_BYTES):
                assert isinstance(first, Batch)
                first = self._chop(first, most)
            taken = [first]
            if items and first.n < most:
                self._gather(taken, most)
        self._add(taken, -1)
        return taken

    def _chop(self, batch: Batch, most: int) -> Batch:
        if batch.size > CALL_BYTES:
            most = min(most, max(1, batch.n * CALL_BYTES // batch.size))
        first, *rest = pieces_of(batch, most)
        self.items.extendleft(reversed(rest))
        self.resize(first.size + sum(other.size for other in rest) - batch.size)
        return first

    def _gather(self, taken: list[Batch | TrackedMessage], most: int) -> None:
        items, n, size, named = self.items, taken[0].n, _size(taken[0]), _is_named(taken[0])
        while items:
            following = items[0]
            if n + following.n > most or size + _size(following) > CALL_BYTES:
                return
            if type(following) is TrackedMessage and not following.plain:
                return
            if named and type(following) is Batch:
                following = named_as(following, self.name, self.sent - self.n + n)
            elif _is_named(following) != named:
                return
            taken.append(following)
            items.popleft()
            n += following.n
            size += _size(following)

    def _gather_numbered(self, taken: list[Batch | TrackedMessage], last: TrackedMessage, most: int) -> None:
        """Add the items with consecutive numbers after *last*."""
        size = _size(last)
        while self.items and len(taken) < most:
            item = self.items[0]
            size += _size(item)
            if (
                not isinstance(item, TrackedMessage)
                or not item.numbered
                or item.number != (last.number or 0) + 1
                or size > CALL_BYTES
            ):
                return
            last = item
            taken.append(item)
            self.items.popleft()

    def remove(self, item: Batch | TrackedMessage) -> None:
        """Remove exactly this object, at any position."""
        position = next(i for i, other in enumerate(self.items) if other is item)
        del self.items[position]
        self._add([item], -1)

    def ahead_of(self, item: TrackedMessage) -> Batch | TrackedMessage | None:
        """Return the item directly ahead of *item*; None at the head."""
        position = next(i for i, other in enumerate(self.items) if other is item)
        return self.items[position - 1] if position else None

    def put_back_behind(self, ahead: Batch | TrackedMessage | None, item: TrackedMessage) -> None:
        """Put *item* right behind *ahead*; at the head if *ahead* is gone."""
        position = next((i + 1 for i, other in enumerate(self.items) if other is ahead), 0)
        self.items.insert(position, item)
        self._add([item], 1)

    def insert_behind(self, item: TrackedMessage, copy: TrackedMessage) -> None:
        """Put a copy right behind its original."""
        position = next(i for i, other in enumerate(self.items) if other is item)
        self.items.insert(position + 1, copy)
        self._add([copy], 1)
        self.sent += 1

    def keep(self, wanted: Callable[[int], bool]) -> int:
        """Drop the messages of all runs except the *wanted*; return the number dropped."""
        before, kept = self.n, deque[Batch | TrackedMessage]()
        for item in self.items:
            rest = of_wanted_runs(item, wanted)
            if rest is not None:
                kept.append(rest)
        self.items, self.n, self.bytes = kept, 0, 0
        self._add(list(kept), 1)
        return before - self.n

    def name_all(self) -> None:
        """Turn every waiting message into a `TrackedMessage` with an id."""
        number = self.sent - self.n
        named: deque[Batch | TrackedMessage] = deque()
        for item in self.items:
            if type(item) is TrackedMessage:
                item.batch = named_as(item.batch, self.name, number)
                named.append(item)
            else:
                named.extend(TrackedMessage(part) for part in split(named_as(item, self.name, number)))  # type: ignore[arg-type]
            number += item.n
        self.items, self.n, self.bytes = named, 0, 0
        self._add(list(named), 1)


def _is_named(item: Batch | TrackedMessage) -> bool:
    return (item if type(item) is Batch else item.batch).ids is not None  # type: ignore[union-attr]


def _size(item: Batch | TrackedMessage) -> int:
    return item.size if type(item) is Batch else item.batch.size  # type: ignore[union-attr]
