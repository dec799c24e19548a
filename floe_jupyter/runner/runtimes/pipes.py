"""Named pipes to a runtime: made in a private directory, removed as soon as both ends are open, never waited for."""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from floe_jupyter.wire.descriptors import FULL
from floe_jupyter.wire.leftovers import make_directory, pipes_root, unlocked
from floe_jupyter.wire.transport.loop import READ, WRITE, Loop

CAPACITY = 1024 * 1024
"""Bytes that a pipe should hold; less if the system does not allow the size."""
READ_SIZE = 128 * 1024
"""Maximum bytes per read: larger reads cost more for memory than they save in calls."""
_PIECES = 256


class Fifos:
    """Two named pipes in a private directory.

    The runner's ends open at once; call `remove` when the other process has opened the other ends.
    """

    def __init__(self) -> None:
        self.directory, self._lock = make_directory(pipes_root(), "floe-")
        self.to_runtime = os.path.join(self.directory, "in")
        self.from_runtime = os.path.join(self.directory, "out")
        for path in (self.to_runtime, self.from_runtime):
            os.mkfifo(path, 0o600)
        self.read_fd = os.open(self.from_runtime, os.O_RDONLY | os.O_NONBLOCK)
        # Opening for writing alone would fail without a reader; `settle` gives the reading end up again.
        self.write_fd = os.open(self.to_runtime, os.O_RDWR | os.O_NONBLOCK)
        for fd in (self.read_fd, self.write_fd):
            _enlarge(fd)

    def settle(self) -> None:
        """Keep only the runner's end of each pipe when both are open, to notice the death of the reader; remove the names.

        Without a free descriptor for the change, only the end of the process shows the loss of the reader.
        """
        try:
            fd = os.open(self.to_runtime, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno not in FULL:
                raise
        else:
            os.dup2(fd, self.write_fd, inheritable=False)
            os.close(fd)
        self.remove()

    def remove(self) -> None:
        """Remove the names; may be called again."""
        for path in (self.to_runtime, self.from_runtime):
            _without(FileNotFoundError, os.unlink, path)
        _without(FileNotFoundError, os.rmdir, self.directory)
        unlocked(self.directory)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _without(error: type[OSError], action: Callable[[str], None], path: str) -> None:
    try:
        action(path)
    except error:
        return


def _enlarge(fd: int) -> None:
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CAPACITY)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EBUSY):  # the user's share of pipe memory is used up: 64 KiB will do
            raise


class Writer:
    """Queue of frames on their way into a pipe. Bytes not taken by the pipe wait in the queue; the loop is never blocked.

    The queue is bounded by the senders: a worker has at most eight calls in flight.
    """

    def __init__(self, loop: Loop, fd: int) -> None:
        self.fd = fd
        self.waiting = 0
        """Number of bytes not yet taken by the pipe."""
        self.taken: Callable[[int], None] | None = None
        """Callback with the number of bytes that the pipe has taken, each time it takes some."""
        self._loop = loop
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = False
        self._blocked = False
        self._gone = False
        self._closed = False

    def send(self, pieces: Sequence[bytes]) -> None:
        """Write the pieces of a frame.

        The first frame of a turn is written at once, to start the runtime; later frames are written together, before the loop
        waits again.
        """
        if self._gone:
            return
        if len(pieces) == 1 and not (self._queued or self._queue):
            pieces = self._write_at_once(pieces[0])
            self._queued = True
            self._loop.soon(self.flush)
        for piece in pieces:
            if piece:
                self._queue.append(piece)
                self.waiting += len(piece)
        if not self._queued:
            self._write()
            self._queued = True
            self._loop.soon(self.flush)

    def _write_at_once(self, piece: bytes) -> Sequence[bytes]:
        """Write a piece while the queue is empty; return the unwritten rest."""
        try:
            written = os.write(self.fd, piece)
        except (BlockingIOError, BrokenPipeError):
            written = 0
        if self.taken is not None:
            self.taken(written)
        return () if written == len(piece) else (piece[written:],)

    def flush(self) -> None:
        """Write as much as the pipe takes. The loss of a reader is noticed by the end of the process, not by writing."""
        self._queued = False
        if self._queue:
            self._write()

    def _write(self) -> None:
        queue = self._queue
        while queue and not self._blocked:
            try:
                written = os.writev(self.fd, list(queue) if len(queue) <= _PIECES else list(islice(queue, _PIECES)))
            except BlockingIOError:
                self._block()
                return
            except BrokenPipeError:
                self._drop()
                return
            self._advance(written)

    def close(self) -> None:
        """Discard the queue, and close the descriptor."""
        self._drop()
        if not self._closed:
            self._closed = True
            os.close(self.fd)

    def _drop(self) -> None:
        self._unblock()
        self._queue.clear()
        self.waiting = 0
        self._gone = True

    def _advance(self, written: int) -> None:
        queue = self._queue
        self.waiting -= written
        if self.taken is not None:
            self.taken(written)
        while written:
            piece = queue.popleft()
            size = len(piece)
            if size > written:
                queue.appendleft(memoryview(piece)[written:])
                return
            written -= size

    def _block(self) -> None:
        self._blocked = True
        self._loop.watch(self.fd, self._writable, WRITE)

    def _unblock(self) -> None:
        if self._blocked:
            self._blocked = False
            self._loop.forget(self.fd)

    def _writable(self, _: int) -> None:
        self._unblock()
        self.flush()


class Reader:
    """Reader of a pipe, once a turn when readable; `pause` leaves the pipe to fill, which holds the writer back."""

    def __init__(self, loop: Loop, fd: int, feed: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self.fd = fd
        self._loop, self._feed, self._ended = loop, feed, ended
        self._open = True
        self.paused = False
        loop.watch(fd, self._readable)

    def pause(self, *, paused: bool) -> None:
        """Stop or resume reading."""
        if self._open and paused != self.paused:
            self.paused = paused
            if paused:
                self._loop.forget(self.fd)  # the end of a pipe would be reported even without any event asked for
            else:
                self._loop.watch(self.fd, self._readable, READ)

    def drain(self) -> None:
        """Read the rest of an ended writer, then close."""
        while self._open:
            try:
                data = os.read(self.fd, READ_SIZE)
            except BlockingIOError:
                break
            if not data:
                break
            self._feed(data)
        self.close()

    def close(self) -> None:
        """Close the pipe."""
        if self._open:
            self._open = False
            self._loop.forget(self.fd)
            os.close(self.fd)

    def _readable(self, _: int) -> None:
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._feed(data)
        else:
            self.close()
            self._ended()
