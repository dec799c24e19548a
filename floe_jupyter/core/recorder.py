"""The recorded history: bounded, and each step with the way to undo it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile

from floe_jupyter.core.events import HISTORY_BYTES, HISTORY_RECORDS, Record, State
from floe_jupyter.core.messages import Batch

Undo = list[Callable[[], None]]


class Recorder:
    """Steps in the order in which they were through; the oldest go first."""

    def __init__(self, most: int = HISTORY_RECORDS, most_bytes: int = HISTORY_BYTES) -> None:
        self.most, self.most_bytes = most, most_bytes
        self.records: deque[tuple[Record, Undo | None]] = deque()
        self.bytes = 0
        self.last = 0
        self.undone: dict[tuple[str, str], Record] = {}
        """Steps that were undone, by node and message: a step forward may use them again."""

    def add(self, record: Record, undo: Undo) -> None:
        self.records.append((record, undo))
        self.bytes += _size(record)
        while len(self.records) > self.most or self.bytes > self.most_bytes:
            self.bytes -= _size(self.records.popleft()[0])

    def next_number(self) -> int:
        self.last += 1
        return self.last

    def seal(self) -> None:
        """What was recorded so far can be read, but not undone: messages have moved unseen since."""
        self.records = deque((record, None) for record, _ in self.records)
        self.undone.clear()

    def last_group(self) -> list[tuple[Record, Undo | None]]:
        """The records of the last step, the newest first."""
        found: list[tuple[Record, Undo | None]] = []
        for entry in reversed(self.records):
            if found and entry[0].group != found[0][0].group:
                break
            found.append(entry)
        return found

    def of_group(self, group: int) -> list[Record]:
        """The records of the newest steps, if they are of this group, in order."""
        found = list(takewhile(lambda record: record.group == group, (record for record, _ in reversed(self.records))))
        return found[::-1]

    def undo(self, entry: tuple[Record, Undo | None]) -> None:
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
        """What this message made of it before, if message, version and state are the same."""
        record = self.undone.pop((node, batch.ids[0] if batch.ids else ""), None)
        if record is None or record.version != version or record.before != state or not _same(record.input, batch):
            return None
        return record

    def forget(self, run: int) -> None:
        """The run is over: nothing of it is done again."""
        self.undone = {name: record for name, record in self.undone.items() if record.run != run}

    def find(self, prefix: str) -> list[Record]:
        return [record for record, _ in self.records if record.id.startswith(prefix)]


def _size(record: Record) -> int:
    return record.input.size + sum(batch.size for _, batch in record.outputs)


def _same(one: Batch, other: Batch) -> bool:
    return one.payload == other.payload and one.tagged == other.tagged and one.buffers == other.buffers
