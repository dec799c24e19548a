"""Views of a run that is waited for.

A `RunView` receives the run, ticks during the wait, and is closed. The choice of the view depends on the audience: a front end
with a person in front gets the widget (or, without anywidget, a picture that is redrawn again and again), a terminal a line,
and all others (nbclient, papermill, nbval) only the final output.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

import msgspec

from floe_jupyter.client.outcome import Outcome, nodes, picture
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session
from floe_jupyter.core.machine.events import View
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.display.live import RunOutput
from floe_jupyter.kernel.display.shown import execution, has_viewer, has_widgets
from floe_jupyter.wire.control import topics

QUIET = 1.0
"""Seconds before a view appears: short runs have only their final output."""


class RunView(Protocol):
    """View of a run that is waited for."""

    def follow(self, run: Run) -> None:
        """Set the run that is waited for."""

    def tick(self) -> None:
        """Update the view; called at most five times a second."""

    def close(self) -> None:
        """End the view after the wait, also after a failed wait."""


class NoView:
    """View without output."""

    def follow(self, run: Run) -> None:
        """Ignore the run."""

    def tick(self) -> None:
        """Ignore the time."""

    def close(self) -> None:
        """Leave no output."""


class FinalView(NoView):
    """Final picture and tables for programs that run notebooks, also where the cell keeps the run in a variable."""

    def __init__(self) -> None:
        self._run: Run | None = None

    def follow(self, run: Run) -> None:
        """Set the run to display at the end."""
        self._run = run

    def close(self) -> None:
        """Display the final state of the run."""
        from IPython.display import display

        if self._run is None:
            return
        try:
            bundle = self._run.view().mimebundle()
        except FloeError:
            return  # the dispatcher no longer knows the run; the error of the run itself is told
        display({**bundle, "text/plain": repr(self._run)}, raw=True)
        self._run.shown_in(execution())


class LiveView:
    """Base of views that keep the newest snapshot of a run and of its preparations, and redraw on change."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._run: Run | None = None
        self._newest: View | None = None
        self._work: dict[str, str] = {}
        """Long work under way, such as the installation of packages: name -> state."""
        self._drawn: tuple[View, dict[str, str]] | None = None
        self._begun = 0.0
        self._ends: list[Callable[[], None]] = []

    def follow(self, run: Run) -> None:
        """Set the run to draw."""
        self._run, self._begun = run, self._clock()

    def tick(self) -> None:
        """Draw the newest snapshot if it changed, after `QUIET` seconds."""
        if self._run is None or self._clock() - self._begun < QUIET:
            return
        if not self._ends:
            self._watch(self._run)
        if self._newest is not None and self._drawn != (state := (self._newest, dict(self._work))):
            self._drawn = state
            self._draw(self._run, *state)

    def _watch(self, run: Run) -> None:
        """Subscribe to snapshots, which arrive in a thread of the client; the newest wins."""
        client = self._session.client
        self._ends = [
            client.subscribe(f"{topics.VIEW}{run.info.instance or run.ref}", self._seen),
            client.subscribe(topics.PROGRESS, self._heard),
        ]
        try:
            self._newest = run.snapshot()
        except FloeError:
            return  # the run ended just now

    def _seen(self, _topic: str, value: Any) -> None:
        self._newest = msgspec.convert(value, View)

    def _heard(self, _topic: str, value: Any) -> None:
        self._work = {key: text for key, text in self._work.items() if key != value["what"]}
        if not value["done"]:
            self._work[value["what"]] = value["text"]

    def _draw(self, run: Run, view: View, work: dict[str, str]) -> None:
        raise NotImplementedError

    def _erase(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End the subscriptions and erase the drawing."""
        for end in self._ends:
            end()
        if self._drawn is not None:
            self._erase()


class WidgetView:
    """Widget in the cell's output, at once. The widget stays after the cell's end; whenever the run rests, a picture is kept,
    too.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: RunOutput | None = None

    def follow(self, run: Run) -> None:
        """Show the widget of the run."""
        self._shown = RunOutput(self._session, run)

    def tick(self) -> None:
        """Skip the update, because the dispatcher tells the page."""

    def close(self) -> None:
        """Keep the state of the run beside the widget."""
        if self._shown is not None:
            self._shown.rest()


class DisplayView(LiveView):
    """Picture and table in the cell's output, replaced on change and erased at the end, before the final output."""

    _handle: Any = None

    def _draw(self, run: Run, view: View, work: dict[str, str]) -> None:
        from IPython.display import display

        outcome = Outcome(picture(self._session.flow(run.flow), view), nodes(view), line_of(run.ref, view, work))
        if self._handle is None:
            self._handle = display(outcome.mimebundle(), raw=True, display_id=True)
        else:
            self._handle.update(outcome.mimebundle(), raw=True)

    def _erase(self) -> None:
        self._handle.update({"text/plain": "", "text/html": ""}, raw=True)


class LineView(LiveView):
    """A line on a terminal, written over and over."""

    def __init__(self, session: Session, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(session, clock)
        self._stream = stream

    def _draw(self, run: Run, view: View, work: dict[str, str]) -> None:
        self._stream.write(f"\r\033[K{line_of(run.ref, view, work)}")
        self._stream.flush()

    def _erase(self) -> None:
        self._stream.write("\r\033[K")
        self._stream.flush()


def line_of(ref: str, view: View, work: dict[str, str]) -> str:
    """Return ``co2.1.local.3: read 2,000, parse 1,400, 12 held, 1,400 results``, and the preparations."""
    parts = [f"{node.id} {node.taken:,}" for node in view.nodes[:6]] + (["..."] if len(view.nodes) > 6 else [])
    held = [f"{view.held:,} held"] if view.held else []
    preparing = "".join(f"; {what}: {text}" for what, text in work.items())
    return f"{ref}: {', '.join([*parts, *held, f'{view.results:,} results'])}{preparing}"


def front_end_view(ip: Any, session: Session) -> RunView:
    """Return the view for the audience of this shell."""
    kernel = getattr(ip, "kernel", None)
    if kernel is not None:
        if os.environ.get("FLOE_VIEW") == "static" or not has_viewer(kernel):
            return FinalView()
        return WidgetView(session) if has_widgets() else DisplayView(session)
    return LineView(session, sys.stderr) if sys.stderr.isatty() and type(ip).__name__ == "TerminalInteractiveShell" else NoView()
