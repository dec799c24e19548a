"""Status of the bridge and its dispatcher, for a page whose socket could not be opened."""

from __future__ import annotations

from jupyter_server.base.handlers import APIHandler
from tornado import web

from floe_jupyter.server.bridge import SETTING, Bridge
from floe_jupyter.server.guard import Guard


class Status(Guard, APIHandler):
    """``GET floe/status`` -> {"version", "dispatcher": true if the bridge is attached now, "pages": number of open pages}."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the status."""
        await self.admit("read")
        bridge: Bridge = self.settings[SETTING]
        self.set_header("Cache-Control", "no-store")
        await self.finish(bridge.status())
