"""Which widgets a kernel shows, and where: who looks, what is shown once, and when a widget that nobody needs is closed.

A widget lives until its cell runs again, until `MOST` newer ones are shown, or until the extension is taken out. Whatever
becomes of it, beside it stands the static picture, for saved notebooks and for front ends without widgets.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from floe_jupyter.kernel.session import Session
    from floe_jupyter.kernel.widget import FlowWidget
    from floe_jupyter.wire.control import RunInfo

MOST = 40
"""Widgets that are kept; each has an open comm, and its traits in the page."""


@cache
def has_widgets() -> bool:
    """True when widgets can be shown: the extra ``notebook`` is installed, and the front end is built."""
    if importlib.util.find_spec("anywidget") is None:
        return False
    from floe_jupyter.kernel import widget

    return widget.BUNDLE.exists()


def the_kernel() -> Any:
    """The Jupyter kernel of this process; None elsewhere."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)


def parent_of(kernel: Any) -> dict[str, Any]:
    """The message that asked for the cell that runs."""
    found = kernel.get_parent("shell") if hasattr(kernel, "get_parent") else {}
    return found if isinstance(found, dict) else {}


def somebody_looks(kernel: Any) -> bool:
    """Front ends with a person in front name the cell they run; programs that execute notebooks do not. Where we guess wrong,
    the variable FLOE_VIEW says ``live`` or ``static``.
    """
    wanted = os.environ.get("FLOE_VIEW", "")
    if kernel is None or wanted == "static":
        return False
    return wanted == "live" or bool(parent_of(kernel).get("metadata", {}).get("cellId"))


class Item(NamedTuple):
    widget: FlowWidget
    cell: str
    execution: str


class Shelf:
    """The widgets of this kernel, oldest first."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __len__(self) -> int:
        return len(self._items)

    def put(self, widget: FlowWidget) -> None:
        """Keep a new widget of the cell that runs. Closes those of an earlier execution of that cell, and the oldest."""
        cell, execution = _here()
        self._close([item for item in self._items if cell and item.cell == cell and item.execution != execution])
        self._items.append(Item(widget, cell, execution))
        self._close(self._items[: max(len(self._items) - MOST, 0)])

    def clear(self) -> None:
        self._close(self._items)

    def _close(self, items: list[Item]) -> None:
        for item in list(items):
            self._items.remove(item)
            item.widget.close()


SHELF = Shelf()


def _here() -> tuple[str, str]:
    """(cell, execution) of what runs now."""
    parent = parent_of(the_kernel())
    return str(parent.get("metadata", {}).get("cellId") or ""), str(parent.get("header", {}).get("msg_id", ""))


def execution() -> str:
    """The id of what the kernel executes now."""
    return _here()[1]


def new_widget(session: Session, flow: str, info: RunInfo | None = None, total: int = 0) -> FlowWidget | None:
    """A widget for whoever looks at the cell that runs; None when nobody does, or widgets cannot be shown."""
    if not somebody_looks(the_kernel()) or not has_widgets():
        return None
    from floe_jupyter.kernel.widget import FlowWidget

    ref, instance = (info.ref, info.instance or info.ref) if info else ("", "")
    made = FlowWidget(session, session.flow(flow), ref=ref, instance=instance, total=total)
    SHELF.put(made)
    return made


def live(session: Session, flow: str, info: RunInfo | None = None, total: int = 0) -> dict[str, Any]:
    """The widget's part of what a flow or a run displays: a new widget where somebody looks, nothing elsewhere."""
    widget = new_widget(session, flow, info, total)
    return widget.bundle() if widget is not None else {}
