"""Segments of shared memory: create, map, remove, and sweep up after dead processes.

A segment is a file in ``/dev/shm`` named ``<maker>-<number>``; the maker's name begins with ``floe-<process number>-``:
leftovers of a killed process can be recognised and removed. Files and `mmap` only: multiprocessing's resource tracker would
remove segments still needed by other processes. A mapping stays valid after the removal of the file.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Container
from functools import cache
from itertools import count

from floe_jupyter.wire.leftovers import MEMORY as DIRECTORY
from floe_jupyter.wire.leftovers import remove_file, sweep_memory

_NAME = re.compile(r"floe-(\d+)-[a-z0-9-]+\Z")
_numbers = count(1)


@cache
def identity(directory: str = DIRECTORY) -> str:
    """Return what tells one machine's shared memory from another's: boot of the kernel and file system of the directory.

    Names of hosts are no proof: containers share a name, or a memory, or neither. Empty without shared memory.
    """
    try:
        found = os.stat(directory)
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()}.{found.st_dev}.{found.st_ino}"
    except OSError:
        return ""


def path_of(name: str, directory: str = DIRECTORY) -> str:
    """Return the path of a segment. Raises ValueError for a name that could lead outside the directory."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a segment")
    return os.path.join(directory, name)


def create(data: bytes | memoryview, maker: str, directory: str = DIRECTORY) -> str:
    """Create a segment with the given bytes and return the name. Raises OSError if shared memory is full; no file is left
    then.
    """
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
    """Return the first *size* bytes of a segment, read-only and mapped for as long as a reference to the view exists.

    Raises FileNotFoundError if the segment is gone, ValueError if it is shorter.
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
    """Remove a segment; a missing segment, or one of another user, is ignored."""
    remove_file(path_of(name, directory))


def sweep(directory: str = DIRECTORY, prefix: str = "floe-", spared: Container[str] = ()) -> list[str]:
    """Remove segments whose names begin with *prefix* and whose maker's process has ended; return their names."""
    return sweep_memory(directory, prefix, spared)
