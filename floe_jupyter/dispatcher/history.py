"""All runs, those under way and those that are over: their numbers, their records in the store, and what is forgotten.

Nothing here is on the way of a message: a change is published and saved at the end of the loop's turn, and committed
with all others a little later.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from itertools import islice

from floe_jupyter.core.events import Failure
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.definitions import HOST
from floe_jupyter.dispatcher.journal import Journal
from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.dispatcher.publish import Publisher
from floe_jupyter.dispatcher.results import Results
from floe_jupyter.dispatcher.runs import Run
from floe_jupyter.errors import EnvironmentFailed, unknown
from floe_jupyter.stores import ARCHIVED, HISTORY, Store
from floe_jupyter.wire.replies import RunInfo

COMMIT_AFTER = 0.03
"""Seconds that changes wait for others before they are committed together ..."""
COMMIT_EVERY = 0.1
"""... and seconds from one commit to the next, where changes do not end."""
KEPT_BYTES = 256 * 1024 * 1024
"""Results of runs that are over are kept up to this many bytes in all; the newest run's are kept whatever their size."""
TOLD_AT_ONCE, TELL_AGAIN = 200, 0.002
"""So many runs are published in one turn, the next ones so many seconds later."""
RESERVED = 1_000
"""Run numbers are taken from the store so many at a time, and ahead of need, so that none is given out twice after a crash."""


class History:
    """Runs by their refs."""

    def __init__(self, loop: Loop, store: Store, journal: Journal, publisher: Publisher, directory: str,
                 forgotten: Callable[[Run], None]) -> None:
        self.runs: dict[str, Run] = {}
        self.problem = ""
        """Why results could not be kept."""
        self._loop, self._journal, self._publisher, self._forgotten = loop, journal, publisher, forgotten
        self._directory = os.path.join(directory, "results")
        self._archived: deque[Run] = deque()
        self._with_results: deque[Run] = deque()
        self._kept = 0
        self._reserved = store.counters()
        self._counters = dict(self._reserved)
        self._touched: dict[str, Run] = {}
        self._untold: dict[str, Run] = {}
        """Touched, and not published yet."""
        self._unsaved: dict[str, Run] = {}
        self._dropped: list[str] = []
        self._commit_at: float | None = None
        self._committed = 0.0
        self._restore(store.runs())
        loop.every_turn(self.turn)

    def _restore(self, records: list[RunInfo]) -> None:
        for record in records:
            run = Run.restored(record, Results.load(self._path(record.ref), record.results))
            self.runs[run.ref] = run
            if record.status in ARCHIVED:
                run.archived = True
                self._archived.append(run)
            else:
                self._end_of_former(run)
        self._sweep()

    def _end_of_former(self, run: Run) -> None:
        text = "the dispatcher ended while this run was under way; what was in flight is lost: run it again"
        run.failures = (*run.failures, Failure("", text, "crashed"))
        run.become("failed")
        self.touch(run)

    def _sweep(self) -> None:
        """Remove files of results that belong to no run."""
        if os.path.isdir(self._directory):
            for name in os.listdir(self._directory):
                if name.removesuffix(".results") not in self.runs:
                    os.unlink(os.path.join(self._directory, name))

    def _path(self, ref: str) -> str:
        return f"{self._directory}/{ref}.results"

    def get(self, ref: str) -> Run:
        """Raises `UnknownName`."""
        run = self.runs.get(ref)
        if run is None:
            raise unknown("run", ref, list(self.runs)[-12:])
        return run

    def ref(self, flow: str, version: int) -> tuple[str, int]:
        """A new ref, and its number."""
        number = self._counters.get(flow, 0) + 1
        self._counters[flow] = number
        if number + RESERVED // 2 > self._reserved.get(flow, 0):
            self.reserve(flow)
        return f"{flow}.{version}.{HOST}.{number}", number

    def reserve(self, flow: str) -> None:
        """Take run numbers for *flow* from the store: when it is defined, and when they run short."""
        reserved = self._reserved[flow] = self._counters.get(flow, 0) + RESERVED
        self._journal.put(lambda store: store.put_counter(flow, reserved))

    def results(self, ref: str) -> Results:
        return Results(self._path(ref))

    def add(self, run: Run) -> None:
        self.runs[run.ref] = run
        self.touch(run)

    def touch(self, run: Run) -> None:
        """Something of the run changed; it is published and saved at the end of this turn."""
        self._touched[run.ref] = run

    def turn(self) -> float | None:
        """Publish and save what changed; when to be called again."""
        if self._touched:
            self._flush()
        if self._untold:
            self._tell(TOLD_AT_ONCE)
        if self._commit_at is not None and self._loop.now >= self._commit_at:
            self.commit()
        if self._untold:
            return min(self._commit_at or math.inf, self._loop.now + TELL_AGAIN)
        return self._commit_at

    def _tell(self, most: int) -> None:
        """Publish how the first *most* of the changed runs stand now, until a subscriber is full."""
        for ref in list(islice(self._untold, most)):
            if not self._publisher.offer(f"run/{ref}", self._untold[ref].info(), self._loop.now):
                return
            del self._untold[ref]

    def _flush(self) -> None:
        touched, self._touched = self._touched, {}
        if self._publisher.watched:
            self._untold.update((ref, run) for ref, run in touched.items() if self._publisher.wanted(f"run/{ref}"))
        for run in touched.values():
            if run.over and not run.archived:
                self._archive(run)
        self._unsaved.update(touched)
        if self._commit_at is None:
            self._commit_at = max(self._loop.now + COMMIT_AFTER, self._committed + COMMIT_EVERY)

    def _archive(self, run: Run) -> None:
        run.archived = True
        if run.detached:
            self._save_results(run)
        self._archived.append(run)
        while len(self._archived) > HISTORY:
            self._forget(self._archived.popleft())
        if run.results.size:
            self._with_results.append(run)
            self._kept += run.results.size
            while self._kept > KEPT_BYTES and len(self._with_results) > 1:
                self._drop_results(self._with_results.popleft())

    def _save_results(self, run: Run) -> None:
        try:
            run.results.save()
        except EnvironmentFailed as error:
            self.problem = str(error)
            log.warn(str(error))

    def _drop_results(self, run: Run) -> None:
        self._kept -= run.results.size
        run.results.drop()

    def _forget(self, run: Run) -> None:
        if self._with_results and self._with_results[0] is run:
            self._drop_results(self._with_results.popleft())
        else:
            run.results.drop()
        self.runs.pop(run.ref, None)
        self._unsaved.pop(run.ref, None)
        self._dropped.append(run.ref)
        self._forgotten(run)

    def commit(self) -> None:
        """Hand everything to the journal."""
        self._commit_at, self._committed = None, self._loop.now
        records, self._unsaved = [run.info() for run in self._unsaved.values()], {}
        dropped, self._dropped = self._dropped, []
        if records:
            self._journal.put(lambda store: store.put_runs(records))
        if dropped:
            self._journal.put(lambda store: store.drop_runs(dropped))

    def close(self) -> None:
        """Save everything; results of runs that were not detached go."""
        self._flush()
        self._tell(len(self._untold))
        for flow, number in self._counters.items():
            self._journal.put(lambda store, flow=flow, number=number: store.put_counter(flow, number))  # type: ignore[misc]
        for run in self.runs.values():
            if run.detached:
                run.results.close()
            else:
                run.results.drop()
        self.commit()
