"""Widgets of a kernel: whether a person looks, which widgets are shown where, and when widgets no longer needed are closed.

A widget lives until its cell runs again, until `MOST` newer widgets are shown, or until the extension is taken out. In any case
the static picture stands beside the widget, for saved notebooks and for front ends without widgets.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_jupyter.client.display import Display, install

if TYPE_CHECKING:
    from floe_jupyter.client.session import Session
    from floe_jupyter.kernel.display.widget import FlowWidget
    from floe_jupyter.wire.control.calls import RunInfo

MOST = 40
"""Maximum number of widgets kept; each has an open comm, and its traits in the page."""


@cache
def has_widgets() -> bool:
    """Return True if widgets can be shown: the extra ``notebook`` is installed, and the front end is built."""
    if importlib.util.find_spec("anywidget") is None:
        return False
    from floe_jupyter.kernel.display import widget

    return widget.BUNDLE.exists()


def current_kernel() -> Any:
    """Return the Jupyter kernel of this process; None elsewhere."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


def parent_of(kernel: Any) -> dict[str, Any]:
    """Return the message that asked for the running cell."""
    found = kernel.get_parent("shell") if hasattr(kernel, "get_parent") else {}
    return found if isinstance(found, dict) else {}


def has_viewer(kernel: Any) -> bool:
    """Return True if a person looks: front ends with a person in front name the cell they run; programs that execute notebooks
    do not. Where the guess is wrong, set the variable FLOE_VIEW to ``live`` or ``static``.
    """
    wanted = os.environ.get("FLOE_VIEW", "")
    if kernel is None or wanted == "static":
        return False
    return wanted == "live" or bool(parent_of(kernel).get("metadata", {}).get("cellId"))


class ShownWidget(NamedTuple):
    """A widget, with the cell and the execution that created the widget."""

    widget: FlowWidget
    cell: str
    execution: str


class KernelWidgets:
    """Widgets of this kernel, oldest first."""

    def __init__(self) -> None:
        self._items: list[ShownWidget] = []

    def __len__(self) -> int:
        return len(self._items)

    def put(self, widget: FlowWidget) -> None:
        """Keep a new widget of the running cell. Closes widgets of earlier executions of that cell, and the oldest widgets."""
        cell, execution = _here()
        self._close([item for item in self._items if cell and item.cell == cell and item.execution != execution])
        self._items.append(ShownWidget(widget, cell, execution))
        self._close(self._items[: max(len(self._items) - MOST, 0)])

    def clear(self) -> None:
        """Close all widgets."""
        self._close(self._items)

    def _close(self, items: list[ShownWidget]) -> None:
        for item in list(items):
            self._items.remove(item)
            item.widget.close()


WIDGETS = KernelWidgets()


def _here() -> tuple[str, str]:
    """Return (cell, execution) of the running code."""
    parent = parent_of(current_kernel())
    return str(parent.get("metadata", {}).get("cellId") or ""), str(parent.get("header", {}).get("msg_id", ""))


def execution() -> str:
    """Return the id of the current execution."""
    return _here()[1]


def new_widget(session: Session, flow: str, info: RunInfo | None = None, total: int = 0) -> FlowWidget | None:
    """Return a widget for the person who looks at the running cell; None without a person or without widgets."""
    if not has_viewer(current_kernel()) or not has_widgets():
        return None
    from floe_jupyter.kernel.display.widget import FlowWidget

    ref, instance = (info.ref, info.instance or info.ref) if info else ("", "")
    made = FlowWidget(session, session.flow(flow), ref=ref, instance=instance, total=total)
    WIDGETS.put(made)
    return made


class NotebookDisplay(Display):
    """Display of notebooks: a new widget where a person looks, none elsewhere."""

    def live(self, session: Session, flow: str, info: RunInfo | None = None, total: int = 0) -> dict[str, Any]:
        """Return the bundle of a new widget; empty where no person looks."""
        widget = new_widget(session, flow, info, total)
        return widget.bundle() if widget is not None else {}

    def execution(self) -> str:
        """Return the id of the current execution."""
        return execution()


install(NotebookDisplay())
