"""Output printed by modules becomes log frames of their slot, bounded: a flood costs neither time nor memory.

Lines are sent or left out whole; only a line over `LINE` is cut. `print` ends in `Stream.write`, which finds the slot at work.
Threads of the user's count as the slot that worked last.
"""

import io
import sys
import time
from _thread import get_ident

RATE = 256 * 1024
"""Maximum characters that a slot may log per second, and at once."""
LINE = 64 * 1024
"""Maximum characters of a line. After a gap as many must be allowed again: otherwise every other line would be a gap."""
GONE = 1_000
"""Maximum number of unloaded slots whose logs may still be written to."""
PAUSE = 0.05
"""Seconds between two frames while a function is still at work."""


class Log:
    """Unsent lines of a slot."""

    __slots__ = ("_allowed", "_at", "_cut", "_gap", "_line", "_pieces", "_ready", "_sent", "_stream", "send", "slot")

    def __init__(self, slot, send):
        self.slot, self.send = slot, send
        self._pieces, self._stream = [], "stdout"
        self._cut = 0  # left out in front of the pieces
        self._ready = []  # (text, cut) of the text in front of the cut
        self._line = 0  # characters of the line under way; LINE: leave out the rest of the line
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
        """Take a line, or its next part: a begun line is taken to its end."""
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
        """Send the kept text."""
        if self._pieces or self._cut or self._ready:
            frames = [*self._ready, *([("".join(self._pieces), self._cut)] if self._pieces or self._cut else ())]
            self._pieces, self._ready, self._cut = [], [], 0
            self._sent = time.monotonic()
            for text, cut in frames:
                self.send(self.slot, self._stream, text, cut)

    def flush_within(self):
        """Send whole lines in the midst of a function; the beginning of a line if no more came for a while."""
        if not self._line or (time.monotonic() - self._at > PAUSE and not self._cut and not self._gap):
            self.flush()

    @property
    def pending(self):
        """True if some text was not sent."""
        return bool(self._pieces or self._cut or self._ready)

    @property
    def due(self):
        """True if a frame should go out although the function is still at work."""
        return not self._line and bool(self._pieces or self._cut or self._ready) and time.monotonic() - self._sent > PAUSE


class Stream(io.TextIOBase):
    """Replaces sys.stdout or sys.stderr."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name, logs, fallback):
        self._name, self._logs, self._fallback = name, logs, fallback
        self.buffer = Bytes(self)

    def write(self, text):
        """Write as to a text file; never blocks and never raises for the contents."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._logs.write(self._name, text, self._fallback)
        return len(text)

    def writable(self):
        """Return True."""
        return True

    def isatty(self):
        """Return False."""
        return False

    def reconfigure(self, **options):
        """Ignore *options*: text stays text under any encoding."""

    def fileno(self):
        """Return the descriptor of the process's own output."""
        return self._fallback

    def close(self):
        """Do nothing: a module may not close the output of its process."""


class Bytes(io.RawIOBase):
    """Binary stream `sys.stdout.buffer`."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        """Write bytes as UTF-8 text."""
        self._stream.write(str(bytes(data), "utf-8", "replace"))
        return len(data)

    def writable(self):
        """Return True."""
        return True

    def close(self):
        """Do nothing; see `Stream.close`."""


class Logs:
    """Logs of all slots; `current` is the log of the slot at work."""

    def __init__(self, send, printed):
        self.current, self._printed = None, printed
        self.find = None
        """Function that returns the log of the task at work, or None; set with asynchronous modules."""
        self.forked = False
        self._send = send
        self._logs = {}
        self._gone = {}
        """Slots unloaded last (as keys)."""
        self._owner = get_ident()
        self._written = False
        sys.stdout, sys.stderr = Stream("stdout", self, 1), Stream("stderr", self, 2)

    def open(self, slot):
        """Return the log of a slot."""
        self._gone.pop(slot, None)
        return self._logs.setdefault(slot, Log(slot, self._send))

    def forget(self, slot):
        """Send and close the log of an unloaded slot."""
        log = self._logs.pop(slot, None)
        if log is not None:
            log.flush()
            self._gone[slot] = None
            while len(self._gone) > GONE:
                self._logs.pop(next(iter(self._gone)), None)
                del self._gone[next(iter(self._gone))]

    def write(self, stream, text, fallback, log=None):
        """Write to *log*, else to the log at work; without a log to the descriptor *fallback*."""
        log = log or (self.find and self.find()) or self.current
        if log is None or self.forked:
            _write_all(fallback, text)
            return
        log = self._logs.setdefault(log.slot, log)  # the slot may be unloaded while a task or thread of it goes on
        log.write(stream, text)
        if not self._written:
            self._printed()
        self._written = True  # set after the write: a thread of the user's may print while others are sent
        if log.due and get_ident() == self._owner:
            log.flush()

    @property
    def waiting(self):
        """True if some text was not sent."""
        return self._written

    def flush_within(self):
        """Send all text that may be sent while a function is at work."""
        self._written = False
        for log in list(self._logs.values()):
            log.flush_within()
            self._written = self._written or log.pending

    def flush(self):
        """Send the kept text of all slots."""
        if not self._written:
            return
        self._written = False
        for log in list(self._logs.values()):
            log.flush()


def _write_all(fd, text):
    """Write straight to the process's own output, which the runner reads too."""
    import os

    data = memoryview(text.encode("utf-8", "replace"))
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return
