"""A run as Python sees it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future
from typing import Any

import msgspec

from floe_jupyter.errors import BugError, FloeError, PeerSilent
from floe_jupyter.kernel.arguments import seconds
from floe_jupyter.kernel.debugging import Steppable
from floe_jupyter.kernel.failures import ModuleError, errors_of, run_failed
from floe_jupyter.kernel.feeding import Feeder
from floe_jupyter.kernel.outcome import Outcome, results_text
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.shown import execution, live
from floe_jupyter.kernel.waiting import Interrupted, Steps, block, hold, result
from floe_jupyter.wire.control import ResultBatch, RunInfo
from floe_jupyter.wire.values import decode

OVER = ("done", "failed", "cancelled")
FETCH = 256
"""Result batches of one answer."""


class Run(Steppable):
    """One run of a flow. ``await run`` and ``run.wait()`` wait for its end."""

    def __init__(
        self, session: Session, info: RunInfo, feeder: Feeder | None = None, over: Future[Any] | None = None, *, total: int = 0
    ) -> None:
        self._session, self._info, self._feeder, self._over = session, info, feeder, over
        self.total = total
        """How many messages it is fed; 0: nobody knows before the end."""
        self._shown_in = ""
        """The execution whose cell shows its widget already."""
        self._batches: list[ResultBatch] = []
        self._complete = False

    def __repr__(self) -> str:
        gone = f"; who fed it is gone, its input ended after {self._info.fed:,} message{'' if self._info.fed == 1 else 's'}"
        return f"Run {self.ref}: {self._info.status}, {results_text(self._info)}{gone if self._info.feeder_gone else ''}"

    def _target(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """Its name: ``flow.version.host.counter``."""
        return self._info.ref

    @property
    def flow(self) -> str:
        return self._info.flow

    @property
    def info(self) -> RunInfo:
        """All that is known of it, now."""
        if self._info.status not in OVER:
            self._info = self._session.ask(RunInfo, "run_info", ref=self.ref)
        return self._info

    @property
    def status(self) -> str:
        """``pending``, ``active``, ``held``, ``done``, ``failed`` or ``cancelled``."""
        return self.info.status

    @property
    def errors(self) -> list[ModuleError]:
        """What modules failed on, in order."""
        return errors_of(self.info.failures)

    # --- results -----------------------------------------------------------------------------------------------------

    def result_batches(self, start: int) -> list[ResultBatch]:
        """From the *start*-th batch on, some of what came out so far; empty: nothing new."""
        return self._session.ask(list[ResultBatch], "results", ref=self.ref, start=start, limit=FETCH)

    def _fetched(self) -> list[ResultBatch]:
        over = self.status in OVER
        while not self._complete:
            new = self.result_batches(len(self._batches))
            self._batches.extend(new)
            if not new:
                self._complete = over
                break
        return self._batches

    @property
    def results(self) -> list[Any]:
        """Values from unconnected outputs, in the order in which they came out; while it is active, those so far."""
        return [value for batch in self._fetched() for value in decode(batch.batch)]

    @property
    def outputs(self) -> dict[str, list[Any]]:
        """The same by port: ``{"node.port": [values]}``."""
        found: dict[str, list[Any]] = {}
        for batch in self._fetched():
            found.setdefault(f"{batch.node}.{batch.port}", []).extend(decode(batch.batch))
        return found

    # --- waiting -----------------------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, *, through_holds: bool = False) -> Run:
        """Wait until it is over, or held with nothing else to do (unless *through_holds*). Returns itself.
        Raises RunFailed, and TimeoutError after *timeout* seconds.
        """
        return block(self.steps(timeout, through_holds=through_holds))

    def __await__(self) -> Generator[Any, None, Run]:
        return hold(self.steps()).__await__()

    def steps(
        self, timeout: float | None = None, *, through_holds: bool = False, raises: bool = True, cancels: bool = True
    ) -> Steps[Run]:
        """What `wait` does, for `floe_jupyter.kernel.waiting`. An interrupt cancels the run, unless it is detached."""
        try:
            yield from self._waiting(timeout, through_holds)
        except KeyboardInterrupt:
            raise Interrupted(self._interrupted(cancels=cancels)) from None
        if self._feeder is not None and self._feeder.error is not None:
            raise self._feeder.error
        if raises and self._info.status == "failed":
            raise run_failed(self.ref, self._info.failures, self)
        return self

    def _waiting(self, timeout: float | None, through_holds: bool) -> Steps[None]:
        if self._info.status in OVER:
            return
        limit = seconds("timeout", timeout)
        waits = self._session.submit("wait", ref=self.ref, timeout=limit, through_holds=through_holds)
        self._info = msgspec.convert((yield from result(waits)), RunInfo)
        if self._info.status not in (*OVER, "held"):
            raise PeerSilent(
                f"run {self.ref} is still {self._info.status} after {limit:g} s; wait longer, or cancel it with .cancel()"
            )

    def feeding(self) -> Steps[None]:
        """Feed it in the caller's thread; the rest goes on in the background when everything is held."""
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
        """Return at once; a thread feeds it."""
        if self._feeder is None or self._over is None:
            raise BugError("this run was not opened here")
        self._feeder.go_on(self._over)

    def _interrupted(self, *, cancels: bool) -> str:
        if self._info.detached or not cancels:
            return f"run {self.ref} goes on; attach {self.ref} comes back to it"
        try:
            return f"run {self.ref} was cancelled after {results_text(self.cancel().info)}"
        except FloeError as error:
            return f"run {self.ref} could not be cancelled: {error}"

    def cancel(self) -> Run:
        """End it now. Returns itself."""
        self._info = self._session.ask(RunInfo, "cancel", ref=self.ref)
        return self

    # --- showing -----------------------------------------------------------------------------------------------------

    def view(self) -> Outcome:
        """How it stands, to display: the live widget where somebody looks, a picture with counts and a table elsewhere."""
        return Outcome.of(self._session, self, lambda: live(self._session, self.flow, self._info, self.total))

    def shown_in(self, execution: str) -> None:
        """The cell of this execution shows it: as the cell's value it says only how it ended."""
        self._shown_in = execution

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if self._shown_in and self._shown_in == execution():
            return {"text/plain": repr(self)}
        return {**self.view()._repr_mimebundle_(), "text/plain": repr(self)}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)
