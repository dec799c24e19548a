"""A wire's queue: batches in order, counted, bounded; and single messages where one of them needs care of its own.

Most of what waits is a plain `Batch`. A message that is retried, suspected, held or named for debugging is an `Item`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from floe_jupyter.core.events import CHUNK, Failure
from floe_jupyter.core.messages import Batch, derive, merge, split

if TYPE_CHECKING:
    from floe_jupyter.core.joins import Entry
    from floe_jupyter.core.model import Wire

CALL_BYTES = 1024 * 1024
"""A call carries about this much at most, unless one message is larger."""


class Item:
    """One message with a history of its own."""

    __slots__ = ("attempts", "batch", "breakpoint", "crashes", "due", "entry", "failure", "held", "number", "passed", "skip",
                 "suspect", "undo")

    def __init__(self, batch: Batch, *, entry: Entry | None = None) -> None:
        self.batch = batch if batch.runs is None else one_run(batch)
        self.entry = entry
        """The decision of an `any` join that let it through: it counts as run once the message is called."""
        self.attempts = 0
        self.crashes = 0
        self.suspect = False
        """It may have ended its runtime: it is called alone."""
        self.skip = 0
        self.number: int | None = None
        """Under which number of its node it was called before it had an id: its idempotency key stays the same."""
        self.due = 0.0
        self.held = ""
        self.failure: Failure | None = None
        self.breakpoint = ""
        self.passed = False
        """Breakpoints let it go; they are not asked again."""
        self.undo: list[Callable[[], None]] | None = None
        """How to undo the step that made it, where that was recorded."""

    @property
    def n(self) -> int:
        return 1

    @property
    def id(self) -> str:
        return self.batch.ids[0] if self.batch.ids else ""

    @property
    def plain(self) -> bool:
        """Nothing tells it from any other message."""
        marked = self.attempts or self.crashes or self.suspect or self.skip or self.due or self.held
        return self.batch.ids is None and not marked


class Queue:
    """What waits on a wire, or at a node's port for an injection or a fired join."""

    __slots__ = ("bit", "bytes", "cyclic", "gate", "items", "max_bytes", "max_n", "n", "name", "parts", "port", "routed",
                 "sent", "source", "target", "tokens", "wire")

    def __init__(self, name: str, target: str, port: str, max_n: int, max_bytes: int, wire: Wire | None = None) -> None:
        self.name, self.target, self.port, self.wire = name, target, port, wire
        self.source = wire.source if wire else ""
        self.max_n, self.max_bytes = max_n, max_bytes
        self.items: deque[Batch | Item] = deque()
        self.n = 0
        self.bytes = 0
        self.sent = 0
        """How many messages it was ever given."""
        self.parts = 0
        """How many messages of it wait inside a join."""
        self.bit = 0
        """Its place among the wires of a join."""
        self.cyclic = False
        self.routed = False
        """A local route carries it; nothing waits here."""
        self.gate: Queue = self
        """The queue whose room decides whether more may be sent."""
        self.tokens: list[Any] = []
        """Injections that are accepted when there is room again."""

    @property
    def full(self) -> bool:
        return self.n >= self.max_n or self.bytes >= self.max_bytes

    def put(self, batch: Batch) -> None:
        self.items.append(batch)
        self.n += batch.n
        self.sent += batch.n
        self.bytes += len(batch.payload) if not batch.buffers else batch.size

    def put_items(self, items: list[Item]) -> None:
        self.items.extend(items)
        self._add(items, 1)
        self.sent += len(items)

    def put_back(self, items: list[Batch | Item]) -> None:
        """To the head, the first of them first."""
        self.items.extendleft(reversed(items))
        self._add(items, 1)

    def _add(self, items: list[Batch] | list[Item] | list[Batch | Item], sign: int) -> None:
        for item in items:
            batch = item if type(item) is Batch else item.batch  # type: ignore[union-attr]
            self.n += sign * batch.n
            self.bytes += sign * batch.size

    def take(self, most: int = CHUNK) -> list[Batch | Item]:
        """From the head: one message that needs care of its own, or up to *most* plain ones."""
        items = self.items
        first = items.popleft()
        if not items and type(first) is Batch and first.n <= most and len(first.payload) <= CALL_BYTES and not first.buffers:
            self.n -= first.n
            self.bytes -= len(first.payload)
            return [first]
        if type(first) is Item and not first.plain:
            taken: list[Batch | Item] = [first]
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
        first, *rest = chop(batch, most)
        self.items.extendleft(reversed(rest))
        self.bytes += first.size + sum(other.size for other in rest) - batch.size
        return first

    def _gather(self, taken: list[Batch | Item], most: int) -> None:
        items, n, size, named = self.items, taken[0].n, _size(taken[0]), _is_named(taken[0])
        while items:
            following = items[0]
            if n + following.n > most or size + _size(following) > CALL_BYTES:
                return
            if type(following) is Item and not following.plain:
                return
            if named and type(following) is Batch:
                following = named_as(following, self.name, self.sent - self.n + n)
            elif _is_named(following) != named:
                return
            taken.append(following)
            items.popleft()
            n += following.n
            size += _size(following)

    def remove(self, item: Batch | Item) -> None:
        """Take out this very one, wherever it stands."""
        position = next(i for i, other in enumerate(self.items) if other is item)
        del self.items[position]
        self._add([item], -1)

    def insert_behind(self, item: Item, copy: Item) -> None:
        """Put a copy right behind its original."""
        position = next(i for i, other in enumerate(self.items) if other is item)
        self.items.insert(position + 1, copy)
        self._add([copy], 1)
        self.sent += 1

    def keep(self, wanted: Callable[[int], bool]) -> int:
        """Drop the messages of all runs but the *wanted*; how many were dropped."""
        before, kept = self.n, deque[Batch | Item]()
        for item in self.items:
            rest = sift(item, wanted)
            if rest is not None:
                kept.append(rest)
        self.items, self.n, self.bytes = kept, 0, 0
        self._add(list(kept), 1)
        return before - self.n

    def name_all(self) -> None:
        """Give every message that waits an id and an `Item` of its own."""
        number = self.sent - self.n
        named: deque[Batch | Item] = deque()
        for item in self.items:
            if type(item) is Item:
                item.batch = named_as(item.batch, self.name, number)
                named.append(item)
            else:
                named.extend(Item(part) for part in split(named_as(item, self.name, number)))  # type: ignore[arg-type]
            number += item.n
        self.items, self.n, self.bytes = named, 0, 0
        self._add(list(named), 1)


