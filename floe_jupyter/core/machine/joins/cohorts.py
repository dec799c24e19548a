"""Joins of many runs in step: while the same runs arrive together on every wire, one cohort stands for all their joins.

A cohort decides once for a batch where `Entry` decides for each message, and keeps the payloads whole until the join fires. As
soon as the runs of a cohort part (one fails, ends, or arrives with other runs), the cohort is dissolved into entries of the same
state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from floe_jupyter.core.machine.joins.rules import Entry, Join, State
from floe_jupyter.core.messages import Batch, pieces, texts


class Cohort:
    """The joins of the given runs, all in the same state."""

    __slots__ = ("got", "left", "payloads", "runs", "state")

    def __init__(self, runs: tuple[int, ...]) -> None:
        self.runs = runs
        self.got = 0
        self.state: State = "open"
        self.payloads: dict[int, bytes] = {}
        """Payloads by the bit of their wire, each a JSON array in the order of `runs`."""
        self.left = len(runs)
        """Number of runs not forgotten yet."""

    def fire(self, names: list[tuple[int, bytes]]) -> Batch:
        """Return one message per run: an object of the parts by their names."""
        form = b"{" + b",".join(name.replace(b"%", b"%%") + b"%b" for _, name in names) + b"}"
        columns = [pieces(self.payloads[bit]) for bit, _ in names]
        self.payloads, self.state = {}, "run"
        return Batch(b"[" + b",".join([form % row for row in zip(*columns, strict=True)]) + b"]", len(self.runs), runs=self.runs)

    def entries(self, fresh: Join) -> Iterator[Entry]:
        """Yield one entry per run, with the state and the parts of the cohort."""
        parts = {bit: texts(payload) for bit, payload in self.payloads.items()}
        for i, run in enumerate(self.runs):
            entry = Entry(fresh, run)
            entry.got, entry.state = self.got, self.state
            entry.parts = {bit: values[i] for bit, values in parts.items()}
            yield entry


class Cohorts:
    """The cohorts of one join table. A run is in at most one cohort."""

    def __init__(self) -> None:
        self.of: dict[int, Cohort] = {}
        """Cohort by run."""
        self._by_runs: dict[tuple[int, ...], Cohort] = {}

    def __iter__(self) -> Iterator[Cohort]:
        return iter(self._by_runs.values())

    def find(self, runs: tuple[int, ...]) -> Cohort | None:
        """Return the cohort of exactly these runs, or None."""
        return self._by_runs.get(runs)

    def open(self, runs: tuple[int, ...]) -> Cohort | None:
        """Return a new cohort, or None if a run occurs twice or is in another cohort already."""
        if not self.of.keys().isdisjoint(runs) or len(set(runs)) < len(runs):
            return None
        cohort = self._by_runs[runs] = Cohort(runs)
        self.of.update(dict.fromkeys(runs, cohort))
        return cohort

    def leave(self, run: int) -> bool:
        """Take a finished run out.

        Return True, and keep the run, if its join has not fired and the run has to be singled out first.
        """
        cohort = self.of.get(run)
        if cohort is None or cohort.state == "open":
            return cohort is not None
        del self.of[run]
        cohort.left -= 1
        if not cohort.left:
            del self._by_runs[cohort.runs]
        return False

    def dissolve(self, runs: Iterable[int], fresh: Join) -> Iterator[Entry]:
        """Remove every cohort with one of the given runs, and yield the entries of these cohorts."""
        for run in runs:
            cohort = self.of.get(run)
            if cohort is not None:
                del self._by_runs[cohort.runs]
                yield from [entry for entry in cohort.entries(fresh) if self.of.pop(entry.run, None)]
