"""What modules print becomes log frames of their slot, bounded: a flood costs neither time nor memory. Lines are sent or left
out whole; only one over `LINE` is cut.

`print` ends in `Stream.write`, which finds the slot that is at work. Threads of the user's count as the slot that worked last.
"""

import io
import sys
import time
from _thread import get_ident

RATE = 256 * 1024
"""Characters a second that a slot may log; as many may come at once."""
LINE = 64 * 1024
"""After a gap so much must have become free: else every other line would be one."""
PAUSE = 0.05
"""Seconds between two frames while a function is still at work."""


class Log:
    """The lines of one slot that were not sent yet."""

    __slots__ = ("_allowed", "_at", "_cut", "_gap", "_line", "_pieces", "_ready", "_sent", "_stream", "send", "slot")

    def __init__(self, slot, send):
        self.slot, self.send = slot, send
        self._pieces, self._stream = [], "stdout"
        self._cut = 0  # left out in front of the pieces
        self._ready = []  # (text, cut) of what stands in front of that
        self._line = 0  # characters of the line under way; LINE: its rest is left out
        self._gap = False
        self._allowed = RATE
        self._at = self._sent = time.monotonic()

    def write(self, stream, text):
        """Take as many lines of *text* as the bounds allow; count the rest."""
        if stream != self._stream:
            self.flush()
            self._stream, self._line = stream, 0
        self._refill()
        if not self._gap and len(text) <= min(self._allowed, LINE - self._line):
            self._keep(text)
            last = text.rfind("\n")
            self._line = len(text) - last - 1 if last >= 0 else self._line + len(text)
            return
        at = 0
        while at < len(text) and not self._gap:
            end = text.find("\n", at) + 1 or len(text)
            self._write_line(text, at, end)
            at = end
        if at < len(text):
            self._drop(len(text) - at)
            self._line = 0 if text.endswith("\n") else LINE

    def _refill(self):
        now = time.monotonic()
        self._allowed = min(RATE, self._allowed + (now - self._at) * RATE)
        self._at = now
        self._gap = self._gap and self._allowed < LINE

    def _write_line(self, text, at, end):
        """A line, or the next part of one: when it has begun it is taken to its end."""
        kept = min(end, at + LINE - self._line)
        self._keep(text[at:kept])
        self._drop(end - kept)
        if text[end - 1] == "\n":
            self._line, self._gap = 0, self._allowed <= 0
        else:
            self._line += end - at if kept == end else LINE - self._line

    def _keep(self, text):
        if text:
            self._pieces.append(text)
            self._allowed -= len(text)

    def _drop(self, count):
        if count and self._pieces:
            self._ready.append(("".join(self._pieces), self._cut))
            self._pieces, self._cut = [], 0
        self._cut += count

    def flush(self):
        """Send what there is."""
        if self._pieces or self._cut or self._ready:
            frames = [*self._ready, *([("".join(self._pieces), self._cut)] if self._pieces or self._cut else ())]
            self._pieces, self._ready, self._cut = [], [], 0
            self._sent = time.monotonic()
            for text, cut in frames:
                self.send(self.slot, self._stream, text, cut)

    @property
    def due(self):
        """Whether a frame should go out although the function is still at work."""
        return not self._line and bool(self._pieces or self._cut or self._ready) and time.monotonic() - self._sent > PAUSE


class Stream(io.TextIOBase):
    """Takes the place of sys.stdout or sys.stderr."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name, logs, fallback):
        self._name, self._logs, self._fallback = name, logs, fallback
        self.buffer = Bytes(self)

    def write(self, text):
        """As of a text file; never blocks and never raises for its contents."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._logs.write(self._name, text, self._fallback)
        return len(text)

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self._fallback

    def close(self):
        """A module that closes its output closes nothing."""


class Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        self._stream.write(str(bytes(data), "utf-8", "replace"))
        return len(data)

    def writable(self):
        return True

    def close(self):
        """See `Stream.close`."""


class Logs:
    """All logs; `current` is that of the slot at work."""

    def __init__(self, send):
        self.current = None
        self.find = None
        """With asynchronous modules: the log of the task at work, or None."""
        self.forked = False
        self._send = send
        self._logs = {}
        self._owner = get_ident()
        self._written = False
        sys.stdout, sys.stderr = Stream("stdout", self, 1), Stream("stderr", self, 2)

    def open(self, slot):
        """The log of a slot."""
        return self._logs.setdefault(slot, Log(slot, self._send))

    def forget(self, slot):
        log = self._logs.pop(slot, None)
        if log is not None:
            log.flush()

    def write(self, stream, text, fallback):
        log = (self.find and self.find()) or self.current
        if log is None or self.forked:
            _write_all(fallback, text)
            return
        log.write(stream, text)
        self._written = True  # behind it: a thread of the user's may print while others are sent
        if log.due and get_ident() == self._owner:
            log.flush()

    def flush(self):
        """Send what all slots have."""
        if not self._written:
            return
        self._written = False
        for log in list(self._logs.values()):
            log.flush()


def _write_all(fd, text):
    """Straight to the process's own output, which the runner reads too."""
    import os

    data = memoryview(text.encode("utf-8", "replace"))
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return
