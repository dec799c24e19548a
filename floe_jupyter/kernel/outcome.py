"""How a run or a flow stands, as a picture, a table and one line; deterministic, so that saved notebooks can be compared."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from floe_jupyter.core.events import HeldMessage, View
from floe_jupyter.core.model import Flow
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.tables import Table
from floe_jupyter.wire.control import RunInfo

if TYPE_CHECKING:
    from floe_jupyter.kernel.run import Run
    from floe_jupyter.kernel.session import Session


def results_text(info: RunInfo) -> str:
    """``2,000 results``."""
    return f"{info.results:,} result{'' if info.results == 1 else 's'}"


def picture(flow: Flow, view: View | None = None, held: tuple[HeldMessage, ...] = ()) -> str:
    """The SVG of a flow."""
    from floe_jupyter.core.draw import svg

    return svg(flow, view, held)


def image(svg: str) -> str:
    """The picture as an HTML image: it survives the cleaning of HTML on code hosts, which inline SVG does not."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="the flow" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


class Outcome:
    """A picture and a table. Displays itself in a notebook, with the widget of *live* where somebody looks; as text it is the
    table.
    """

    def __init__(self, svg: str, table: Table, title: str, live: Callable[[], dict[str, Any]] | None = None) -> None:
        self.svg, self.table, self.title, self._live = svg, table, title, live

    def __repr__(self) -> str:
        return f"{self.title}\n{self.table!r}"

    @classmethod
    def of(cls, session: Session, run: Run, live: Callable[[], dict[str, Any]] | None = None) -> Outcome:
        """How *run* stands now."""
        flow = session.flow(run.flow)
        view, held = _snapshot(session, run.ref)
        return cls(picture(flow, view, tuple(held)), nodes(view), repr(run), live)

    def mimebundle(self) -> dict[str, str]:
        return {"text/plain": repr(self), "image/svg+xml": self.svg, "text/html": image(self.svg) + self.table.html()}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {**self.mimebundle(), **(self._live() if self._live else {})}


def _snapshot(session: Session, ref: str) -> tuple[View | None, list[HeldMessage]]:
    """The last view of a run, and what it holds; None when the dispatcher no longer keeps it."""
    try:
        view = session.ask(View, "view", flow=ref)
        return view, session.ask(list[HeldMessage], "held", flow=ref) if view.held else []
    except FloeError:
        return None, []


def nodes(view: View | None) -> Table:
    """One row a node: what it took, gave, failed on, and what waits for it."""
    rows = [
        {"node": n.id, "lang": n.lang, "taken": n.taken, "given": n.given, "failed": n.failed, "waiting": n.depth, "held": n.held}
        for n in (view.nodes if view else ())
    ]
    return Table(rows, ["node", "lang", "taken", "given", "failed", "waiting", "held"])
