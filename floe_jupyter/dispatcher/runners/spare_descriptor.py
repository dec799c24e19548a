"""A descriptor kept in reserve: a client that connects when the process has none left is told why, instead of left waiting."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from floe_jupyter.wire.descriptors import none_left


class SpareDescriptor:
    """The reserved descriptor. Closed with the process."""

    def __init__(self) -> None:
        self._reserve: int | None = None
        self._keep()

    def refuse(self, listener: socket.socket, tell: Callable[[socket.socket, str], None]) -> bool:
        """Accept the next connection for *tell* (connection, reason), and close the connection. Return False if no connection
        waits, or no reserve is available.
        """
        if self._reserve is None:
            self._keep()
        if self._reserve is None:
            return False
        os.close(self._reserve)
        self._reserve = None
        try:
            connection, _ = listener.accept()
        except OSError:
            return False
        else:
            with connection:
                connection.settimeout(0)
                tell(connection, text())
            return True
        finally:
            self._keep()

    def _keep(self) -> None:
        try:
            self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._reserve = None


def text(what: str = "another client") -> str:
    """Return the reason why *what* cannot be accepted, and the remedy."""
    return none_left("the dispatcher", what, "end notebooks, terminals or pages that use it")
