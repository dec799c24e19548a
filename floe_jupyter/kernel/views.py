"""What people see while a run is on its way.

A `RunView` is told the run, ticks while it is waited for, and is closed. Which one there is depends on who looks: a front end
with somebody in front of it gets the widget (or, without anywidget, a picture that is drawn again and again), a terminal a
line, and everybody else (nbclient, papermill, nbval) only the final output.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

import msgspec

from floe_jupyter.core.events import View
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.live import Shown
from floe_jupyter.kernel.outcome import Outcome, nodes, picture
from floe_jupyter.kernel.run import Run
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.shown import has_widgets, somebody_looks

QUIET = 1.0
"""Seconds before anything is shown: short runs have only their final output."""


class RunView(Protocol):
    """Shows a run while it is waited for."""

    def follow(self, run: Run) -> None:
        """The run that is waited for."""

    def tick(self) -> None:
        """Some time went by; at most five times a second."""

    def close(self) -> None:
        """The wait is over, however it ended."""


class NoView:
    """Shows nothing."""

    def follow(self, run: Run) -> None:
        pass

    def tick(self) -> None:
        pass

    def close(self) -> None:
        pass


class LiveView:
    """Keeps the newest snapshot of a run, and what is being prepared for it, and has them drawn when they changed."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session, self._clock = session, clock
        self._run: Run | None = None
        self._newest: View | None = None
        self._work: dict[str, str] = {}
        """Long work under way, such as the installation of packages: what -> how it stands."""
        self._drawn: tuple[View, dict[str, str]] | None = None
        self._begun = 0.0
        self._ends: list[Callable[[], None]] = []

    def follow(self, run: Run) -> None:
        self._run, self._begun = run, self._clock()

    def tick(self) -> None:
        if self._run is None or self._clock() - self._begun < QUIET:
            return
        if not self._ends:
            self._watch(self._run)
        if self._newest is not None and self._drawn != (state := (self._newest, dict(self._work))):
            self._drawn = state
            self._draw(self._run, *state)

    def _watch(self, run: Run) -> None:
        """Snapshots arrive in a thread of the client's; the newest wins."""
        client = self._session.client
        self._ends = [
            client.subscribe(f"view/{run.info.instance or run.ref}", self._seen),
            client.subscribe("progress/", self._heard),
        ]
        try:
            self._newest = run.snapshot()
        except FloeError:
            return  # it ended just now

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
        for end in self._ends:
            end()
        if self._drawn is not None:
            self._erase()


class WidgetView:
    """The widget in the cell's output, at once. It stays when the cell ends; whenever the run rests, its picture is kept too."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shown: Shown | None = None

    def follow(self, run: Run) -> None:
        self._shown = Shown(self._session, run)

    def tick(self) -> None:
        pass  # the page is told by the dispatcher

    def close(self) -> None:
        if self._shown is not None:
            self._shown.rest()


class DisplayView(LiveView):
    """A picture and a table in the cell's output, replaced while it changes and gone at the end: the final output follows."""

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
    """One line on a terminal, written over and over."""

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
    """``co2.1.local.3: read 2,000, parse 1,400, 12 held, 1,400 results``, and what is being prepared."""
    parts = [f"{node.id} {node.taken:,}" for node in view.nodes[:6]] + (["..."] if len(view.nodes) > 6 else [])
    held = [f"{view.held:,} held"] if view.held else []
    preparing = "".join(f"; {what}: {text}" for what, text in work.items())
    return f"{ref}: {', '.join([*parts, *held, f'{view.results:,} results'])}{preparing}"


def front_end_view(ip: Any, session: Session) -> RunView:
    """The view for whoever looks at this shell."""
    kernel = getattr(ip, "kernel", None)
    if os.environ.get("FLOE_VIEW") == "static":
        return NoView()
    if kernel is not None:
        if not somebody_looks(kernel):
            return NoView()
        return WidgetView(session) if has_widgets() else DisplayView(session)
    return LineView(session, sys.stderr) if sys.stderr.isatty() and type(ip).__name__ == "TerminalInteractiveShell" else NoView()

