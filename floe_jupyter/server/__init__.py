"""The Jupyter server extension: an authenticated WebSocket between pages and the dispatcher, past the kernel.

It works while a cell blocks, after a kernel restart and with no kernel at all. It never starts a dispatcher: a notebook that
is only opened starts nothing. `routes` lists all that it serves, `calls` what a page may ask, `frames` how it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["_load_jupyter_server_extension"]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Serve the routes of this extension; called by Jupyter when it starts."""
    from floe_jupyter.server.routes import load

    load(app)
