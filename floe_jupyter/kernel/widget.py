"""The widget under a cell: the traits of `labextension/src/widget/index.ts`. Imports anywidget, so import it where it is needed.

A page asks the dispatcher through the Jupyter server's bridge, if that leads to the same dispatcher (`dispatcher` is its process
number), else through the kernel (`floe_jupyter.kernel.pages`). What is in a trait may be saved in a notebook: names, counts and
the flow's shape; no message, source text, key, token or path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from floe_jupyter.core.events import View
from floe_jupyter.core.model import Flow, Module
from floe_jupyter.kernel.pages import Pages, plain
from floe_jupyter.kernel.session import Session

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
OURS = "application/vnd.floe.flow+json"
"""Tells our JupyterLab extension that the picture beside the widget stands in for it where the widget is no more."""


class FlowWidget(anywidget.AnyWidget):
    """A flow, or one run of it, to look at and step. `close` it, or its comm stays open."""

    _esm = BUNDLE
    flow = traitlets.Unicode().tag(sync=True)
    ref = traitlets.Unicode().tag(sync=True)
    """The run; empty: the flow's newest."""
    instance = traitlets.Unicode().tag(sync=True)
    """Whose views the run is part of."""
    definition = traitlets.Dict().tag(sync=True)
    """{"flow": {name, version, nodes, wires}, "modules": [{name, lang, inputs, outputs}]}, to draw it before anybody answers."""
    view = traitlets.Dict().tag(sync=True)
    """The last snapshot, for saved notebooks; empty while there is none."""
    status = traitlets.Unicode().tag(sync=True)
    """How the run stood at that snapshot."""
    total = traitlets.Int().tag(sync=True)
    """How many messages the run is fed; 0: nobody knows."""
    height = traitlets.Int(420).tag(sync=True)
    """In CSS pixels; in a narrow cell it is as high as its parts."""
    dispatcher = traitlets.Int().tag(sync=True)
    """The dispatcher's process number."""

    def __init__(self, session: Session, flow: Flow, *, ref: str = "", instance: str = "", total: int = 0) -> None:
        super().__init__(flow=flow.name, ref=ref, instance=instance, total=total, definition=definition(flow, session.modules()),
                         dispatcher=getattr(session.client, "pid", 0))
        self.pages = Pages(session, self.send)
        self._ends: list[Callable[[], None]] = []
        self.on_msg(lambda _widget, message, _buffers: self.pages.receive(message))

    def __repr__(self) -> str:
        shape = self.definition.get("flow", {})
        return f"FlowWidget({self.ref or self.flow}: {len(shape.get('nodes', ()))} nodes, {len(shape.get('wires', ()))} wires)"

    def freeze(self, view: View, status: str) -> None:
        """Keep how it stands, for whoever opens the saved notebook."""
        with self.hold_sync():
            self.view, self.status = plain(view), status

    def at_close(self, end: Callable[[], None]) -> None:
        """Have *end* called when it is closed."""
        self._ends.append(end)

    def close(self) -> None:
        for end in self._ends:
            end()
        self._ends.clear()
        self.pages.close()
        layout = self.layout  # a widget of its own, that ipywidgets leaves open
        super().close()
        layout.close()

    def bundle(self) -> dict[str, Any]:
        """What a front end needs to show it."""
        return {VIEW_TYPE: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
                OURS: {"flow": self.flow, "ref": self.ref}}


def definition(flow: Flow, modules: dict[str, Module]) -> dict[str, Any]:
    """The shape of a flow, and of the modules in it, without anything that a user wrote into them."""
    used = [modules[name] for name in dict.fromkeys(node.module for node in flow.nodes) if name in modules]
    return {
        "flow": {
            "name": flow.name,
            "version": flow.version,
            "nodes": [{"id": n.id, "module": n.module, "kind": n.kind, "join": n.join, "workers": n.workers} for n in flow.nodes],
            "wires": [plain(wire) for wire in flow.wires],
        },
        "modules": [{"name": m.name, "lang": m.lang, "inputs": m.inputs, "outputs": m.outputs} for m in used],
    }
