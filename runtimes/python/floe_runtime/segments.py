"""Large buffers in shared memory: own segments, made and reused, and mapped segments of other processes.

A segment returns to the pool when the runner says `free` and no array of the user's refers to it. Making a segment costs three
times as much as reusing one.
"""

import os
import sys
from _weakref import ref

FROM = 64 * 1024
POOL = 512 * 1024 * 1024
"""Maximum bytes of free segments kept."""
MAPS = 16
"""Maximum number of other processes' segments kept mapped."""


class Segment:
    """File made by this runtime, with its mapping."""

    __slots__ = ("address", "array", "lent", "map", "name", "size")

    def __init__(self, name, mapped):
        self.name, self.map, self.size = name, mapped, len(mapped)
        self.array = self.address = None
        self.lent = False

    @property
    def used(self):
        """True if an array of the user's refers to the mapping."""
        return sys.getrefcount(self.map) > _ALONE


class Placed:
    """Large buffer in a segment of this runtime; returns the segment when dropped unsent."""

    __slots__ = ("_segment", "nbytes", "sent")

    def __init__(self, segment, nbytes):
        self._segment, self.nbytes, self.sent = segment, nbytes, False
        segment.lent = True

    @property
    def name(self):
        """Name of the segment."""
        return self._segment.name

    @property
    def view(self):
        """Bytes of the buffer, read-only."""
        return memoryview(self._segment.map)[: self.nbytes].toreadonly()

    def __del__(self):
        if not self.sent:
            self._segment.lent = False


class Segments:
    """`place` and `born` make segments, `view` maps segments of other processes."""

    def __init__(self, directory, name):
        self._directory, self._name, self._number = directory, name, 0
        self._made, self._maps = {}, {}

    def place(self, data):
        """Copy the bytes to memory that no code changes: to a segment if many. An array born in a segment is frozen instead."""
        if data.nbytes <= FROM:
            return memoryview(bytes(data))
        born = self._born_of(data)
        if born is not None:
            return Placed(born, data.nbytes)
        try:
            segment = self._take(data.nbytes)
        except OSError:
            return memoryview(bytes(data))  # shared memory is full: the data goes inline
        segment.map[: data.nbytes] = data
        return Placed(segment, data.nbytes)

    def born(self, shape, dtype):
        """Return an array in a segment of its own, which turns read-only when sent."""
        import numpy

        dtype = numpy.dtype(dtype)
        if dtype.hasobject:
            raise TypeError(f"ctx.array: {dtype} cannot be shared; use a dtype of numbers")
        shape = tuple(shape) if hasattr(shape, "__iter__") else (int(shape),)
        count = 1
        for length in shape:
            count *= int(length)
        if count * dtype.itemsize <= FROM:
            return numpy.empty(shape, dtype)
        try:
            segment = self._take(count * dtype.itemsize)
        except OSError:
            return numpy.empty(shape, dtype)  # no shared memory: the data goes inline
        array = numpy.frombuffer(segment.map, dtype, count)
        segment.address = array.__array_interface__["data"][0]
        array = array.reshape(shape)
        segment.array = ref(array)
        return array

    def _born_of(self, data):
        """Return the segment that already holds the memory; None for other memory."""
        array = data.obj
        numpy = sys.modules.get("numpy")
        if numpy is None or type(array) is not numpy.ndarray:
            return None
        address = array.__array_interface__["data"][0]
        for segment in self._made.values():
            if segment.address == address and data.nbytes <= segment.size:
                born = segment.array()
                if born is not None:
                    born.flags.writeable = False
                return segment
        return None

    def _take(self, size):
        self._trim()
        fitting = [s for s in self._made.values() if not s.lent and size <= s.size <= 4 * size and not s.used]
        if fitting:
            segment = min(fitting, key=lambda s: s.size)
            segment.address = None
            return segment
        return self._make(size)

    def _make(self, size):
        import mmap

        self._number += 1
        name = f"{self._name}-{self._number}"
        path = os.path.join(self._directory, name)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)  # full memory is an error here, and a crash at the first touch otherwise
            mapped = mmap.mmap(fd, size)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(fd)
        segment = self._made[name] = Segment(name, mapped)
        return segment

    def _trim(self):
        """Keep the pool within bounds; drop the oldest segments first."""
        free = [s for s in self._made.values() if not s.lent and not s.used]
        total = sum(s.size for s in free)
        for segment in free:
            if total <= POOL:
                return
            total -= segment.size
            self._drop(segment.name)

    def _drop(self, name):
        segment = self._made.pop(name, None)
        if segment is not None:
            try:
                os.unlink(os.path.join(self._directory, name))
            except FileNotFoundError:
                return

    def free(self, again, remove):
        """Take back segments that no process reads any more; remove the segments *remove*, which may still be read."""
        for name in again:
            if name in self._made:
                self._made[name].lent = False
        for name in remove:
            self._drop(name)

    def view(self, name, size):
        """Return the bytes of another process's segment, read-only. Raises OSError or ValueError."""
        mapped = self._maps.pop(name, None)
        if mapped is None or len(mapped) < size:
            mapped = self._map(name)
        self._maps[name] = mapped
        if len(mapped) < size:
            raise ValueError(f"segment {name} has {len(mapped)} bytes, not {size}")
        return memoryview(mapped)[:size]

    def _map(self, name):
        import mmap

        if not name or "/" in name or name.startswith("."):
            raise ValueError(f"{name!r} is no name of a segment")
        fd = os.open(os.path.join(self._directory, name), os.O_RDONLY)
        try:
            return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(fd)

    def kept(self, names):
        """Return the *names* that the user's code still refers to."""
        kept = [n for n in names if n in self._maps and sys.getrefcount(self._maps[n]) > _ALONE]
        for name in kept:
            del self._maps[name]
        while len(self._maps) > MAPS:
            del self._maps[next(iter(self._maps))]
        return kept


def _alone():
    """Return getrefcount's result for a mapping referred to by the segment only."""
    segment = Segment("", bytearray(1))
    return sys.getrefcount(segment.map)


_ALONE = _alone()
