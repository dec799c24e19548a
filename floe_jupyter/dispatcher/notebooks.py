"""Files of notebooks: the identity of the file at a path, independent of the name.

A moved file keeps its inode, and so does a file saved by Jupyter. The time of birth is part of the identity, too: file systems
reuse the inode of a removed file, and a new notebook must not be taken for a removed one.
"""

from __future__ import annotations

import ctypes
import os
import struct

_AT_FDCWD, _INODE_AND_BIRTH = -100, 0x100 | 0x800
_MASK, _INODE, _BIRTH, _DEVICE = (("=I", 0), ("=Q", 32), ("=qI", 80), ("=II", 136))
"""Offsets of the fields of ``struct statx``; `os.stat` has no time of birth on Linux."""
_statx = getattr(ctypes.CDLL(None), "statx", None)


def file_id(path: str) -> str:
    """Return a text that identifies a file wherever the file is moved; empty without a file or, on its file system, time of
    birth.
    """
    found = ctypes.create_string_buffer(256)
    if _statx is None or _statx(_AT_FDCWD, os.fsencode(path), 0, _INODE_AND_BIRTH, found) != 0:
        return ""
    (mask,), (inode,), birth, device = (struct.unpack_from(form, found, at) for form, at in (_MASK, _INODE, _BIRTH, _DEVICE))
    known = mask & _INODE_AND_BIRTH == _INODE_AND_BIRTH
    return f"{device[0]}:{device[1]} {inode} {birth[0]}.{birth[1]:09}" if known else ""


def beside(path: str, file: str) -> str:
    """Return the path of another notebook in the folder of *path* that is *file*; empty if none is."""
    folder, inode = os.path.dirname(path), int(file.split()[1])
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if entry.name.endswith(".ipynb") and entry.inode() == inode]
    except OSError:
        return ""
    return next((other for other in found if other != path and file_id(other) == file), "")
