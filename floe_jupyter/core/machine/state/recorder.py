"""The recorded history: bounded, each step with the actions which undo the step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple

from floe_jupyter.core.machine.events import HISTORY_BYTES, HISTORY_RECORDS, Record, State
from floe_jupyter.core.machine.state.queues import Queue
from floe_jupyter.core.machine.state.tracked import TrackedMessage
from floe_jupyter.core.messages import Batch

Undo = list[Callable[[], None]]


class Dropped(NamedTuple):
    """A message dropped by hand, and its old position: right behind *ahead*, or first."""

    queue: Queue
    item: TrackedMessage
    ahead: Batch | TrackedMessage | None


class Recorder:
    """Recorded steps in the order of their end; the oldest are removed first."""

    def __init__(self, most: int = HISTORY_RECORDS, most_bytes: int = HISTORY_BYTES) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.records: deque[tuple[Record, Undo | None]] = deque()
        self.bytes = 0
        self.last = 0
        self.undone: dict[tuple[str, str], Record] = {}
        """Undone steps by node and message: a step forward may use the records again."""

    def add(self, record: Record, undo: Undo) -> None:
        """Keep the record of a step, and remove the oldest records beyond the limits."""
        self.records.append((record, undo))
        self.bytes += _size(record)
        while len(self.records) > self.most or self.bytes > self.most_bytes:
            self.bytes -= _size(self.records.popleft()[0])

    def next_number(self) -> int:
        """Return the number of the next record."""
        self.last += 1
        return self.last

    def seal(self) -> None:
        """Make the steps recorded so far read-only: messages have moved unseen since."""
        self.records = deque((record, None) for record, _ in self.records)
        self.undone.clear()

    def last_group(self) -> list[tuple[Record, Undo | None]]:
        """Return the records of the last step, the newest first."""
        found: list[tuple[Record, Undo | None]] = []
        for entry in reversed(self.records):
            if found and entry[0].group != found[0][0].group:
                break
            found.append(entry)
        return found

    def of_group(self, group: int) -> list[Record]:
        """Return the records of the newest steps in order, if the steps are of this group."""
        found = list(takewhile(lambda record: record.group == group, (record for record, _ in reversed(self.records))))
        return found[::-1]

    def undo(self, entry: tuple[Record, Undo | None]) -> None:
        """Undo a step, the last action first, and keep its record for a step forward."""
        record, steps = entry
        assert steps is not None
        self.records.remove(entry)
        self.bytes -= _size(record)
        for step in reversed(steps):
            step()
        self.undone[(record.node, record.id)] = record
        if len(self.undone) > self.most:
            del self.undone[next(iter(self.undone))]

    def again(self, node: str, version: int, batch: Batch, state: State) -> Record | None:
        """Return the record of the same message, version and state, if undone before; else None."""
        record = self.undone.pop((node, batch.ids[0] if batch.ids else ""), None)
        if record is None or record.version != version or record.before != state or not _same(record.input, batch):
            return None
        return record

    def forget(self, run: int) -> None:
        """Forget the undone steps of a finished run."""
        self.undone = {name: record for name, record in self.undone.items() if record.run != run}

    def find(self, prefix: str) -> list[Record]:
        """Return the records of the messages with this prefix of their id."""
        return [record for record, _ in self.records if record.id.startswith(prefix)]


def _size(record: Record) -> int:
    return record.input.size + sum(batch.size for _, batch in record.outputs)


def _same(one: Batch, other: Batch) -> bool:
    return one.payload == other.payload and one.tagged == other.tagged and one.buffers == other.buffers
