"""WebSocket of the bridge, served by Jupyter's server."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from floe_jupyter.server.bridge import SETTING, Bridge
from floe_jupyter.server.frames import MAXMSGSIZE
from floe_jupyter.server.guard import Guard
from floe_jupyter.server.page import Page


class BridgeSocket(Guard, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``floe/bridge``: frames as described in `floe_jupyter.server.frames`."""

    page: Page | None = None

    @property
    def max_message_size(self) -> int:
        """Maximum bytes of a frame."""
        return MAXMSGSIZE

    def get_compression_options(self) -> dict[str, Any] | None:
        """Return None: compression costs more than the loopback, and the compressed length would reveal nearby secrets."""
        return None

    @ws_authenticated
    async def get(self) -> None:
        """Open the WebSocket for a user with the permission to execute code."""
        await self.admit("execute")
        await super().get()

    @property
    def bridge(self) -> Bridge:
        """Bridge of the server."""
        found: Bridge = self.settings[SETTING]
        return found

    def open(self) -> None:
        """Add a page to the bridge."""
        super().open()
        self.set_nodelay(True)
        self.page = Page(self.bridge, self._write)
        self.bridge.open(self.page)

    async def on_message(self, message: str | bytes) -> None:
        """Handle a frame of the page."""
        if self.page is not None:
            await self.page.take(message)

    def on_close(self) -> None:
        """Remove the page from the bridge."""
        super().on_close()
        page, self.page = self.page, None
        if page is not None:
            page.close()
            self.bridge.close(page)

    async def _write(self, frame: bytes) -> None:
        try:
            await self.write_message(frame)
        except (WebSocketClosedError, StreamClosedError):
            return  # `on_close` follows
