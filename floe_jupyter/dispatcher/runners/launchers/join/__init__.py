"""The launcher of ``join:NAME``: runners of a process on another machine that joined by itself (``floe runner --connect``).

- `allowed`: the keys that may join, on disk.
- `entrance`: the encrypted socket, and who may come in.
- `processes`: what has joined, one process a key, and the orders for it.
- `launched`: one runner of it, and its connection.
- `server`: all of them together.

The modules are imported when joining is first used; no port is open before a user asks for it.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner, LaunchOrder
from floe_jupyter.wire.transport.loop import Loop

if TYPE_CHECKING:
    from floe_jupyter.dispatcher.runners.launchers.join.server import JoinServer


class Joining:
    """Joining of other machines to the dispatcher with the data directory *data*."""

    def __init__(self, loop: Loop, data: str) -> None:
        self._loop, self._directory = loop, os.path.join(data, "keys")

    @cached_property
    def server(self) -> JoinServer:
        """The server, made when first needed. Raises `EnvironmentFailed`."""
        from floe_jupyter.dispatcher.runners.launchers.join.server import JoinServer

        return JoinServer(self._loop, self._directory)

    def resume(self) -> None:
        """Listen again if a former dispatcher of this data directory was asked to. Raises `EnvironmentFailed`."""
        if os.path.exists(self._directory):
            self.server.resume()

    def launch(self, order: LaunchOrder) -> LaunchedRunner:
        """Order a runner. Raises `UnknownName` and `EnvironmentFailed`."""
        return self.server.launch(order)

    @property
    def refused(self) -> int:
        """Number of messages refused."""
        return self.server.refused if "server" in self.__dict__ else 0

    def close(self) -> None:
        """Close the port, and have all runners of other machines ended."""
        if "server" in self.__dict__:
            self.server.close()
