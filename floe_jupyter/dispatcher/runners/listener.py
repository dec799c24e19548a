"""The direct stream of one runner: the first peer with a valid message is the runner; all other connections are closed."""

from __future__ import annotations

import os
from collections.abc import Callable

from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.transport.loop import Loop
from floe_jupyter.wire.transport.streams import Listener, Stream, accept


class RunnerListener:
    """Listener for a runner's stream.

    *heard* gets the messages of one read, and returns whether the runner sent them; *refuse* is called for invalid data.
    """

    def __init__(
        self, loop: Loop, listener: Listener | None, limit: int, heard: Callable[[list[bytes]], bool], refuse: Callable[[], None]
    ) -> None:
        self.stream: Stream | None = None
        """Stream of the runner, if connected."""
        self._loop, self._listener, self._limit = loop, listener, limit
        self._heard, self._refuse = heard, refuse
        self._open: list[Stream] = []
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) if listener is not None else -1
        """Descriptor reserved for the runner's connection, which must not wait in vain because others took the last ones."""
        if listener is not None:
            loop.watch(listener.fileno(), lambda _: self._accept())

    def settle(self) -> None:
        """Stop listening and close all other connections: the runner has identified itself, on its stream or over ZeroMQ."""
        self._close_listener()
        for other in [s for s in self._open if s is not self.stream]:
            self._end(other)

    def drain(self) -> None:
        """Take the last messages of a runner that has ended."""
        if self._listener is not None:
            self._accept()
        for stream in list(self._open):
            while stream in self._open:
                self._receive(stream)
                if stream is not self.stream:
                    break

    def close(self) -> None:
        """Close the listener and all streams."""
        self._close_listener()
        for stream in list(self._open):
            self._end(stream)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None
            self._release()

    def _release(self) -> None:
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1

    def _accept(self) -> None:
        assert self._listener is not None
        self._release()
        try:
            accepted = accept(self._listener)
        except OSError:  # no descriptor is left: the connection waits
            return
        if accepted is None:
            return
        fd = accepted.fileno()
        stream = Stream(accepted, self._limit, lambda flush: self._loop.writing(fd, flush))
        self._open.append(stream)
        self._loop.watch(fd, lambda _: self._receive(stream))

    def _receive(self, stream: Stream) -> None:
        try:
            messages = stream.receive()
            if self._heard(messages) and self.stream is None:
                self._take_as_runner(stream)
        except EOFError:
            self._end(stream)
        except ProtocolError:
            self._refuse()
            self._end(stream)

    def _take_as_runner(self, stream: Stream) -> None:
        self.stream = stream
        self.settle()

    def _end(self, stream: Stream) -> None:
        if stream in self._open:
            self._open.remove(stream)
            self._loop.forget(stream.fd)
            stream.close()
        if stream is self.stream:
            self.stream = None
