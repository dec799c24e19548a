"""Output of modules: the newest lines of every instance, bounded in lines and bytes, per instance and in total."""

from __future__ import annotations

from collections import OrderedDict, deque
from sys import getsizeof
from typing import Any

LINES = 1_000
"""Maximum number of lines kept per instance."""
BYTES = 1024 * 1024
"""Maximum bytes of the lines kept per instance."""
ALL_BYTES = 32 * 1024 * 1024
"""Maximum bytes of the lines of all instances; lines of the instance silent for longest are dropped first."""
OVERHEAD = 400
"""Bytes taken by a line beside its text."""

Line = dict[str, Any]


class AllLogs:
    """The logs of all instances, the longest silent first."""

    def __init__(self, most: int = ALL_BYTES) -> None:
        self.size = 0
        self._most = most
        self._logs: OrderedDict[int, Log] = OrderedDict()

    def new(self) -> Log:
        """Create a log for an instance."""
        return Log(self)

    def grew(self, log: Log, size: int) -> None:
        """Take note of *size* more bytes (negative: fewer) of a log; drop lines above the bound."""
        self.size += size
        if size > 0:
            self._logs[id(log)] = log
            self._logs.move_to_end(id(log))
            while self.size > self._most:
                oldest = next(iter(self._logs.values()))
                if not oldest.drop_oldest():
                    self.forget(oldest)

    def forget(self, log: Log) -> None:
        """Remove a log."""
        self._logs.pop(id(log), None)


class Log:
    """The newest lines of one instance."""

    __slots__ = ("_all", "_lines", "_size", "dropped")

    def __init__(self, all_: AllLogs) -> None:
        self.dropped = 0
        """Number of lines that are no longer kept."""
        self._all = all_
        self._lines: deque[tuple[Line, int]] = deque()
        self._size = 0

    def append(self, line: Line) -> None:
        """Add a line; drop lines above the bounds."""
        size = getsizeof(line["text"]) + OVERHEAD
        self._lines.append((line, size))
        self._size += size
        self._all.grew(self, size)
        while len(self._lines) > LINES or self._size > BYTES:
            self.drop_oldest()

    def drop_oldest(self) -> bool:
        """Drop the oldest line; return False if the log is empty."""
        if not self._lines:
            return False
        _, size = self._lines.popleft()
        self.dropped += 1
        self._size -= size
        self._all.grew(self, -size)
        return True

    def clear(self) -> None:
        """Remove all lines, when the instance is forgotten."""
        self._all.grew(self, -self._size)
        self._all.forget(self)
        self._lines.clear()
        self._size = 0

    def lines(self, node: str, limit: int) -> list[Line]:
        """Return the newest lines, of a node or (empty) of all, after a note if older lines are no longer kept."""
        found = [line for line, _ in self._lines if not node or line["node"] == node]
        kept = found[-max(limit, 1) :]
        if self.dropped and len(kept) == len(found) < limit:
            text = f"... {self.dropped:,} older lines are no longer kept"
            kept.insert(0, {"node": "", "stream": "engine", "text": text, "time": kept[0]["time"] if kept else 0.0})
        return kept
