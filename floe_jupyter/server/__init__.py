"""Jupyter server extension: an authenticated WebSocket between pages and the dispatcher, past the kernel.

The extension works while a cell blocks, after a kernel restart and without any kernel, and never starts a dispatcher: opening a
notebook starts no process. `routes` lists the served routes, `calls` the calls of a page, `frames` the encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["_load_jupyter_server_extension"]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Serve the routes of the extension; called by Jupyter at the start of the server."""
    from floe_jupyter.server.routes import load

    load(app)
