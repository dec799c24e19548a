"""Messages that wait: in plain batches, or single messages with a history of their own."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.machine.joins.rules import Entry
from floe_jupyter.core.messages import Batch, derive, merge, split


class TrackedMessage:
    """Single message with its own history."""

    __slots__ = (
        "attempts",
        "batch",
        "breakpoint",
        "crashes",
        "due",
        "entry",
        "failure",
        "held",
        "number",
        "passed",
        "skip",
        "suspect",
        "undo",
    )

    def __init__(self, batch: Batch, *, entry: Entry | None = None) -> None:
        self.batch = batch if batch.runs is None else one_run(batch)
        self.entry = entry
        """Decision of the `any` join that let the message through; the decision counts as run once the message is called."""
        self.attempts = 0
        self.crashes = 0
        self.suspect = False
        """True if the message may have ended its runtime; a suspect is called alone."""
        self.skip = 0
        self.number: int | None = None
        """Number within the node under which the message was called before it had an id; keeps the idempotency key the same."""
        self.due = 0.0
        self.held = ""
        self.failure: Failure | None = None
        self.breakpoint = ""
        self.passed = False
        """True once breakpoints have let the message go; breakpoints are not asked again."""
        self.undo: list[Callable[[], None]] | None = None
        """Actions that undo the step by which the message was made, if the step was recorded."""

    @property
    def n(self) -> int:
        """Number of messages: always 1, as a counterpart of `Batch.n`."""
        return 1

    @property
    def id(self) -> str:
        """Id of the message, or "" without one."""
        return self.batch.ids[0] if self.batch.ids else ""

    @property
    def plain(self) -> bool:
        """True if the message needs no treatment different from any other message."""
        marked = self.attempts or self.crashes or self.suspect or self.skip or self.due or self.held
        return self.batch.ids is None and not marked

    @property
    def numbered(self) -> bool:
        """True if the message is special only by the number under which it is called again."""
        marked = self.attempts or self.crashes or self.suspect or self.skip or self.due or self.held
        return self.number is not None and not marked


Items = list[Batch | TrackedMessage]


def batch_of(items: list[Batch | TrackedMessage]) -> Batch:
    """Return the taken items as one batch."""
    if len(items) == 1:
        only = items[0]
        return only if type(only) is Batch else only.batch  # type: ignore[union-attr]
    return merge([item if type(item) is Batch else item.batch for item in items])  # type: ignore[union-attr]


def number_of(items: list[Batch | TrackedMessage]) -> int | None:
    """Return the number under which the first of *items* is called again; the others follow consecutively. None without
    numbers.
    """
    first = items[0]
    return first.number if isinstance(first, TrackedMessage) else None


def named_as(batch: Batch, name: str, number: int) -> Batch:
    """Return the batch with ids: existing ids, or ids made from positions among all messages of wire *name* (the first is
    *number*).
    """
    if batch.ids is not None:
        return batch
    ids = tuple(derive(str(batch.run_of(i)), name, number + i) for i in range(batch.n))
    return rename(batch, ids)


def rename(batch: Batch, ids: tuple[str, ...] | None) -> Batch:
    """Return the same messages under the given ids."""
    return Batch(batch.payload, batch.n, batch.run, batch.runs, ids, batch.tagged, batch.buffers, batch.counts)


def one_run(batch: Batch) -> Batch:
    """Return a single message from a mixed batch, with its run in `run` instead of `runs`."""
    return Batch(batch.payload, 1, batch.run_of(0), None, batch.ids, batch.tagged, batch.buffers, batch.counts)


def pieces_of(batch: Batch, most: int) -> list[Batch]:
    """Return pieces of at most *most* messages, in order; the payload is decoded once."""
    if batch.n <= most:
        return [batch]
    parts = split(batch)
    return [merge(parts[i : i + most]) for i in range(0, batch.n, most)]


def of_wanted_runs(item: Batch | TrackedMessage, wanted: Callable[[int], bool]) -> Batch | TrackedMessage | None:
    """Return the messages of the *wanted* runs; None without any."""
    batch = item if type(item) is Batch else item.batch  # type: ignore[union-attr]
    if batch.runs is None:
        return item if wanted(batch.run) else None
    if all(map(wanted, batch.runs)):
        return item
    parts = [part for part in split(batch) if wanted(part.run_of(0))]
    return merge(parts) if parts else None
