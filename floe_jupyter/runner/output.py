"""What a runtime's process prints past its module: from C code, from children, from the language itself.

Read at once whatever comes, so that no print ever blocks; passed on up to a rate, the rest is counted; the end is kept,
for a crash is often explained there.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable

from floe_jupyter.runner.loop import Loop

RATE = 256 * 1024
"""Bytes a second of one stream that are passed on."""
TAIL = 16 * 1024
"""Bytes of the end that are kept."""
_READ = 64 * 1024


class Output:
    """One stream (``stdout`` or ``stderr``) of a process; `listen` gets its text and how many bytes were left out."""

    def __init__(self, loop: Loop, fd: int, listen: Callable[[str, int], None]) -> None:
        self.fd = fd
        self.cut = 0
        self._loop, self._listen = loop, listen
        self._tail = b""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._allowed, self._since = float(RATE), loop.now
        self._open = True
        os.set_blocking(fd, False)
        loop.watch(fd, self._readable)

    def last_lines(self, n: int = 8) -> list[str]:
        """The end of what was printed, without empty lines; long ones are cut."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return [line[:500] for line in lines if line.strip()][-n:]

    def drain(self) -> None:
        """Read what is left of a process that has ended (at most a pipe's worth: its children may go on), then close."""
        for _ in range(32):
            if not self._open or not self._read():
                break
        self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self._loop.forget(self.fd)
            os.close(self.fd)

    def _readable(self, _: int) -> None:
        self._read()

    def _read(self) -> bool:
        try:
            data = os.read(self.fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._tail = (self._tail + data)[-TAIL:]
        self._pass_on(data)
        return True

    def _pass_on(self, data: bytes) -> None:
        self._allowed = min(float(RATE), self._allowed + (self._loop.now - self._since) * RATE)
        self._since = self._loop.now
        taken = data[: int(self._allowed)]
        self._allowed -= len(taken)
        self.cut += len(data) - len(taken)
        if taken:
            cut, self.cut = self.cut, 0
            self._listen(self._decode(taken), cut)
