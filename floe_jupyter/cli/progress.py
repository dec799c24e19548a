"""Progress on a terminal, by rich, on standard error."""

from __future__ import annotations

from typing import Any

from floe_jupyter.cli.output import rich_table
from floe_jupyter.core.events import View
from floe_jupyter.kernel.outcome import nodes
from floe_jupyter.kernel.run import Run
from floe_jupyter.kernel.session import session
from floe_jupyter.kernel.views import LiveView, line_of


class TerminalView(LiveView):
    """A table of nodes, redrawn while the run goes on, gone at its end."""

    def __init__(self) -> None:
        super().__init__(session())
        self._live: Any = None

    def _draw(self, run: Run, view: View, work: dict[str, str]) -> None:
        from rich.console import Console, Group
        from rich.live import Live

        drawn = Group(rich_table(nodes(view)), line_of(run.ref, view, work))
        if self._live is None:
            self._live = Live(drawn, console=Console(stderr=True), transient=True, auto_refresh=False, redirect_stdout=False)
            self._live.start()
        self._live.update(drawn, refresh=True)

    def _erase(self) -> None:
        self._live.stop()
