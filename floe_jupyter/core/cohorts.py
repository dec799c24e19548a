"""Joins of many runs that go the same way: while the same runs come together on every wire, one join stands for them all.

A cohort decides once for a batch what `Entry` decides for each message, and keeps the payloads whole until it fires. As soon as
its runs go different ways (one fails, ends, or comes in another company) it is dissolved into entries that know the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from floe_jupyter.core.joins import Entry, Join, State
from floe_jupyter.core.messages import Batch, pieces, texts


class Cohort:
    """The joins of these runs, all alike."""

    __slots__ = ("got", "left", "payloads", "runs", "state")

    def __init__(self, runs: tuple[int, ...]) -> None:
        self.runs = runs
        self.got = 0
        self.state: State = "open"
        self.payloads: dict[int, bytes] = {}
        """By the bit of its wire, each an array in the order of `runs`."""
        self.left = len(runs)
        """Of how many runs it is not forgotten."""

    def fire(self, names: list[tuple[int, bytes]]) -> Batch:
        """One message a run: an object of its parts by their names."""
        form = b"{" + b",".join(name.replace(b"%", b"%%") + b"%b" for _, name in names) + b"}"
        columns = [pieces(self.payloads[bit]) for bit, _ in names]
        self.payloads, self.state = {}, "run"
        return Batch(b"[" + b",".join([form % row for row in zip(*columns, strict=True)]) + b"]", len(self.runs), runs=self.runs)

    def entries(self, fresh: Join) -> Iterator[Entry]:
        """What it knows of each of its runs."""
        parts = {bit: texts(payload) for bit, payload in self.payloads.items()}
        for i, run in enumerate(self.runs):
            entry = Entry(fresh, run)
            entry.got, entry.state = self.got, self.state
            entry.parts = {bit: values[i] for bit, values in parts.items()}
            yield entry


class Cohorts:
    """Those of one table. No run is in two of them."""

    def __init__(self) -> None:
        self.of: dict[int, Cohort] = {}
        """By run."""
        self._by_runs: dict[tuple[int, ...], Cohort] = {}

    def __iter__(self) -> Iterator[Cohort]:
        return iter(self._by_runs.values())

    def find(self, runs: tuple[int, ...]) -> Cohort | None:
        return self._by_runs.get(runs)

    def open(self, runs: tuple[int, ...]) -> Cohort | None:
        """A new one, unless a run is there twice or in another one."""
        if not self.of.keys().isdisjoint(runs) or len(set(runs)) < len(runs):
            return None
        cohort = self._by_runs[runs] = Cohort(runs)
        self.of.update(dict.fromkeys(runs, cohort))
        return cohort

    def leave(self, run: int) -> bool:
        """A run is over. True if it must be singled out, because its join has not fired; else it is forgotten."""
        cohort = self.of.get(run)
        if cohort is None or cohort.state == "open":
            return cohort is not None
        del self.of[run]
        cohort.left -= 1
        if not cohort.left:
            del self._by_runs[cohort.runs]
        return False

    def dissolve(self, runs: Iterable[int], fresh: Join) -> Iterator[Entry]:
        """Take out every cohort that has one of these runs; what it knew."""
        for run in runs:
            cohort = self.of.get(run)
            if cohort is not None:
                del self._by_runs[cohort.runs]
                yield from [entry for entry in cohort.entries(fresh) if self.of.pop(entry.run, None)]
