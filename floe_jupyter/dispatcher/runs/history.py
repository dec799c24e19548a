"""All runs, under way or over: their numbers, their records in the store, and the bounds on kept runs and results.

No step of the history delays a message: a change is published and saved at the end of the loop's turn, and committed together
with other changes a little later.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from floe_jupyter.core.machine.events import Failure
from floe_jupyter.core.run_life import is_over, parse_ref
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.publish import Publisher
from floe_jupyter.dispatcher.runs.definitions import HOST
from floe_jupyter.dispatcher.runs.instances import KnownRun
from floe_jupyter.dispatcher.runs.journal import AGAIN_AFTER, Journal
from floe_jupyter.dispatcher.runs.results import Results
from floe_jupyter.errors import EnvironmentFailed, FloeError, unknown
from floe_jupyter.stores import HISTORY, Store
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.transport.loop import Loop

COMMIT_AFTER = 0.03
"""Seconds that changes wait for others before a common commit."""
COMMIT_EVERY = 0.1
"""Seconds from one commit to the next while changes continue."""
KEPT_BYTES = 256 * 1024 * 1024
"""Maximum bytes of results kept of all finished runs; the newest run's results are kept whatever their size."""
PUBLISHED_AT_ONCE, PUBLISH_AGAIN = 200, 0.002
"""Maximum number of runs published in one turn, and seconds until the next are published."""
RESERVED = 1_000
"""Number of run numbers reserved in the store at once, ahead of need: no number may be used twice after a crash."""


