"""Program for the Python of the other machine, sent there as text.

It parses under Python 3.6, to tell a cure; the rest needs 3.11. Lines to the standard output begin with a mark, since the
user's shell may print, too. Lines of the standard input are orders: ``bundle KEY SIZE`` (followed by the bytes of an archive) and
``run JSON``, then ``end``. The standard input ends when the connection is lost: the runner then lives on until its lease ends,
or another connection takes the place of the first.
"""
# ruff: noqa: S108, S606 - small means, for old and bare machines

import contextlib
import ctypes
import fcntl
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

MARK = "floe-jupyter "
OLDEST = (3, 11)
PREFIX = "floe-s"
WANTS = "wants"
"""Name of the pipe by which processes of the runner ask for uv."""
CONTROL = "control"
"""Name of the pipe by which a later connection gives orders to the program of the first."""
END_WITHIN = 3
"""Seconds that a runner gets to end when told to."""
YOUNG = 5
"""Seconds for which a directory that is not locked yet may belong to a launch that begins."""


def say(kind: str, **said: object) -> None:
    """Write a line for the launcher."""
    with contextlib.suppress(OSError):  # the connection is lost
        os.write(1, f"{MARK}{json.dumps([kind, said])}\n".encode())


def main() -> int:
    """Serve one launch; return the exit code."""
    if sys.version_info < OLDEST:
        return newer()
    if "directory" in globals():
        return attach(globals()["directory"])
    os.umask(0o077)
    try:
        directory, lock = private_directory()
    except OSError as error:
        say("cause", text=f"no private directory can be made there: {error}")
        return 1
    try:
        return serve(directory, lock)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def newer() -> int:
    """Run again under a Python that is new enough."""
    for minor in (14, 13, 12, 11):
        found = shutil.which(f"python3.{minor}")
        if found:
            given = "".join(f"{name}={globals()[name]!r};" for name in ("directory", "program") if name in globals())
            os.execv(found, [found, "-c", f"{given}import base64;exec(base64.b64decode(program))"])
    version = ".".join(map(str, sys.version_info[:2]))
    say("cause", text=f"its python3 is {version}; floe-jupyter needs Python 3.11 or newer on its PATH")
    return 1


def private_directory() -> tuple:  # type: ignore[type-arg]
    """Make the directory of this launch, locked as long as this process or the runner lives, and remove deserted ones."""
    root = tempfile.gettempdir()
    if len(root) > 60:  # a socket's path has at most 107 characters
        root = "/tmp"
    prefix = f"{PREFIX}{os.getuid()}-"
    for name in os.listdir(root):
        if name.startswith(prefix):
            remove_deserted(os.path.join(root, name))
    directory = tempfile.mkdtemp(prefix=prefix, dir=root)
    return directory, locked(directory)


def locked(directory: str) -> int:
    """Lock a directory; return the descriptor. Raises OSError for one in use."""
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def remove_deserted(directory: str) -> None:
    """Remove the directory of a launch whose processes were killed."""
    try:
        found = os.lstat(directory)
        if found.st_uid == os.getuid() and found.st_mtime < time.time() - YOUNG:
            os.close(locked(directory))
            shutil.rmtree(directory, ignore_errors=True)
    except OSError:
        return  # in use, or gone


