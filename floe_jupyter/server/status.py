"""Whether the bridge is there, and a dispatcher behind it: for a page whose socket could not be opened."""

from __future__ import annotations

from jupyter_server.base.handlers import APIHandler
from tornado import web

from floe_jupyter.server.bridge import SETTING, Bridge
from floe_jupyter.server.guard import Guard


class Status(Guard, APIHandler):
    """``GET floe/status`` -> {"version", "dispatcher": whether a page is attached to one now, "pages": how many are open}."""

    @web.authenticated
    async def get(self) -> None:
        await self.admit("read")
        bridge: Bridge = self.settings[SETTING]
        self.set_header("Cache-Control", "no-store")
        await self.finish(bridge.status())