def _is_named(item: Batch | Item) -> bool:
    return (item if type(item) is Batch else item.batch).ids is not None  # type: ignore[union-attr]


def _size(item: Batch | Item) -> int:
    return item.size if type(item) is Batch else item.batch.size  # type: ignore[union-attr]


def batch_of(items: list[Batch | Item]) -> Batch:
    """What was taken, as one batch."""
    if len(items) == 1:
        only = items[0]
        return only if type(only) is Batch else only.batch  # type: ignore[union-attr]
    return merge([item if type(item) is Batch else item.batch for item in items])  # type: ignore[union-attr]


def named_as(batch: Batch, name: str, number: int) -> Batch:
    """The batch with ids: its own, or those of its place among all that wire *name* carried (the first is *number*)."""
    if batch.ids is not None:
        return batch
    ids = tuple(derive(str(batch.run_of(i)), name, number + i) for i in range(batch.n))
    return rename(batch, ids)


def rename(batch: Batch, ids: tuple[str, ...] | None) -> Batch:
    """The same messages under these ids."""
    return Batch(batch.payload, batch.n, batch.run, batch.runs, ids, batch.tagged, batch.buffers, batch.counts)


def one_run(batch: Batch) -> Batch:
    """A single message that came out of a mixed batch, with its run in the plain place."""
    return Batch(batch.payload, 1, batch.run_of(0), None, batch.ids, batch.tagged, batch.buffers, batch.counts)


def chop(batch: Batch, most: int) -> list[Batch]:
    """Pieces of at most *most* messages, in order; decodes the payload once."""
    if batch.n <= most:
        return [batch]
    parts = split(batch)
    return [merge(parts[i : i + most]) for i in range(0, batch.n, most)]


def sift(item: Batch | Item, wanted: Callable[[int], bool]) -> Batch | Item | None:
    """The messages of the *wanted* runs; None when there are none."""
    batch = item if type(item) is Batch else item.batch  # type: ignore[union-attr]
    if batch.runs is None:
        return item if wanted(batch.run) else None
    if all(map(wanted, batch.runs)):
        return item
    parts = [part for part in split(batch) if wanted(part.run_of(0))]
    return merge(parts) if parts else None
