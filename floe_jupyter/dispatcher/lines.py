"""Streams on which clients call: the quick door beside the ZeroMQ socket of the control API.

The first message on a stream is its identity, as that of a ZeroMQ socket would be: a client's token, and anything. A client
that does not take its answers is not heard until it does.
"""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.dispatcher.loop import Loop
from floe_jupyter.errors import ProtocolError
from floe_jupyter.wire.streams import Listener, Stream, accept

LONGEST_IDENTITY = 255


class Line:
    """One accepted connection."""

    __slots__ = ("identity", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.identity = b""


class Lines:
    """All of them. *take* gets (identity, request); *refuse* is called for what makes no sense."""

    def __init__(self, loop: Loop, listener: Listener | None, limit: int, take: Callable[[bytes, bytes], None],
                 refuse: Callable[[], None]) -> None:
        self._loop, self._listener, self._limit = loop, listener, limit
        self._take, self._refuse = take, refuse
        self._open: set[Line] = set()
        self._lines: dict[bytes, Line] = {}
        """Those that have said who they are; of several that say the same the newest is answered."""
        if listener is not None:
            loop.watch(listener.fileno(), self._accept)

    def send(self, identity: bytes, answer: bytes) -> bool:
        """Answer; False when it is not one of ours."""
        line = self._lines.get(identity)
        if line is None:
            return False
        line.stream.send(answer)
        return True

    def close(self) -> None:
        """What was sent still arrives."""
        for line in list(self._open):
            self._end(line)
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()

    def _accept(self) -> None:
        assert self._listener is not None
        accepted = accept(self._listener)
        if accepted is None:
            return
        fd = accepted.fileno()
        stream = Stream(accepted, self._limit, lambda flush: self._loop.writing(fd, flush, reading=False))
        line = Line(stream)
        self._open.add(line)
        self._loop.watch(fd, lambda: self._receive(line))

    def _receive(self, line: Line) -> None:
        try:
            for message in line.stream.receive():
                if line.identity:
                    self._take(line.identity, message)
                else:
                    self._name(line, message)
        except EOFError:
            self._end(line)
        except ProtocolError:
            self._refuse()
            self._end(line)

    def _name(self, line: Line, identity: bytes) -> None:
        if not 0 < len(identity) <= LONGEST_IDENTITY:
            raise ProtocolError("an identity has 1 to 255 bytes")
        line.identity = identity
        self._lines[identity] = line

    def _end(self, line: Line) -> None:
        if line not in self._open:
            return
        self._open.discard(line)
        if self._lines.get(line.identity) is line:
            del self._lines[line.identity]
        self._loop.forget(line.stream.fd)
        line.stream.close()
