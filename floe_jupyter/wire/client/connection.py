"""Connection files: finding the dispatcher of this Jupyter, and starting a dispatcher if none runs.

The file lies in Jupyter's runtime directory and may be read by its owner only. A lock beside the file makes the start free of
races: the holder of the lock starts the dispatcher, other processes find the dispatcher running. A dispatcher runs if the
lifeline answers.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from floe_jupyter.errors import DefinitionError, EnvironmentFailed, PeerGone, PeerSilent, from_wire
from floe_jupyter.wire.process_context import handed_on

START_WITHIN = 30.0
"""Maximum seconds for the start of a dispatcher."""
COMMAND = (sys.executable, "-P", "-m", "floe_jupyter.dispatcher")
"""Command that starts a dispatcher, without the current directory on the import path: a user's ``queue.py`` must not replace
the library's.
"""


class Connection(msgspec.Struct):
    """Content of a connection file. `repr` leaves out the key."""

    control: str
    events: str
    lifeline: str
    key: str
    pid: int

    def __repr__(self) -> str:
        return f"Connection({self.control!r}, pid={self.pid})"


def runtime_directory() -> str:
    """Return Jupyter's directory for files that live as long as a process."""
    home = os.path.join(os.path.expanduser("~"), ".local", "share")
    data = os.environ.get("JUPYTER_DATA_DIR") or os.path.join(os.environ.get("XDG_DATA_HOME") or home, "jupyter")
    return os.environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(data, "runtime")


def owner() -> str:
    """Return the owner of the dispatcher: the Jupyter server that started this process, else the user."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    return parent if parent.isalnum() else "user"


def default_path(of: str = "") -> str:
    """Return the path of the connection file of the dispatcher of *of* (default: `owner`); FLOE_CONNECTION names another path."""
    return os.environ.get("FLOE_CONNECTION") or os.path.join(runtime_directory(), f"floe-{of or owner()}.json")


def data_directory(path: str) -> str:
    """Return the directory where the dispatcher of this connection file keeps persistent data: a directory for each owner in
    the user's data directory, or beside a connection file that is elsewhere.
    """
    if os.path.dirname(os.path.abspath(path)) != os.path.abspath(runtime_directory()):
        return f"{os.path.abspath(path)}.data"
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(home, "floe-jupyter", os.path.basename(path).removeprefix("floe-").removesuffix(".json"))


def read(path: str) -> Connection | None:
    """Return the connection file; None if missing, or torn (a file is replaced as a whole, so the writer of a torn file died)."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Connection)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None
    except OSError as error:
        raise EnvironmentFailed(
            f"the connection file {path} cannot be read: {error.strerror}; remove it, or set FLOE_CONNECTION to another path"
        ) from error


def write(path: str, connection: Connection) -> None:
    """Write the file, readable by its owner only."""
    name = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(connection))
        os.replace(name, path)
    except OSError as error:
        raise EnvironmentFailed(
            f"the connection file {path} cannot be written: {error.strerror}; set JUPYTER_RUNTIME_DIR to a directory that can"
        ) from error


def reach(connection: Connection) -> socket.socket:
    """Return a connection to the lifeline. Raises OSError when no dispatcher listens."""
    lifeline = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lifeline.connect(connection.lifeline)
    except OSError:
        lifeline.close()
        raise
    return lifeline


def find(path: str) -> tuple[Connection, socket.socket] | None:
    """Return the running dispatcher and a connection to its lifeline; None if no dispatcher runs."""
    connection = read(path)
    if connection is None:
        return None
    try:
        return connection, reach(connection)
    except OSError:
        return None


def existing_path() -> str:
    """Return the connection file for a client that only looks at a running dispatcher.

    The default path if a dispatcher serves there; otherwise the path of the only other dispatcher serving in the runtime
    directory, as a Jupyter server's does for a terminal. Raises `DefinitionError` if several serve, and `PeerGone` if none
    does.
    """
    path = default_path()
    if os.environ.get("FLOE_CONNECTION"):
        return path
    found = [path] if _serves(path) else [other for other in _beside(path) if _serves(other)]
    if len(found) > 1:
        raise DefinitionError(
            f"{len(found)} dispatchers serve here: {', '.join(found)}; say which one: FLOE_CONNECTION={found[0]} floe ..."
        )
    if not found:
        raise PeerGone(
            f"no dispatcher serves {path}, or another file beside it; `floe run FILE` ends with its run and leaves "
            "nothing to look at, `floe run FILE --detach` and `floe start FLOW --file FILE` go on; start one of them "
            "or a flow in a notebook, or name its connection file: FLOE_CONNECTION=PATH floe ..."
        )
    return found[0]


def _beside(path: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(path)), "floe-*.json")))


def _serves(path: str) -> bool:
    try:
        found = find(path)
    except EnvironmentFailed:
        return False  # the file belongs to another user
    if found is not None:
        found[1].close()
    return found is not None


def find_or_start(path: str, command: Sequence[str] = COMMAND, within: float = START_WITHIN) -> tuple[Connection, socket.socket]:
    """Return the running dispatcher, started if none runs. Raises `EnvironmentFailed`, `PeerGone` or `PeerSilent`."""
    found = find(path)
    if found is not None:
        return found
    deadline = time.monotonic() + within
    with _lock(path, deadline):
        found = find(path)
        if found is None:
            _start(path, command, deadline)
            found = find(path)
    if found is None:
        raise PeerGone(f"the dispatcher ended right after its start; see {data_directory(path)}/dispatcher.log")
    return found


@contextlib.contextmanager
def _lock(path: str, deadline: float) -> Iterator[None]:
    """Hold the lock of a start; wait for another start to finish."""
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EnvironmentFailed(
            f"{path}.lock cannot be written: {error.strerror}; set JUPYTER_RUNTIME_DIR to a directory that can"
        ) from error
    try:
        while not _locked(file):
            if time.monotonic() > deadline:
                raise PeerSilent(f"waited for another process that holds {path}.lock while it starts a dispatcher")
            time.sleep(0.01)
        yield
    finally:
        os.close(file)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(path: str, command: Sequence[str], deadline: float) -> None:
    """Start a dispatcher, which writes ``ready``, or an error, as one line to its standard output."""
    try:
        process = subprocess.Popen(
            [*command, "--file", path, "--data", data_directory(path)],
            env=handed_on(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFailed(f"the dispatcher cannot be started: {error}") from error
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        line = _line(process.stdout.fileno(), deadline)
        if line == "ready":
            process.wait()  # reaps the dispatcher's parent; the dispatcher outlives this client
            return
        problem = process.stderr.read1(4_096).decode("utf-8", "replace") if line == "" else ""  # type: ignore[attr-defined]
    if line is None:
        process.kill()
        process.wait()
        raise PeerSilent(
            f"waited {START_WITHIN:g} s for the dispatcher to say that it is ready; see {data_directory(path)}/dispatcher.log"
        )
    process.wait()
    kind, _, text = line.partition(" ")
    raise from_wire(kind, text) if text else EnvironmentFailed(f"the dispatcher did not start:\n{problem.strip()[-2_000:]}")


def _line(descriptor: int, deadline: float) -> str | None:
    """Read one line; empty at the end of the pipe, None when time ran out."""
    data = b""
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return None
        piece = os.read(descriptor, 4_096)
        if not piece:
            break
        data += piece
    return data.decode("utf-8", "replace").strip()
