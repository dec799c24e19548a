"""Displays of flows and runs: the part that depends on the front end in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_jupyter.client.session import Session
    from floe_jupyter.wire.control.replies import RunInfo


class Display:
    """Display of programs and terminals: no widgets, and no cell that runs."""

    def live(self, session: Session, flow: str, info: RunInfo | None = None, total: int = 0) -> dict[str, Any]:
        """Return the live part of a flow's or a run's mimebundle; empty where no person looks."""
        del session, flow, info, total
        return {}

    def execution(self) -> str:
        """Return the id of the cell execution that is under way; empty outside of a notebook."""
        return ""


_display = Display()


def install(display: Display) -> None:
    """Set the display that flows and runs of this process use."""
    global _display
    _display = display


def display() -> Display:
    """Return the display in use."""
    return _display
