"""Streams of an attached container: output in frames of the engine, and the standard input, which ends with this process."""

from __future__ import annotations

import os
import struct
from typing import Any

_HEAD = struct.Struct(">BxxxI")
READ = 64 * 1024
"""Maximum bytes of one read."""
KEPT = 1 << 20
"""Bytes of output after which the log begins anew."""


class AttachedStreams:
    """Connection to the standard streams of a container, opened before the container starts."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.descriptor: int = connection.fileno()
        self._rest = b""

    def read(self) -> bytes:
        """Return available output, of both streams in order. Raises EOFError when the container has ended."""
        try:
            data = os.read(self.descriptor, READ)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self._rest += data
        return b"".join(self._frames())

    def _frames(self) -> list[bytes]:
        found = []
        while len(self._rest) >= _HEAD.size:
            size = _HEAD.unpack_from(self._rest)[1]
            if len(self._rest) < _HEAD.size + size:
                break
            found.append(self._rest[_HEAD.size : _HEAD.size + size])
            self._rest = self._rest[_HEAD.size + size :]
        return found

    def close(self) -> None:
        """Close the connection: the container's standard input ends."""
        self._connection.close()


def write_log(descriptor: int, data: bytes) -> None:
    """Append output to a log, which begins anew when it has grown over `KEPT` bytes."""
    if os.fstat(descriptor).st_size > KEPT:
        os.ftruncate(descriptor, 0)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
