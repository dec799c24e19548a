"""Runs of the Python API."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any

import msgspec

from floe_jupyter.client.counts import results_text, unprocessed_text
from floe_jupyter.client.display import display
from floe_jupyter.client.durations import seconds
from floe_jupyter.client.failures import ModuleError, errors_of, run_failed
from floe_jupyter.client.feeding import Feeder
from floe_jupyter.client.outcome import Outcome
from floe_jupyter.client.session import Session
from floe_jupyter.client.stepping import Steppable
from floe_jupyter.client.waiting import Interrupted, Steps, block, hold, result
from floe_jupyter.core.machine.unprocessed import by_name, by_node
from floe_jupyter.core.run_life import is_over
from floe_jupyter.errors import BugError, FloeError, PeerSilent
from floe_jupyter.wire.control.calls import ResultBatch, RunInfo
from floe_jupyter.wire.values import decode

SOON = 0.5
"""Seconds that an interrupted cell waits for its run to be over."""
FETCH = 256
"""Maximum number of result batches in an answer."""


class Run(Steppable):
    """A run of a flow. ``await run`` and ``run.wait()`` wait for the end."""

    def __init__(
        self,
        session: Session,
        info: RunInfo,
        feeder: Feeder | None = None,
        over: Future[Any] | None = None,
        *,
        total: int = 0,
        hint: str = "",
    ) -> None:
        self._session, self._info, self._feeder, self._over = session, info, feeder, over
        self.total = total
        """Number of messages to be fed; 0 if unknown before the end."""
        self._hint = hint
        """Text that the run's error adds to the cause."""
        self._shown_in = ""
        """Id of the execution whose cell shows the run's widget already."""
        self._batches: list[ResultBatch] = []
        self._complete = False

    def __repr__(self) -> str:
        gone = f"; its feeder is gone, its input ended after {self._info.fed:,} message{'' if self._info.fed == 1 else 's'}"
        info = self._info
        why = f" ({info.why})" if info.why else ""
        counts = results_text(info) + unprocessed_text(info)
        return f"Run {self.ref}: {info.status}{why}, {counts}{gone if info.feeder_gone else ''}"

    def _target(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """Name of the run: ``flow.version.host.counter``."""
        return self._info.ref

    @property
    def flow(self) -> str:
        """Name of the flow."""
        return self._info.flow

    @property
    def info(self) -> RunInfo:
        """Full record of the run, fetched anew on each access until the run is over."""
        if not is_over(self._info.status):
            self._info = self._session.ask(RunInfo, "run_info", ref=self.ref)
        return self._info

    @property
    def status(self) -> str:
        """Status: ``pending``, ``active``, ``held``, ``cancelling``, ``done``, ``failed`` or ``cancelled``."""
        return self.info.status

    @property
    def errors(self) -> list[ModuleError]:
        """Failures of modules, in order."""
        return errors_of(self.info.failures)

    @property
    def dropped(self) -> dict[str, int]:
        """Number of messages that ended without a result, by name: ``{"join j": 2}``. `info.unprocessed` has the reasons. Empty
        before the run is over; messages left by a cancelled or failed run are in `unfinished`.
        """
        return by_name(self.info.unprocessed)

    @property
    def unfinished(self) -> dict[str, int]:
        """Number of messages that were under way when the run was cancelled or failed, by node."""
        return by_node(self.info.unprocessed)

    @property
    def why(self) -> str:
        """Reason for the cancellation; empty if the run was not cancelled."""
        return self.info.why

    # --- results -----------------------------------------------------------------------------------------------------

    def result_batches(self, start: int) -> list[ResultBatch]:
        """Return some of the result batches so far, from the *start*-th on; empty without new results."""
        return self._session.ask(list[ResultBatch], "results", ref=self.ref, start=start, limit=FETCH)

    def _fetched(self) -> list[ResultBatch]:
        over = is_over(self.info.status)
        while not self._complete:
            new = self.result_batches(len(self._batches))
            self._batches.extend(new)
            if not new:
                self._complete = over
                break
        return self._batches

    @property
    def results(self) -> list[Any]:
        """Values from unconnected outputs, in the order of output; while the run is active, the values so far."""
        return [value for batch in self._fetched() for value in decode(batch.batch)]

    @property
    def outputs(self) -> dict[str, list[Any]]:
        """Values of `results` by port: ``{"node.port": [values]}``."""
        found: dict[str, list[Any]] = {}
        for batch in self._fetched():
            found.setdefault(f"{batch.node}.{batch.port}", []).extend(decode(batch.batch))
        return found

    def dataframe(self) -> Any:
        """Return the results as a single pandas DataFrame: tables are concatenated; other results are a row each, with the keys
        of objects as columns. Raises ImportError without pandas.
        """
        import pandas as pd

        found = self.results
        if found and all(isinstance(value, pd.DataFrame) for value in found):
            return pd.concat(found, ignore_index=True)
        return pd.DataFrame([value if isinstance(value, dict) else {"value": value} for value in found])

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, *, through_holds: bool = False) -> Run:
        """Wait until the run is over, or held with no other work left (unless *through_holds*). Returns this run.
        Raises RunFailed, and TimeoutError after *timeout* seconds.
        """
        return block(self.steps(timeout, through_holds=through_holds))

    def __await__(self) -> Generator[Any, None, Run]:
        return hold(self.steps()).__await__()

    def steps(
        self, timeout: float | None = None, *, through_holds: bool = False, raises: bool = True, cancels: bool = True
    ) -> Steps[Run]:
        """Wait like `wait`, as steps for `floe_jupyter.client.waiting`. An interrupt cancels the run, unless detached."""
        try:
            yield from self._waiting(timeout, through_holds)
        except KeyboardInterrupt:
            raise Interrupted(self._interrupted(cancels=cancels)) from None
        if self._feeder is not None and self._feeder.error is not None:
            raise self._feeder.error
        if raises and self._info.status == "failed":
            raise run_failed(self.ref, self._info.failures, self, self._hint)
        if is_over(self._info.status):
            self._feeder = self._over = None  # notebooks keep the values of their cells
        return self

    def _waiting(self, timeout: float | None, through_holds: bool) -> Steps[None]:
        if is_over(self._info.status):
            return
        limit = seconds("timeout", timeout)
        waits = self._session.submit("wait", ref=self.ref, timeout=limit, through_holds=through_holds)
        self._info = msgspec.convert((yield from result(waits)), RunInfo)
        if not is_over(self._info.status) and self._info.status != "held":
            raise PeerSilent(
                f"run {self.ref} is still {self._info.status} after {limit:g} s; wait longer, or cancel it with .cancel()"
            )

    def shown_and_fed(self, opened: Callable[[Run], None] | None, *, through_holds: bool, raises: bool) -> Steps[Run]:
        """Call *opened* with the run, then feed and wait. An interrupt at any point cancels the run."""
        try:
            if opened is not None:
                opened(self)
            yield from self.feeding()
            return (yield from self.steps(through_holds=through_holds, raises=raises))
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted(self._interrupted(cancels=True)) from None

    def feeding(self) -> Steps[None]:
        """Feed the run in the caller's thread; once everything is held, the rest is fed in the background."""
        assert self._feeder is not None
        assert self._over is not None
        try:
            if not (yield from self._feeder.steps(self._over)):
                self._feeder.go_on(self._over)
        except KeyboardInterrupt:
            raise Interrupted(self._interrupted(cancels=True)) from None
        except BaseException:
            self._feeder.give_up()
            raise

    def feed_in_background(self) -> None:
        """Feed the run in a thread and return at once."""
        if self._feeder is None or self._over is None:
            raise BugError("this run was not opened here")
        self._feeder.go_on(self._over)

    def _interrupted(self, *, cancels: bool) -> str:
        if self._info.detached or not cancels:
            return f"run {self.ref} goes on; attach {self.ref} comes back to it"
        try:
            self._info = self._session.ask(RunInfo, "cancel", ref=self.ref, timeout=SOON)
            return f"run {self.ref} was cancelled after {results_text(self._info)}"
        except PeerSilent:  # modules at work get time to end; the cell ends meanwhile
            return f"run {self.ref} is being cancelled after {results_text(self.info)}"
        except FloeError as error:
            return f"run {self.ref} could not be cancelled: {error}"

    def cancel(self) -> Run:
        """End the run now. Returns this run."""
        self._info = self._session.ask(RunInfo, "cancel", ref=self.ref)
        return self

    # --- showing -----------------------------------------------------------------------------------------------------

    def view(self) -> Outcome:
        """Return the state for display: the live widget where a person looks, a picture with counts and a table elsewhere."""
        return Outcome.of(
            self._session, self.info, repr(self), lambda: display().live(self._session, self.flow, self._info, self.total)
        )

    def shown_in(self, execution: str) -> None:
        """Note the execution whose cell shows the run: as the value of that cell, the run displays only its outcome."""
        self._shown_in = execution

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if self._shown_in and self._shown_in == display().execution():
            return {"text/plain": repr(self)}
        return {**self.view()._repr_mimebundle_(), "text/plain": repr(self)}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)