def serve(directory: str, lock: int) -> int:
    """Carry out orders until the runner has ended."""
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "floe-jupyter", "runners")
    say(
        "hello",
        directory=directory,
        version=sys.version_info[:2],
        platform=f"{sys.implementation.cache_tag}-{sys.platform}-{os.uname().machine}",
        libc=os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else "",
        host=os.uname().nodename,
        cached=sorted(os.listdir(cache)) if os.path.isdir(cache) else [],
    )
    while True:
        word, _, rest = read_line().partition(" ")
        if word == "run":
            return run(cache, directory, lock, json.loads(rest))
        if word != "bundle":
            return 1  # the other end is gone
        key, _, size = rest.partition(" ")
        new = os.path.join(cache, f"{key}.{os.getpid()}")
        try:
            unpack(new, os.path.join(cache, key), read(int(size)))
        except (OSError, ValueError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
            say("cause", text=f"floe-jupyter cannot be unpacked in {cache}: {error}")
            return 1
        finally:
            shutil.rmtree(new, ignore_errors=True)
        say("unpacked")


def read(size: int) -> bytes:
    """Read exactly *size* bytes of the standard input. Raises ValueError if it ends before."""
    data = bytearray()
    while len(data) < size:
        part = os.read(0, min(size - len(data), 1 << 20))
        if not part:
            raise ValueError(f"the connection ended after {len(data)} of {size} bytes")
        data += part
    return bytes(data)


def read_line() -> str:
    """Read a line of the standard input, and nothing of what follows: empty at its end."""
    data = bytearray()
    while not data.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            return ""
        data += part
    return data[:-1].decode()


def unpack(new: str, final: str, archive: bytes) -> None:
    """Make an environment of the archive: complete, or not at all. Raises ValueError, OSError and errors of subprocess."""
    import venv

    venv.EnvBuilder(symlinks=True, with_pip=False).create(new)
    version = ".".join(map(str, sys.version_info[:2]))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(f"{new}/lib/python{version}/site-packages")
    tried = subprocess.run(
        [f"{new}/bin/python", "-P", "-c", "import floe_jupyter.runner.runner, zmq"],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    if tried.returncode:
        raise ValueError(tried.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it cannot be imported")
    try:
        os.rename(new, final)
    except OSError:
        if not os.path.isdir(final):  # else another launch was faster
            raise


def run(cache: str, directory: str, lock: int, order: dict) -> int:  # type: ignore[type-arg]
    """Run the runner until it ends, and end what it leaves."""
    folder = os.path.expanduser(order["folder"] or "~")
    try:
        os.chdir(folder)
    except OSError as error:
        say("cause", text=f"modules cannot run in the folder {folder} there: {error.strerror}; make it, or leave it out")
        return 1
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # a subreaper: orphans of the runner become children of this process
    theirs, lifeline = os.pipe()
    for name in (CONTROL, WANTS):
        os.mkfifo(os.path.join(directory, name))
    python = os.path.join(cache, order["key"], "bin/python")
    variables = {**os.environ, "TMPDIR": directory, "XDG_RUNTIME_DIR": directory}
    tools = os.path.join(os.path.dirname(cache), "tools")
    variables.update(FLOE_WANTS=os.path.join(directory, WANTS), PATH=f"{os.environ.get('PATH', os.defpath)}:{tools}")
    command = [python, "-P", "-m", "floe_jupyter.runner", *order["arguments"], "--lifeline", str(theirs)]
    command += ["--interpreter", sys.executable]  # modules see the packages that this Python has
    runner = subprocess.Popen(command, env=variables, pass_fds=[lock, theirs], stdin=subprocess.DEVNULL)
    os.close(theirs)
    Attendant(runner, lifeline, directory, tools).attend()
    code = runner.wait()
    end_orphans()
    say("ended", how=f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}")
    return 0


class Attendant:
    """Attendant of the runner: takes orders from the standard input, and from a later connection by a pipe.

    The end of the standard input means only that the connection is lost: another may come, or the runner's lease ends.
    """

    def __init__(self, runner: subprocess.Popen, lifeline: int, directory: str, tools: str) -> None:  # type: ignore[type-arg]
        self.runner, self.lifeline, self.tools = runner, lifeline, tools
        self.ended = os.pidfd_open(runner.pid)
        self.wants, control = (os.open(os.path.join(directory, name), os.O_RDWR | os.O_NONBLOCK) for name in (WANTS, CONTROL))
        self.watched = [0, control, self.wants, self.ended]
        self.asking = ""
        """Lines with the pipes of those who wait for uv."""
        self.deadline = 0.0

    def attend(self) -> None:
        """Wait for the end of the runner."""
        while True:
            left = max(0.0, self.deadline - time.monotonic()) if self.deadline else None
            ready = select.select(self.watched, [], [], left)[0]
            if self.ended in ready:
                return
            if not ready:
                self.runner.kill()
                self.deadline = 0.0
            for fd in ready:
                self.take(fd)

    def take(self, fd: int) -> None:
        """Take what has arrived by a pipe."""
        data = os.read(fd, 4096)
        if not data:
            self.watched.remove(fd)
        elif fd == self.wants:
            self.asking += data.decode()
            say("want", directory=self.tools)
        elif b"end" in data.split() and not self.deadline:
            os.close(self.lifeline)
            self.deadline = time.monotonic() + END_WITHIN
        elif data.startswith((b"path ", b"problem ")):
            for path in self.asking.split():
                with contextlib.suppress(OSError), open(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb") as pipe:
                    pipe.write(data)
            self.asking = ""


def attach(directory: str) -> int:
    """Take the place of a lost connection to the runner of *directory*."""
    try:
        lock = os.open(directory, os.O_RDONLY)
        orders = os.open(os.path.join(directory, CONTROL), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        say("cause", text="the runner ended while the connection was lost")
        return 1
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, "r"))  # of the lost connection, which may be listening still
    say("attached")
    threading.Thread(target=tell_end, args=[lock], daemon=True).start()
    data = os.read(0, 64)
    while data:
        os.write(orders, data)
        data = os.read(0, 64)
    return 0


def tell_end(lock: int) -> None:
    """Wait until runner and program of the first connection have ended: they hold the lock."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    say("ended", how="it ended after the connection had been lost and found again")


def end_orphans() -> None:
    """Kill the remaining processes below this one, generation by generation."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            return  # no child is left
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def children() -> list:  # type: ignore[type-arg]
    """Return the process ids of all children."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
        except OSError:
            continue  # it ended meanwhile
    return found


if __name__ == "__main__":
    sys.exit(main())
