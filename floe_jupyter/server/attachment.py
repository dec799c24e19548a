"""Attachment to one life of a dispatcher. When that life ends, `lost` becomes readable, and the bridge attaches to the next
dispatcher.

All functions may wait for the dispatcher, and run in the bridge's worker, not in the server's event loop. Of the wire's client
only the channel and its pump are used, as a bridge needs no more: a bridge does not attach again by itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.client.channel import Channel
from floe_jupyter.wire.client.connection import find
from floe_jupyter.wire.client.pump import EventListener, Pump
from floe_jupyter.wire.control.calls import GRACE

NAME = f"server {os.getpid()}"
"""Name of the bridge in the dispatcher's tables, and owner of the runs of the pages, also after a while without pages."""
ABSENT = "no dispatcher serves this Jupyter server; run a %%floe cell in a notebook to start one"


class Attachment:
    """Attachment, greeted as a front end. `heard` gets every event, in a thread of the wire's."""

    def __init__(self, path: str, heard: EventListener) -> None:
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
        """Descriptor, readable once the dispatcher is gone. Closed by the watcher."""

    def submit(self, call: str, args: dict[str, Any]) -> Future[Any]:
        """Submit a call; return the future of the answer."""
        return self._pump.submit(call, args)

    def subscribe(self, *topics: str) -> None:
        """Subscribe to topics; return once no more events of the topics are missed."""
        for topic in topics:
            self._pump.subscribe(topic)
        self._pump.settle()

    def unsubscribe(self, topic: str) -> None:
        """Unsubscribe from a topic."""
        self._pump.unsubscribe(topic)

    def close(self, *, keep: bool) -> None:
        """Close the attachment. With *keep*, runs started by pages are kept for a while for the next page."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(FloeError):  # the dispatcher is gone: no runs are left to be kept
            if keep and not self._channel.lost:
                self._channel.call("leave", {"grace": GRACE})
        self._pump.stop()
        self._channel.close()


Attach = Callable[[], Attachment]
