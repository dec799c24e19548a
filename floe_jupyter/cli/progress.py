"""Progress on a terminal, by rich, on standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from floe_jupyter.cli.output import rich_table
from floe_jupyter.cli.terminal import escaped
from floe_jupyter.client.outcome import nodes
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import session
from floe_jupyter.core.machine.events import View
from floe_jupyter.kernel.display.views import LiveView, line_of


class TerminalView(LiveView):
    """Table of nodes, redrawn while the run goes on and erased at its end."""

    def __init__(self) -> None:
        super().__init__(session())
        self._live: Any = None

    def _draw(self, run: Run, view: View, work: dict[str, str]) -> None:
        from rich.console import Console, Group
        from rich.live import Live

        drawn = Group(rich_table(nodes(view)), escaped(line_of(run.ref, view, work)))
        if self._live is None:
            self._live = Live(drawn, console=Console(stderr=True), transient=True, auto_refresh=False, redirect_stdout=False)
            self._live.start()
        self._live.update(drawn, refresh=True)

    def aside(self, act: Callable[[], None]) -> None:
        """Let *act* write to this terminal: the table is erased, and drawn again below."""
        if self._live is None or not self._live.is_started:
            act()
            return
        self._live.stop()
        try:
            act()
        finally:
            self._live.start(refresh=True)

    def _erase(self) -> None:
        self._live.stop()
