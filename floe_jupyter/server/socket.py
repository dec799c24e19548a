"""The WebSocket of the bridge, as Jupyter's server serves it."""

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
    """``floe/bridge``: frames as `floe_jupyter.server.frames` describes them."""

    page: Page | None = None

    @property
    def max_message_size(self) -> int:
        return MAXMSGSIZE

    def get_compression_options(self) -> dict[str, Any] | None:
        """None: compressing costs more than the loopback, and tells by its length what secrets are near."""
        return None

    @ws_authenticated
    async def get(self) -> None:
        await self.admit("execute")
        await super().get()

    @property
    def bridge(self) -> Bridge:
        found: Bridge = self.settings[SETTING]
        return found

    def open(self) -> None:
        super().open()
        self.set_nodelay(True)
        self.page = Page(self.bridge, self._write)
        self.bridge.open(self.page)

    async def on_message(self, message: str | bytes) -> None:
        if self.page is not None:
            await self.page.take(message)

    def on_close(self) -> None:
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
