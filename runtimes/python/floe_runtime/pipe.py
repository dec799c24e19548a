"""Frames over two named pipes: bytes in, (head, parts) out, without a thread.

Neither side ever blocks in one direction only: while the outgoing pipe is full, incoming data is still read and kept.
"""

import fcntl
import os
import select
import struct

FRAME_LIMIT = 64 * 16 * 1024 * 1024 + (1 << 20)
HEAD_LIMIT = 8 * 1024 * 1024
READ = 128 * 1024  # larger reads cost more for their memory than they save in calls
SIZE = 1024 * 1024
HIGH = 700  # user code that closes "all" small descriptors leaves these open
_PREFIX = struct.Struct("<II")


class Frames:
    """Bytes in, (head, body) of complete frames out. A frame too long is skipped by its length, and counted."""

    def __init__(self):
        self.bad = []
        self._rest = b""
        self._large = None
        self._filled = 0
        self._skip = 0

    def feed(self, data):
        """Return the frames completed by *data*: pairs of memoryviews."""
        frames = []
        while data:
            if self._skip:
                self._skip, data = max(0, self._skip - len(data)), data[self._skip :]
            elif self._large is not None:
                data = self._fill(data, frames)
            else:
                data = self._small(data, frames)
        return frames

    def _fill(self, data, frames):
        """Put *data* into the large frame under way: a single copy, however many reads are needed."""
        taken = data[: len(self._large) - self._filled]
        self._large[self._filled : self._filled + len(taken)] = taken
        self._filled += len(taken)
        if self._filled == len(self._large):
            view, self._large = memoryview(self._large).toreadonly(), None
            self._split(view, frames)
        return data[len(taken) :]

    def _small(self, data, frames):
        if self._rest:
            data, self._rest = self._rest + data, b""
        view, at, size = memoryview(data), 0, len(data)
        while size - at >= 8:
            (rest,) = struct.unpack_from("<I", data, at)
            if not 4 <= rest <= FRAME_LIMIT:
                self.bad.append(f"a frame of {rest} bytes; the limit is {FRAME_LIMIT} bytes")
                self._skip = 4 + rest
                return data[at:]
            if size - at < 4 + rest:
                if 4 + rest > READ:
                    self._large, self._filled = bytearray(4 + rest), 0
                    return data[at:]
                break
            self._split(view[at : at + 4 + rest], frames)
            at += 4 + rest
        self._rest = data[at:]
        return b""

    def _split(self, view, frames):
        rest, head = _PREFIX.unpack_from(view)
        if not head <= rest - 4 or head > HEAD_LIMIT:
            self.bad.append(f"a head of {head} bytes in a frame of {rest}")
        else:
            frames.append((view[8 : 8 + head], view[8 + head :]))


def pack(head, parts=()):
    """Return a frame as bytes, made of the head's JSON text (which holds the lengths of the parts) and the parts."""
    rest = 4 + len(head) + sum(map(len, parts))
    if rest > FRAME_LIMIT:
        raise OverflowError(f"a frame of {rest} bytes; the limit is {FRAME_LIMIT} bytes")
    return b"".join((_PREFIX.pack(rest, len(head)), head, *parts))


def _opened(path, flags):
    """Open the pipe at *path*, as a large descriptor number, not blocking."""
    low = os.open(path, flags)
    try:
        fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH)
        os.close(low)
    except OSError:  # fewer descriptors are allowed here
        fd = low
    os.set_blocking(fd, False)
    try:
        fcntl.fcntl(fd, 1031, SIZE)  # F_SETPIPE_SZ
    except OSError:
        pass
    return fd


class Woken(Exception):
    """Raised to end the sleep when data came in while a signal was handled."""


class Pipe:
    """Both pipes. `ended` turns true when the runner has closed its end or is gone."""

    def __init__(self, incoming, outgoing):
        self.incoming = _opened(incoming, os.O_RDONLY)
        self.outgoing = _opened(outgoing, os.O_WRONLY)
        self.ended = False
        self.frames = Frames()
        self.waiting = []
        """Frames read and not yet taken."""
        self._poll = select.poll()
        self._poll.register(self.incoming, select.POLLIN)
        self._look = select.poll()
        self._look.register(self.incoming, select.POLLIN)

    def take(self):
        """Return all frames received until now."""
        self._read()
        frames, self.waiting = self.waiting, []
        return frames

    def readable(self):
        """Return whether unread data has come. For use by one other thread."""
        return bool(self._look.poll(0))

    def wait(self, milliseconds=None):
        """Sleep until data can be read."""
        try:
            if not self.waiting:
                self._poll.poll(milliseconds)
        except Woken:
            return

    def _read(self):
        for _ in range(64):
            try:
                data = os.read(self.incoming, READ)
            except BlockingIOError:
                return
            if not data:
                self.ended = True
                return
            self.waiting += self.frames.feed(data)
            if len(data) < READ and self.frames._large is None:
                return

    def send(self, data):
        """Write all of *data*; frames that come in meanwhile are kept for `take`."""
        try:
            sent = os.write(self.outgoing, data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def _send_rest(self, view):
        both = select.poll()
        both.register(self.outgoing, select.POLLOUT)
        both.register(self.incoming, select.POLLIN)
        while view:
            ready = dict(both.poll())
            if self.incoming in ready:
                self._read()
                if self.ended:
                    both.unregister(self.incoming)
            if self.outgoing in ready:
                try:
                    view = view[os.write(self.outgoing, view) :]
                except BlockingIOError:
                    continue

    def close(self):
        """Close both ends, in a child that the user's code forked."""
        for fd in (self.incoming, self.outgoing):
            try:
                os.close(fd)
            except OSError:
                continue
