"""Routes served by the extension. The tests take the list of routes from this table, too."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any

from jupyter_server.utils import url_path_join

from floe_jupyter.server.bridge import SETTING, Bridge
from floe_jupyter.server.examples import Examples
from floe_jupyter.server.renames import follow
from floe_jupyter.server.socket import BridgeSocket
from floe_jupyter.server.status import Status
from floe_jupyter.wire.client.connection import default_path

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

ROUTES: tuple[tuple[str, type[Any]], ...] = (
    ("floe/bridge", BridgeSocket),
    ("floe/examples", Examples),
    ("floe/status", Status),
)
"""Path behind the server's base URL -> handler. Every handler is a `floe_jupyter.server.guard.Guard`."""


def load(app: ServerApp) -> None:
    """Add the routes to a server.

    The server's kernels find the dispatcher by the process id of the server, and the bridge does the same.
    """
    web = app.web_app
    web.settings[SETTING] = bridge = Bridge(default_path(str(os.getpid())))
    atexit.register(bridge.end)
    follow(app, bridge.moved)
    base = web.settings["base_url"]
    web.add_handlers(".*$", [(url_path_join(base, path), handler) for path, handler in ROUTES])  # type: ignore[no-untyped-call]
