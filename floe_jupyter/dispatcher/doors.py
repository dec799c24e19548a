"""The quick door of one runner: the first who speaks sense through it is the runner, and it is closed to all others."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.streams import Listener, Stream, accept


class QuickDoor:
    """*heard* gets the messages of one read, and says whether the runner spoke; *refuse* is called for what is no message."""

    def __init__(self, loop: Loop, listener: Listener | None, limit: int, heard: Callable[[list[bytes]], bool],
                 refuse: Callable[[], None]) -> None:
        self.stream: Stream | None = None
        """That of the runner, once it has come this way."""
        self._loop, self._listener, self._limit = loop, listener, limit
        self._heard, self._refuse = heard, refuse
        self._open: list[Stream] = []
        if listener is not None:
            loop.watch(listener.fileno(), self._accept)

    def settle(self) -> None:
        """The runner is known: nobody else comes in any more, if it came another way neither."""
        self._close_listener()
        for other in [s for s in self._open if s is not self.stream]:
            self._end(other)

    def drain(self) -> None:
        """Take what a runner that has ended said last."""
        if self._listener is not None:
            self._accept()
        for stream in list(self._open):
            while stream in self._open:
                self._receive(stream)
                if stream is not self.stream:
                    break

    def close(self) -> None:
        self._close_listener()
        for stream in list(self._open):
            self._end(stream)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        accepted = accept(self._listener)
        if accepted is None:
            return
        fd = accepted.fileno()
        stream = Stream(accepted, self._limit, lambda flush: self._loop.writing(fd, flush))
        self._open.append(stream)
        self._loop.watch(fd, lambda: self._receive(stream))

    def _receive(self, stream: Stream) -> None:
        try:
            messages = stream.receive()
            if self._heard(messages) and self.stream is None:
                self._welcome(stream)
        except EOFError:
            self._end(stream)
        except ProtocolError:
            self._refuse()
            self._end(stream)

    def _welcome(self, stream: Stream) -> None:
        self.stream = stream
        self.settle()

    def _end(self, stream: Stream) -> None:
        if stream in self._open:
            self._open.remove(stream)
            self._loop.forget(stream.fd)
            stream.close()
        if stream is self.stream:
            self.stream = None
