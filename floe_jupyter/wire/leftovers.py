"""Removal of files and directories left behind by killed processes.

Every name begins with the maker's process number. A number alone is ambiguous where PID namespaces share a directory
(containers with the same ``/tmp`` or ``--ipc=host``). Living makers therefore also hold a lock, which the system releases at
the end of the process, however the process ends:

- a directory with ``k`` in its name is itself locked by the maker;
- names of shared memory contain the number of the maker's namespace, and every maker of segments holds a shared lock on a
  file for the namespace: segments of another namespace are swept if no process holds the lock.

Entries of other users are skipped, of every kind and name. Imports stay light: dispatcher and runner need the module before all
others.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Container, Iterator

MEMORY = "/dev/shm"  # noqa: S108 - the machine's shared memory
_PIPES = re.compile(r"floe-([0-9]+)-(?:(k)[0-9a-f]{7}|[0-9a-f]{8})(?:\.new)?\Z")
_SEGMENT = re.compile(r"floe-([0-9]+)-(?:n([0-9]+)-)?[A-Za-z0-9_-]+\Z")
_TRIES = 5
_made: set[str] = set()
"""Directories made and locked by this process."""
LOCK_WITHIN = 1.0
"""Maximum seconds of waiting for the lock of this namespace: a sweep holds the lock for milliseconds."""


def is_gone(process: str) -> bool:
    """Return whether the process of this number has ended, even if not reaped by the parent yet: a dispatcher's orphan may stay
    a zombie for long.
    """
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return True
    except OSError:
        return False  # the process exists, but is not visible to this user


# --- directories -----------------------------------------------------------------------------------------------------------


def make_directory(root: str, prefix: str) -> tuple[str, int]:
    """Make a private directory of this process in *root*; return the path, and the descriptor that holds the lock while open.

    The directory is locked under a temporary name first: a concurrent sweep never sees the final name unlocked. Raises OSError.
    """
    for _ in range(_TRIES):
        path = os.path.join(root, f"{prefix}{os.getpid()}-k{os.urandom(4).hex()[:7]}")
        new = f"{path}.new"
        os.mkdir(new, 0o700)
        try:
            descriptor = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(new, path)
        except (FileNotFoundError, BlockingIOError):
            continue  # swept before it was locked
        _made.add(path)
        return path, descriptor
    raise FileNotFoundError(2, "a directory is removed as soon as it is made", root)


def remove(path: str) -> None:
    """Remove a directory of this user."""
    _made.discard(path)
    import shutil  # imports much of the library, which a start does not need

    with contextlib.suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            shutil.rmtree(path, ignore_errors=True)


def unlocked(path: str) -> None:
    """Record the removal of a directory of this process."""
    _made.discard(path)


def sweep(directory: str, name: re.Pattern[str], process: int = 0) -> None:
    """Remove the user's unlocked directories in *directory* whose *name* gives the number of *process*, or (default) of an
    ended process.
    """
    for entry, match in _matching(directory, name):
        path = os.path.join(directory, entry)
        if match[2]:
            if path in _made and process == os.getpid():
                remove(path)
            elif not process or int(match[1]) == process:
                _remove_unlocked(path)
        elif int(match[1]) == process if process else is_gone(match[1]):
            remove(path)


def _matching(directory: str, name: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
    entries: list[str] = []
    with contextlib.suppress(OSError):
        entries = os.listdir(directory)
    for entry in entries:
        if match := name.match(entry):
            yield entry, match


def _remove_unlocked(path: str) -> None:
    with contextlib.suppress(OSError):  # the directory is locked, or belongs to another user
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)
        finally:
            os.close(descriptor)


def pipes_root() -> str:
    """Return the directory in which runners make the directories of their named pipes."""
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        directory = os.environ.get(name, "")
        if directory and os.access(directory, os.W_OK):
            return directory
    return "/tmp"  # noqa: S108 - runners make private directories there, closed to other users


def sweep_pipes(process: int = 0) -> None:
    """Remove the named pipes of *process*, or (default) of all ended processes: pipes of runners killed while a runtime
    started.
    """
    sweep(pipes_root(), _PIPES, process)


# --- shared memory ---------------------------------------------------------------------------------------------------------


def namespace() -> str:
    """Return the number of this process's PID namespace; ``0`` if unknown."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return "0"


def maker(process: int = 0) -> str:
    """Return the prefix of segment names of a process of this namespace; without *process*, of the calling process, whose lock
    is then held.
    """
    if not process:
        hold()
    return f"floe-{process or os.getpid()}-n{namespace()}"


_held: dict[int, int] = {}
"""Descriptor of the namespace's lock, by process: a fork opens a descriptor of its own."""


def _lock_of(directory: str, number: str) -> str:
    return os.path.join(directory, f"floe.{os.getuid()}.n{number}.lock")


def hold() -> None:
    """Hold the lock of this namespace until the process ends, as a sign of life for other namespaces."""
    if os.getpid() in _held:
        return
    with contextlib.suppress(OSError):  # without shared memory there is nothing to protect
        deadline = time.monotonic() + LOCK_WITHIN
        while time.monotonic() < deadline:
            descriptor = os.open(_lock_of(MEMORY, namespace()), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            if _shared(descriptor):
                _held[os.getpid()] = descriptor
                atexit.register(release)
                return
            os.close(descriptor)  # a sweep holds or has removed the file: take the next
            time.sleep(0.001)


def _shared(descriptor: int) -> bool:
    """Take the shared lock; return False for a file that is removed, or about to be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0


def release() -> None:
    """Release the lock of this namespace; the last holder removes the lock file."""
    descriptor = _held.pop(os.getpid(), None)
    if descriptor is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(_lock_of(MEMORY, namespace()))
        os.close(descriptor)


def remove_file(path: str) -> bool:
    """Remove a regular file of this user; return whether the file is gone."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            return False
        os.unlink(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True


def sweep_memory(directory: str = MEMORY, prefix: str = "floe-", spared: Container[str] = (), process: int = 0) -> list[str]:
    """Remove segments whose names begin with *prefix* and whose maker has ended (or is *process*); return their names."""
    removed: list[str] = []
    makers = _Makers(directory, process)
    for name, match in _matching(directory, _SEGMENT):
        wanted = name.startswith(prefix) and name not in spared
        if wanted and makers.is_gone(match[1], match[2]) and remove_file(os.path.join(directory, name)):
            removed.append(name)
    makers.close()
    return sorted(removed)


class _Makers:
    """Makers of the segments in a directory, and the locks of deserted other namespaces, held until `close`."""

    def __init__(self, directory: str, process: int) -> None:
        self._ours = namespace()
        self._directory, self._process = directory, process
        self._locks: dict[str, int | None] = {}

    def is_gone(self, process: str, number: str | None) -> bool:
        """Return whether a process of namespace *number* (None: of this namespace) has ended, or is the process asked for."""
        here = number is None or number == self._ours
        if self._process:
            return here and int(process) == self._process
        return is_gone(process) if here else self._is_deserted(str(number))

    def _is_deserted(self, number: str) -> bool:
        """Return whether no process of the namespace holds the lock. Without a lock file the namespace counts as inhabited."""
        if number not in self._locks:
            self._locks[number] = self._take(number)
        return self._locks[number] is not None

    def _take(self, number: str) -> int | None:
        try:
            descriptor = os.open(_lock_of(self._directory, number), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def close(self) -> None:
        """Release the locks and remove the lock files, which are no longer needed."""
        for number, descriptor in self._locks.items():
            if descriptor is not None:
                remove_file(_lock_of(self._directory, number))
                os.close(descriptor)
