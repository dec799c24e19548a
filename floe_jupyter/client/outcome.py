"""State of a run or a flow as a picture, a table and a line of text; deterministic, so that saved notebooks can be compared."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from floe_jupyter.client.preview import Preview, preview_of
from floe_jupyter.client.tables import Table
from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.machine.events import HeldMessage, View
from floe_jupyter.errors import FloeError
from floe_jupyter.wire.control.calls import RunInfo
from floe_jupyter.wire.languages import badges

if TYPE_CHECKING:
    from floe_jupyter.client.session import Session


def picture(flow: Flow, view: View | None = None, held: tuple[HeldMessage, ...] = ()) -> str:
    """Return the SVG of a flow."""
    from floe_jupyter.core.picture.svg import svg

    return svg(flow, view, held, badges=badges(node.lang for node in view.nodes if node.lang) if view is not None else None)


def image(svg: str) -> str:
    """Return the picture as an HTML image, which survives the cleaning of HTML on code hosts; inline SVG does not."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="the flow" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


class Outcome:
    """A picture and a table. Displays in a notebook with the widget of *live* where a person looks; as text, without picture."""

    def __init__(
        self, svg: str, table: Table, title: str, live: Callable[[], dict[str, Any]] | None = None, results: Preview | None = None
    ) -> None:
        self.svg, self.table, self.title, self._live = svg, table, title, live
        self.results = results

    def __repr__(self) -> str:
        return f"{self.title}\n{self.table!r}"

    @classmethod
    def of(cls, session: Session, info: RunInfo, title: str, live: Callable[[], dict[str, Any]] | None = None) -> Outcome:
        """Return the current state of the run of *info*."""
        flow = session.flow(info.flow)
        view, held = _snapshot(session, info.ref)
        return cls(picture(flow, view, tuple(held)), nodes(view), title, live, preview_of(session, info))

    def mimebundle(self) -> dict[str, str]:
        """Return the static display: as text, SVG and HTML."""
        results = self.results.html() if self.results is not None else ""
        return {"text/plain": repr(self), "image/svg+xml": self.svg, "text/html": image(self.svg) + results + self.table.html()}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {**self.mimebundle(), **(self._live() if self._live else {})}


def _snapshot(session: Session, ref: str) -> tuple[View | None, list[HeldMessage]]:
    """Return the last view of a run and its held messages; None if the dispatcher no longer keeps the view."""
    try:
        view = session.ask(View, "view", flow=ref)
        return view, session.ask(list[HeldMessage], "held", flow=ref) if view.held else []
    except FloeError:
        return None, []


def nodes(view: View | None) -> Table:
    """Return a row per node: number of messages taken, given, failed, waiting and held; if any, also dropped and unfinished."""
    rows = [
        {"node": n.id, "lang": n.lang, "taken": n.taken, "given": n.given, "failed": n.failed, "waiting": n.depth, "held": n.held}
        for n in (view.nodes if view else ())
    ]
    for row, n in zip(rows, view.nodes if view else (), strict=True):
        row |= {"dropped": n.dropped, "unfinished": n.unfinished}
    more = [column for column in ("dropped", "unfinished") if any(row[column] for row in rows)]
    return Table(rows, ["node", "lang", "taken", "given", "failed", "waiting", "held", *more])
