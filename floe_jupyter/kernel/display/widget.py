"""Widget under a cell: the traits of `labextension/src/widget/index.ts`. Imports anywidget, so import this module only on use.

A page asks the dispatcher through the Jupyter server's bridge, if the bridge leads to the same dispatcher (`dispatcher` is its
process number), else through the kernel (`pages`). Traits may be saved in a notebook, so they hold only names, counts and the
flow's shape; no message, source text, key, token or path.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from floe_jupyter.client.session import Session
from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.machine.events import View
from floe_jupyter.core.picture.page import page_layouts
from floe_jupyter.kernel.display.pages import Pages, plain

BUNDLE = Path(__file__).parents[2] / "static" / "widget.js"
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
OURS = "application/vnd.floe.flow+json"
"""MIME type by which our JupyterLab extension shows the picture beside a widget that no longer exists."""


class Script:
    """Text of the front end's module, read on use. A path is not given: anywidget would keep every widget for ever, to report
    changes of the file.
    """

    def __str__(self) -> str:
        return _script()


@cache
def _script() -> str:
    return BUNDLE.read_text(encoding="utf-8")


class FlowWidget(anywidget.AnyWidget):
    """Widget of a flow, or of a run of the flow, to look at and step. Call `close`, or the comm stays open."""

    _esm = Script()
    flow = traitlets.Unicode().tag(sync=True)
    workspace = traitlets.Unicode().tag(sync=True)
    """Id of the workspace that owns the flow: others may have a flow of the same name."""
    ref = traitlets.Unicode().tag(sync=True)
    """Ref of the run; empty for the newest run of the flow."""
    instance = traitlets.Unicode().tag(sync=True)
    """Instance whose views contain the run."""
    definition = traitlets.Dict().tag(sync=True)
    """Shape of the flow, to draw before the dispatcher answers, and without one: {"flow": {name, version, nodes, wires},
    "modules": [{name, lang, inputs, outputs}], "layouts": [PageLayout for wide pages, PageLayout for narrow pages]}.
    """
    view = traitlets.Dict().tag(sync=True)
    """Last snapshot, for saved notebooks; empty before the first."""
    status = traitlets.Unicode().tag(sync=True)
    """Status of the run at that snapshot."""
    total = traitlets.Int().tag(sync=True)
    """Number of messages fed to the run; 0 if unknown."""
    height = traitlets.Int(420).tag(sync=True)
    """Height in CSS pixels; in a narrow cell the widget is as high as its parts."""
    dispatcher = traitlets.Int().tag(sync=True)
    """Process number of the dispatcher."""

    def __init__(self, session: Session, flow: Flow, *, ref: str = "", instance: str = "", total: int = 0) -> None:
        workspace = session.client.workspace
        super().__init__(
            flow=flow.name,
            workspace=workspace.id if workspace else "",
            ref=ref,
            instance=instance,
            total=total,
            definition=definition(flow, session.modules()),
            dispatcher=getattr(session.client, "pid", 0),
        )
        self.pages = Pages(session, self.send)
        self._ends: list[Callable[[], None]] = []
        self.on_msg(lambda _widget, message, _buffers: self.pages.receive(message))

    def __repr__(self) -> str:
        shape = self.definition.get("flow", {})
        return f"FlowWidget({self.ref or self.flow}: {len(shape.get('nodes', ()))} nodes, {len(shape.get('wires', ()))} wires)"

    def freeze(self, view: View, status: str) -> None:
        """Keep the state, for readers of the saved notebook."""
        with self.hold_sync():
            self.view, self.status = plain(view), status

    def at_close(self, end: Callable[[], None]) -> None:
        """Call *end* when the widget is closed."""
        self._ends.append(end)

    def close(self) -> None:
        """Close the widget, its pages and its layout."""
        for end in self._ends:
            end()
        self._ends.clear()
        self.pages.close()
        layout = self.layout  # a separate widget, which ipywidgets leaves open
        super().close()
        layout.close()

    def bundle(self) -> dict[str, Any]:
        """Return the MIME bundle by which a front end shows the widget."""
        return {
            VIEW_TYPE: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
            OURS: {"flow": self.flow, "ref": self.ref},
        }


def definition(flow: Flow, modules: dict[str, Module]) -> dict[str, Any]:
    """Return the shape of a flow and of its modules, without text that a user wrote inside modules."""
    used = [modules[name] for name in dict.fromkeys(node.module for node in flow.nodes) if name in modules]
    return {
        "flow": {
            "name": flow.name,
            "version": flow.version,
            "nodes": [{"id": n.id, "module": n.module, "kind": n.kind, "join": n.join, "workers": n.workers} for n in flow.nodes],
            "wires": plain(flow.wires),
        },
        "modules": [{"name": m.name, "lang": m.lang, "inputs": m.inputs, "outputs": m.outputs} for m in used],
        "layouts": plain(page_layouts(flow)),
    }
