"""Widget of a run in the output of its cell, and the picture beside the widget for saved notebooks."""

from __future__ import annotations

from typing import Any

from floe_jupyter.client.outcome import Outcome, image, picture
from floe_jupyter.client.preview import preview_of
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session
from floe_jupyter.core.machine.events import View
from floe_jupyter.core.run_life import is_over
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.display.pages import PAGE_SERVER
from floe_jupyter.kernel.display.shown import execution, new_widget
from floe_jupyter.wire.control import topics


class RunOutput:
    """Output with the widget of *run*, displayed at once."""

    def __init__(self, session: Session, run: Run) -> None:
        from IPython.display import display

        self._session, self._run = session, run
        self._widget = new_widget(session, run.flow, run.info, run.total)
        svg = picture(session.flow(run.flow))
        static = {"text/plain": self._text(), "image/svg+xml": svg, "text/html": image(svg)}
        self._handle = display(self._bundle(static), raw=True, display_id=True)
        run.shown_in(execution())

    def _text(self) -> str:
        """Return a line about the run. A saved notebook must not say for ever that an unfinished run is active."""
        run = self._run
        over = is_over(run.info.status)
        return repr(run) if over else f"{run!r} when this was written; `%floe attach {run.ref}` says how it went on"

    def _bundle(self, static: dict[str, str]) -> dict[str, Any]:
        return {**static, **(self._widget.bundle() if self._widget else {})}

    def rest(self) -> None:
        """Keep the current state, once the cell waits no longer. For a run that is only held, keep the state again at the end."""
        self._keep()
        if self._widget is not None and is_over(self._run.info.status):
            self._show_results()
        if self._widget is not None and not is_over(self._run.info.status):
            self._widget.at_close(self._session.client.subscribe(f"{topics.RUN}{self._run.ref}", self._heard))
            if is_over(self._run.info.status):  # the run ended between the two checks
                self._keep()

    def _show_results(self) -> None:
        """Display values below the widget, which has only counts."""
        from IPython.display import display

        found = preview_of(self._session, self._run.info)
        if found is not None:
            display({"text/plain": repr(found), "text/html": found.html()}, raw=True)

    def _heard(self, _topic: str, value: Any) -> None:
        """Take an event, in the thread that reads events and must not wait."""
        if value["ref"] == self._run.ref and is_over(value["status"]):
            PAGE_SERVER.do(self._keep)

    def _keep(self) -> None:
        try:
            status = self._run.info.status
            view = self._session.ask(View, "view", flow=self._run.ref)
        except FloeError:
            return  # the dispatcher no longer knows the run: the state kept before stands
        outcome = Outcome.of(self._session, self._run.info, repr(self._run))
        self._handle.update(self._bundle({**outcome.mimebundle(), "text/plain": self._text()}), raw=True)
        if self._widget is not None:
            self._widget.freeze(view, status)
