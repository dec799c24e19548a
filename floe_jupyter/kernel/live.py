"""A run's widget in the output of the cell that runs it, and the picture beside it that a saved notebook shows."""

from __future__ import annotations

from typing import Any

from floe_jupyter.core.events import View
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.outcome import Outcome, image, picture
from floe_jupyter.kernel.pages import DESK
from floe_jupyter.kernel.run import OVER, Run
from floe_jupyter.kernel.session import Session
from floe_jupyter.kernel.shown import execution, new_widget


class Shown:
    """Shows the widget of *run* at once."""

    def __init__(self, session: Session, run: Run) -> None:
        from IPython.display import display

        self._session, self._run = session, run
        self._widget = new_widget(session, run.flow, run.info, run.total)
        svg = picture(session.flow(run.flow))
        self._handle = display(self._bundle({"text/plain": repr(run), "image/svg+xml": svg, "text/html": image(svg)}), raw=True,
                               display_id=True)
        run.shown_in(execution())

    def _bundle(self, static: dict[str, str]) -> dict[str, Any]:
        return {**static, **(self._widget.bundle() if self._widget else {})}

    def rest(self) -> None:
        """Nobody waits for the run any more: keep how it stands. If it is only held, do so again at its end."""
        self._keep()
        if self._widget is not None and self._run.info.status not in OVER:
            self._widget.at_close(self._session.client.subscribe(f"run/{self._run.ref}", self._heard))
            if self._run.info.status in OVER:  # it ended between the two
                self._keep()

    def _heard(self, _topic: str, value: Any) -> None:
        """In the thread that reads events, which must not wait."""
        if value["ref"] == self._run.ref and value["status"] in OVER:
            DESK.do(self._keep)

    def _keep(self) -> None:
        try:
            status = self._run.info.status
            view = self._session.ask(View, "view", flow=self._run.ref)
        except FloeError:
            return  # nobody knows it any more: what was kept before stands
        outcome = Outcome.of(self._session, self._run)
        self._handle.update(self._bundle({**outcome.mimebundle(), "text/plain": repr(self._run)}), raw=True)
        if self._widget is not None:
            self._widget.freeze(view, status)
