"""One attachment to one life of a dispatcher. When that ends, `lost` says so, and the bridge makes another when one is there.

Everything here may wait for the dispatcher, and runs in the bridge's worker, not in the server's event loop. Of the wire's
client it takes the two halves that a bridge needs, the channel and its pump: a bridge does not attach again by itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.channel import Channel
from floe_jupyter.wire.connection import find
from floe_jupyter.wire.control import GRACE
from floe_jupyter.wire.pump import Heard, Pump

NAME = f"server {os.getpid()}"
"""What the dispatcher's tables call the bridge, and what its pages' runs belong to, also after a while without pages."""
ABSENT = "no dispatcher serves this Jupyter server; run a %%floe cell in a notebook to start one"


class Life:
    """Attached, and greeted as a front end. `heard` gets every event, in a thread of the wire's."""

    def __init__(self, path: str, heard: Heard) -> None:
        found = find(path)
        if found is None:
            raise PeerGone(ABSENT)
        self._channel = Channel(*found, NAME)
        try:
            self._channel.call("hello", {"key": found[0].key, "client": NAME, "session": NAME, "guards": True})
            self._pump = Pump(self._channel, heard)
        except BaseException:
            self._channel.close()
            raise
        self.pid = found[0].pid
        self._closed = False
        self.lost = os.dup(self._channel.lifeline.fileno())
        """A descriptor that can be read once the dispatcher is gone. Whoever watches it closes it."""

    def submit(self, call: str, args: dict[str, Any]) -> Future[Any]:
        return self._pump.submit(call, args)

    def subscribe(self, *topics: str) -> None:
        """Returns when nothing of them is missed any more."""
        for topic in topics:
            self._pump.subscribe(topic)
        self._pump.settle()

    def unsubscribe(self, topic: str) -> None:
        self._pump.unsubscribe(topic)

    def close(self, *, keep: bool) -> None:
        """End. With *keep*, what pages started is kept for a while for the next page."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(FloeError):  # it is gone: nothing is left to be kept
            if keep and not self._channel.lost:
                self._channel.call("leave", {"grace": GRACE})
        self._pump.stop()
        self._channel.close()


Attach = Callable[[], Life]
