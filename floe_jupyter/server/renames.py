"""Renames: notebooks renamed or moved in Jupyter keep their workspaces, because the server reports the new path to the
dispatcher.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import connect

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
"""Schema of the events of Jupyter's files."""


def follow(app: ServerApp, renamed: Callable[[str, str], None]) -> None:
    """Call *renamed* with the old and new path of every file and folder renamed through the server."""

    async def moved(logger: Any, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001 - as Jupyter calls it
        if data.get("action") == "rename" and data.get("source_path"):
            root = getattr(app.contents_manager, "root_dir", "")
            renamed(_place(root, data["source_path"]), _place(root, data["path"]))

    with contextlib.suppress(AttributeError, KeyError, ValueError):  # a server too old for these events
        logger: Any = app.event_logger
        logger.add_listener(schema_id=CONTENTS, listener=moved)


def _place(root: str, path: str) -> str:
    """Return the absolute path of Jupyter's *path*, used by kernels as the name of the notebook."""
    return os.path.realpath(os.path.join(root, path.strip("/")))


def tell(connection: str, source: str, target: str) -> None:
    """Report a rename to the dispatcher with the connection file *connection*, if running. May wait for the dispatcher."""
    with contextlib.suppress(FloeError, OSError), connect(start=False, path=connection, client="server", looks=True) as client:
        client.call("rename_workspace", source=source, target=target)
