"""Segments of shared memory as the package sees them: make, map, remove, and sweep up after the dead.

A segment is a file in ``/dev/shm`` named ``<maker>-<number>``; the maker's name begins with ``floe-<its process number>-``, so
that whatever a killed process left can be told and removed. Files and `mmap` only: multiprocessing's resource tracker would
remove segments that others still need. A mapping stays valid after its file was removed.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Container
from itertools import count

from floe_jupyter.wire.leftovers import is_gone

DIRECTORY = "/dev/shm"  # noqa: S108 - the machine's shared memory; names in it carry our process number
_NAME = re.compile(r"floe-(\d+)-[a-z0-9-]+\Z")
_numbers = count(1)


def path_of(name: str, directory: str = DIRECTORY) -> str:
    """Where a segment is. Raises ValueError for a name that could lead anywhere else."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a segment")
    return os.path.join(directory, name)


def create(data: bytes | memoryview, maker: str, directory: str = DIRECTORY) -> str:
    """The name of a new segment with these bytes. Raises OSError when shared memory is full; then nothing is left."""
    name = f"{maker}-{next(_numbers)}"
    path = path_of(name, directory)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        view = memoryview(data).cast("B")
        if view.nbytes:
            os.posix_fallocate(fd, 0, view.nbytes)
        while view:
            view = view[os.write(fd, view) :]
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(fd)
    return name


def view(name: str, size: int, directory: str = DIRECTORY) -> memoryview:
    """Its first *size* bytes, mapped and read-only; mapped as long as anything refers to them.

    Raises FileNotFoundError when it is gone, ValueError when it is shorter.
    """
    if not size:
        return memoryview(b"")
    fd = os.open(path_of(name, directory), os.O_RDONLY)
    try:
        if os.fstat(fd).st_size < size:
            raise ValueError(f"segment {name} has {os.fstat(fd).st_size} bytes, not {size}")
        return memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))
    finally:
        os.close(fd)


def remove(name: str, directory: str = DIRECTORY) -> None:
    """Remove a segment; nothing happens when it is gone."""
    try:
        os.unlink(path_of(name, directory))
    except FileNotFoundError:
        return


def sweep(directory: str = DIRECTORY, prefix: str = "floe-", spared: Container[str] = ()) -> list[str]:
    """Remove the segments whose names begin with *prefix* and whose maker's process is no more; their names."""
    removed = []
    for name in sorted(os.listdir(directory)):
        match = _NAME.match(name)
        if match and name.startswith(prefix) and name not in spared and is_gone(match[1]):
            remove(name, directory)
            removed.append(name)
    return removed
