"""Texts of a joining process for its user: the state of the connection, each once, with the cure of what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

from floe_jupyter.wire.join_files import JoinFile
from floe_jupyter.wire.joining import EndedLaunch, JoinedOrders
from floe_jupyter.wire.transport.curve import LOST, NOBODY, REFUSED, STRANGE


class Words:
    """Lines for the user. *say* writes one."""

    def __init__(self, endpoint: str, keys: JoinFile, lease: float, say: Callable[[str], None]) -> None:
        self._endpoint, self._keys, self._lease, self._say = endpoint, keys, lease, say
        self._said = ""
        self._joined = False

    def begins(self) -> None:
        """Tell what is tried."""
        self._tell(f"connecting to {self._endpoint}; Ctrl-C ends this")

    def news(self, news: str) -> None:
        """Tell news of the connection."""
        if news == LOST and self._joined:
            self._joined = False
            self._once(f"the connection to {self._endpoint} is gone; its runners are kept for {self._lease:g} s")
        elif news == REFUSED:
            self._joined = False
            self._once(
                f"refused: the key {self._keys.public} is not listed there; on the dispatcher's machine "
                f"`floe keys add NAME {self._keys.public}` lists it, and this goes on trying"
            )
        elif news == STRANGE and not self._joined:
            self._once(
                f"{self._endpoint} answers, and the handshake fails: its key is not {self._keys.server}, or it is no dispatcher; "
                "copy a join file from the dispatcher's machine again (`floe keys add NAME` writes one)"
            )
        elif news == NOBODY and not self._joined and "is gone" not in self._said:
            self._once(
                f"nobody answers at {self._endpoint} yet: is the dispatcher up and listening (`floe keys` there), is the address "
                "right, does a firewall let it through? This goes on trying"
            )

    def orders(self, orders: JoinedOrders) -> None:
        """Tell that the dispatcher answers."""
        if orders.refused:
            self._once(f"refused: {orders.refused}")
        elif not self._joined:
            self._joined = True
            self._once(f"connected: flows run here with --runner join:{orders.name}")

    def started(self, pid: int) -> None:
        """Tell that a runner was started."""
        self._tell(f"a runner is started (process {pid})")

    def ended(self, pid: int, ended: EndedLaunch) -> None:
        """Tell that a runner has ended."""
        tail = f"; its last lines:\n{ended.tail}" if ended.tail else ""
        self._tell(f"the runner of process {pid} has ended: {ended.how}{tail}")

    def lease_over(self) -> None:
        """Tell that runners end because nothing was heard."""
        self._once(f"nothing was heard of {self._endpoint} for {self._lease:g} s: its runners end, and it is tried again")

    def ends(self) -> None:
        """Tell that the process ends."""
        self._tell("ended, with all runners")

    def _once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._tell(text)

    def _tell(self, text: str) -> None:
        self._say(f"{time.strftime('%H:%M:%S')} {text}")
