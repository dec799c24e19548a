"""Output printed by a runtime's process past its modules: from C code, from children, from the language itself.

All output is read at once, to keep prints from blocking. Whole lines are passed on up to a rate, and the rest is counted. The end
is kept, because a crash is often explained in the last lines.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable

from floe_jupyter.wire.transport.loop import Loop, Timer

RATE = 256 * 1024
"""Bytes per second of one stream that are passed on."""
LINE = 64 * 1024
"""Maximum bytes of the rest of a line that are passed on when the rate is used up; a longer rest is cut.

After a gap the same number of bytes must be free again: else every other line would be a gap.
"""
TELL = 0.25
"""Seconds after which a gap is reported even if no output follows."""
TAIL = 16 * 1024
"""Bytes of the end of the output that are kept."""
_READ = 64 * 1024


class ProcessOutput:
    """One stream (``stdout`` or ``stderr``) of a process.

    `listen` gets the text and the number of bytes left out before the text.
    """

    def __init__(self, loop: Loop, fd: int, listen: Callable[[str, int], None]) -> None:
        self.fd = fd
        self.cut = 0
        self._loop, self._listen = loop, listen
        self._tail = b""
        self._decode = _decoder()
        self._allowed, self._since = float(RATE), loop.now
        self._gap = self._inside = False
        """`_gap`: no output is passed on; `_inside`: the next output is the rest of a line whose beginning was left out."""
        self._timer: Timer | None = None
        self._open = True
        os.set_blocking(fd, False)
        loop.watch(fd, self._readable)

    def last_lines(self, n: int = 8) -> list[str]:
        """Return the end of the output, without empty lines; long lines are cut."""
        lines = self._tail.decode("utf-8", "replace").splitlines()
        return [line[:500] for line in lines if line.strip()][-n:]

    def drain(self) -> None:
        """Read the rest of an ended process (at most a pipe's worth: children may go on), then close."""
        for _ in range(32):
            if not self._open or not self._read():
                break
        self.close()

    def close(self) -> None:
        """Close the stream and report the bytes left out."""
        if self._open:
            self._open = False
            self._loop.forget(self.fd)
            os.close(self.fd)
            self._tell()

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
        data = self._behind_gap(data)
        end = self._end(data)
        if end:
            self._allowed -= end
            self._listen(self._decode(data[:end]), self._taken_cut())
            self._gap = self._allowed <= 0 and data[end - 1 : end] == b"\n"
        if end < len(data):
            self._gap = True
            self._decode = _decoder()
            self._drop(data[end:])

    def _behind_gap(self, data: bytes) -> bytes:
        """Return the data to pass on after a gap: from the beginning of a line on, once enough bytes are free."""
        if not self._gap:
            return data
        at = data.find(b"\n") + 1 if self._inside else 0
        if self._allowed < LINE or (self._inside and not at):
            self._drop(data)
            return b""
        self._drop(data[:at])
        self._gap = self._inside = False
        return data[at:]

    def _end(self, data: bytes) -> int:
        """Return the number of bytes to pass on: to the end of the line in which the rate is used up."""
        room = int(self._allowed)
        if len(data) <= room:
            return len(data)
        end = data.find(b"\n", max(0, room - 1)) + 1 or len(data)
        longest = max(0, room + LINE)
        if end <= longest:
            return end
        while longest and data[longest] & 0xC0 == 0x80:
            longest -= 1  # do not cut inside a character
        return longest

    def _drop(self, data: bytes) -> None:
        if data:
            self.cut += len(data)
            self._inside = not data.endswith(b"\n")
            if self._timer is None and self._open:
                self._timer = self._loop.after(TELL, self._tell)

    def _taken_cut(self) -> int:
        cut, self.cut = self.cut, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return cut

    def _tell(self) -> None:
        if cut := self._taken_cut():
            self._listen("", cut)


def _decoder() -> Callable[[bytes], str]:
    return codecs.getincrementaldecoder("utf-8")("replace").decode