class History:
    """All runs, by ref."""

    def __init__(
        self,
        loop: Loop,
        store: Store,
        journal: Journal,
        publisher: Publisher,
        directory: str,
        forgotten: Callable[[KnownRun], None],
    ) -> None:
        self.runs: dict[str, KnownRun] = {}
        self.problem = ""
        """Reason why results of detached runs are not saved; saving is tried again."""
        self.note = ""
        """Problem found at the start, for the user."""
        self._results_unsaved: list[KnownRun] = []
        self._save_again_at = 0.0
        self._loop, self._journal, self._publisher, self._forgotten = loop, journal, publisher, forgotten
        self._directory = os.path.join(directory, "results")
        self._archived: deque[KnownRun] = deque()
        self._with_results: deque[KnownRun] = deque()
        self._kept = 0
        self._reserved = store.counters()
        self._counters = dict(self._reserved)
        self._touched: dict[str, KnownRun] = {}
        self._unpublished: dict[str, KnownRun] = {}
        """Changed runs that are not published yet."""
        self._unsaved: dict[str, KnownRun] = {}
        self._dropped: list[str] = []
        self._commit_at: float | None = None
        self._committed = 0.0
        self._restore(store.runs())
        loop.every_turn(self.turn)

    def _restore(self, records: list[RunInfo]) -> None:
        for record in records:
            run = KnownRun.restored(record, Results.load(self._path(record.ref), record.results))
            self.runs[run.ref] = run
            if is_over(record.status):
                run.archived = True
                self._archived.append(run)
            else:
                self._end_of_former(run)
        self._sweep()

    def _end_of_former(self, run: KnownRun) -> None:
        text = "the dispatcher ended while this run was under way; what was in flight is lost: run it again"
        if run.status == "cancelling":
            run.become("cancelled")
        else:
            run.failures = (*run.failures, Failure("", text, "crashed"))
            run.become("failed")
        self.touch(run)

    def _sweep(self) -> None:
        """Remove result files of forgotten runs.

        Result files of runs unknown to the store are set aside: the store does not belong to the files (their own was lost, moved
        away or torn), and new runs will use the same names.
        """
        unknown_files: list[str] = []
        with suppress(OSError):
            for name in os.listdir(self._directory):
                ref, ends, rest = name.partition(".results")
                if not ends or (ref in self.runs and not rest):
                    continue
                if rest or self._was_given_out(ref):  # a suffix marks an earlier attempt to write
                    os.unlink(os.path.join(self._directory, name))
                else:
                    unknown_files.append(name)
        if unknown_files:
            self._set_aside(unknown_files)

    def _was_given_out(self, ref: str) -> bool:
        try:
            found = parse_ref(ref)
        except FloeError:
            return False
        return found.counter <= self._reserved.get(found.flow, 0)

    def _set_aside(self, names: list[str]) -> None:
        aside = f"{self._directory}-of-another-store-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        with suppress(OSError):
            os.mkdir(aside, 0o700)
            for name in names:
                os.rename(os.path.join(self._directory, name), os.path.join(aside, name))
        self.note = (
            f"results of {len(names)} runs that the store does not know were set aside in {aside}; put the store that "
            "belongs to them back, or remove that directory"
        )
        log.warn(self.note)

    def _path(self, ref: str) -> str:
        return f"{self._directory}/{ref}.results"

    def get(self, ref: str) -> KnownRun:
        """Return the run of a ref. Raises `UnknownName`."""
        run = self.runs.get(ref)
        if run is None:
            raise unknown("run", ref, list(self.runs)[-12:])
        return run

    def ref(self, flow: str, version: int) -> tuple[str, int]:
        """Return a new ref, and its number."""
        number = self._counters.get(flow, 0) + 1
        self._counters[flow] = number
        if number + RESERVED // 2 > self._reserved.get(flow, 0):
            self.reserve(flow)
        return f"{flow}.{version}.{HOST}.{number}", number

    def reserve(self, flow: str) -> None:
        """Reserve run numbers for *flow* in the store: when the flow is defined, and when numbers run short."""
        reserved = self._reserved[flow] = self._counters.get(flow, 0) + RESERVED
        self._journal.put(lambda store: store.put_counter(flow, reserved))

    @property
    def store_problem(self) -> str:
        """Reason why the store cannot be written at present; empty if the store can be written."""
        return self._journal.problem

    def results(self, ref: str) -> Results:
        """Return empty results for a new run."""
        return Results(self._path(ref))

    def add(self, run: KnownRun) -> None:
        """Add a new run."""
        self.runs[run.ref] = run
        self.touch(run)

    def touch(self, run: KnownRun) -> None:
        """Mark a run as changed, to be published and saved at the end of the turn."""
        self._touched[run.ref] = run

    def turn(self) -> float | None:
        """Publish and save the changed runs; return the time of the next call, or None."""
        if self._touched:
            self._flush()
        if self._unpublished:
            self._publish(PUBLISHED_AT_ONCE)
        if self._commit_at is not None and self._loop.now >= self._commit_at:
            self._commit_or_wait()
        if self._results_unsaved and self._loop.now >= self._save_again_at:
            self._save_again()
        due = [self._commit_at] if self._commit_at is not None else []
        due += [self._loop.now + PUBLISH_AGAIN] * bool(self._unpublished) + [self._save_again_at] * bool(self._results_unsaved)
        return min(due, default=None)

    def _commit_or_wait(self) -> None:
        """Commit; while the journal cannot write, hold the changes back: a run's newest record replaces earlier records."""
        if self._journal.problem and self._journal.waiting:
            self._commit_at = self._loop.now + AGAIN_AFTER
        else:
            self.commit()

    def _publish(self, most: int) -> None:
        """Publish the records of the first *most* changed runs, until a subscriber is full."""
        for ref in list(islice(self._unpublished, most)):
            if not self._publisher.offer(f"{topics.RUN}{ref}", self._unpublished[ref].info(), self._loop.now):
                return
            del self._unpublished[ref]

    def _flush(self) -> None:
        touched, self._touched = self._touched, {}
        if self._publisher.watched:
            self._unpublished.update((ref, run) for ref, run in touched.items() if self._publisher.wanted(f"{topics.RUN}{ref}"))
        self._unsaved.update(touched)
        for run in touched.values():
            if run.over and not run.archived:
                self._archive(run)
        if self._commit_at is None:
            self._commit_at = max(self._loop.now + COMMIT_AFTER, self._committed + COMMIT_EVERY)

    def _archive(self, run: KnownRun) -> None:
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

    def _save_results(self, run: KnownRun) -> bool:
        """Save the results of a detached run; return whether saved. A failure is shown until a later try succeeds."""
        try:
            run.results.save()
        except (EnvironmentFailed, OSError) as error:
            self.problem = str(error)
            self._save_again_at = self._loop.now + AGAIN_AFTER
            self._results_unsaved.append(run)
            log.warn(str(error))
            return False
        return True

    def _save_again(self) -> None:
        waiting, self._results_unsaved = self._results_unsaved, []
        while waiting:
            if not self._save_results(waiting.pop(0)):
                self._results_unsaved += waiting  # the others would fail alike
                return
        self.problem = ""

    def _drop_results(self, run: KnownRun) -> None:
        self._kept -= run.results.size
        run.results.drop()
        if run in self._results_unsaved:
            self._results_unsaved.remove(run)

    def clear(self, runs: list[KnownRun]) -> None:
        """Remove finished runs and their results."""
        gone = {run.ref for run in runs}
        for run in runs:
            self._kept -= run.results.size if run in self._with_results else 0
        self._archived = deque(run for run in self._archived if run.ref not in gone)
        self._with_results = deque(run for run in self._with_results if run.ref not in gone)
        for run in runs:
            self._touched.pop(run.ref, None)
            self._forget(run)
        self.commit()

    def _forget(self, run: KnownRun) -> None:
        if self._with_results and self._with_results[0] is run:
            self._drop_results(self._with_results.popleft())
        else:
            run.results.drop()
            if run in self._results_unsaved:
                self._results_unsaved.remove(run)
        self.runs.pop(run.ref, None)
        self._unsaved.pop(run.ref, None)
        self._dropped.append(run.ref)
        self._forgotten(run)

    def commit(self) -> None:
        """Pass all unsaved records and removals to the journal."""
        self._commit_at, self._committed = None, self._loop.now
        records, self._unsaved = [run.info() for run in self._unsaved.values()], {}
        dropped, self._dropped = self._dropped, []
        if records:
            self._journal.put(lambda store: store.put_runs(records))
        if dropped:
            self._journal.put(lambda store: store.drop_runs(dropped))

    def close(self) -> None:
        """Save all records; results of runs that were not detached are removed."""
        self._flush()
        self._save_again()
        self._publish(len(self._unpublished))
        for flow, number in self._counters.items():
            self._journal.put(lambda store, flow=flow, number=number: store.put_counter(flow, number))  # type: ignore[misc]
        for run in self.runs.values():
            if run.detached:
                run.results.close()
            else:
                run.results.drop()
        self.commit()
