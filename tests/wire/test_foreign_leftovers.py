"""Sweeping places that are shared with others: what is not ours stays, and what lives in another PID namespace does, too."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from floe_jupyter.dispatcher import socket_directory
from floe_jupyter.dispatcher.runners import segments as through
from floe_jupyter.runner import segments
from floe_jupyter.runner.runtimes.pipes import Fifos
from floe_jupyter.wire import leftovers, shared_memory
from tests.conftest import missing
from tests.dispatcher.kit import ROOT

DEAD = 2**22 + 7
"""No process has this number: it is above the largest that there can be."""
NOBODY = 65_534


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory like /tmp: for everybody, each for himself."""
    with tempfile.TemporaryDirectory(prefix="fl-", dir="/tmp") as directory:
        os.chmod(directory, 0o1777)
        monkeypatch.setenv("TMPDIR", directory)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setattr(through, "DIRECTORY", directory)
        yield Path(directory)


def sweep_everything(directory: str) -> None:
    """Every way in which something is swept or removed."""
    segments.sweep_dead(directory)
    shared_memory.sweep(directory)
    through.sweep(DEAD)
    segments.sweep(directory, f"floe-{DEAD}-", ())
    segments.remove(directory, f"floe-{DEAD}-1-1")
    shared_memory.remove(f"floe-{DEAD}-1-1", directory)
    leftovers.sweep_pipes()
    leftovers.sweep_pipes(DEAD)
    socket_directory.sweep()


def in_another_users_process(act: Callable[[], None]) -> int:
    """The exit status of a child of ours that is nobody, in which *act* ran."""
    pid = os.fork()
    if not pid:
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            act()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def litter(directory: Path) -> list[str]:
    """Everything that may bear one of our names without being what we make."""
    for name in (f"floe-{DEAD}-x", f"floe-{DEAD}-1-1", f"floe-{DEAD}0000000000000-y"):
        (directory / name).write_bytes(b"x")
    for name in (f"floe-{DEAD}-0123abcd", f"floe-d{DEAD}-0123abcd", f"floe-{DEAD}-k0123abc", f"floe-d{DEAD}-k0123abc"):
        (directory / name).mkdir()
        (directory / name / "in").touch()
    (directory / f"floe-{DEAD}-dir").mkdir()
    (directory / f"floe-{DEAD}-link").symlink_to(directory / "nowhere")
    os.mkfifo(directory / f"floe-{DEAD}-pipe")
    return sorted(os.listdir(directory))


def test_B2_what_another_user_left_is_skipped_and_stops_nothing(shared: Path) -> None:
    if os.getuid():
        missing("another user", "run the tests as root")
    before = litter(shared)
    assert in_another_users_process(lambda: sweep_everything(str(shared))) == 0
    assert sorted(os.listdir(shared)) == before


def test_B2_what_is_no_file_or_no_directory_of_ours_is_skipped_and_stops_nothing(shared: Path) -> None:
    litter(shared)
    sweep_everything(str(shared))
    assert sorted(os.listdir(shared)) == sorted([f"floe-{DEAD}-dir", f"floe-{DEAD}-link", f"floe-{DEAD}-pipe"])


def test_B2_a_place_that_is_not_there_is_nothing_to_sweep() -> None:
    sweep_everything("/nowhere/at/all")


# --- PID namespaces --------------------------------------------------------------------------------------------------------

OWNER = """
import os, sys, time
from pathlib import Path
from floe_jupyter.dispatcher import socket_directory
from floe_jupyter.runner.runtimes.pipes import Fifos
from floe_jupyter.wire import leftovers, shared_memory
leftovers.MEMORY = sys.argv[1]
made = socket_directory.make()
Path(made, "control").touch()
fifos = Fifos()
shared_memory.create(b"x", leftovers.maker() + "-1", sys.argv[1])
print("ready", flush=True)
time.sleep(600)
"""
SWEEPER = """
import sys
from floe_jupyter.wire import leftovers
leftovers.MEMORY = sys.argv[1]
from tests.wire.test_foreign_leftovers import sweep_everything
sweep_everything(sys.argv[1])
"""


def apart(need: Callable[[str, str], str]) -> list[str]:
    """The command that runs another one in a PID namespace of its own."""
    command = [need("unshare", "install util-linux"), "--pid", "--fork", "--mount-proc", "--kill-child"]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        missing("a PID namespace", f"run the tests as a user who may make one ({tried.stderr.strip()})")
    return command


@pytest.fixture
def owner(request: pytest.FixtureRequest, shared: Path, need: Callable[[str, str], str]) -> Iterator[subprocess.Popen[str]]:
    """A process that has made a directory for sockets, one for pipes, and a segment; with *apart* in another namespace."""
    command = apart(need) if request.param == "apart" else []
    with subprocess.Popen(
        [*command, sys.executable, "-c", OWNER, shared], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize("owner", ["here"], indirect=True)
def test_B3_what_lives_is_left_alone_by_whoever_sweeps_in_another_namespace(
    owner: subprocess.Popen[str], shared: Path, need: Callable[[str, str], str]
) -> None:
    before = sorted(os.listdir(shared))
    assert len(before) == 4, "two directories, a segment and a lock"
    subprocess.run([*apart(need), sys.executable, "-c", SWEEPER, shared], cwd=ROOT, check=True)
    assert sorted(os.listdir(shared)) == before
    owner.kill()
    owner.wait()
    sweep_everything(str(shared))
    assert [name for name in os.listdir(shared) if not name.endswith(".lock")] == []


@pytest.mark.parametrize("owner", ["apart"], indirect=True)
def test_B3_what_lives_in_another_namespace_is_left_alone_and_removed_when_it_is_dead(
    owner: subprocess.Popen[str], shared: Path
) -> None:
    before = sorted(os.listdir(shared))
    sweep_everything(str(shared))
    assert sorted(os.listdir(shared)) == before
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 10
    while os.listdir(shared) and time.monotonic() < deadline:
        sweep_everything(str(shared))  # its namespace ends a moment after its first process
    assert os.listdir(shared) == []


def test_B3_a_lock_ends_with_its_process_also_where_nobody_took_note_of_that(shared: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, shared], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie
        sweep_everything(str(shared))
        assert [name for name in os.listdir(shared) if not name.endswith(".lock")] == []


def test_B3_the_pipes_of_a_runtime_that_starts_are_not_swept_and_go_when_it_has_started(shared: Path) -> None:
    fifos = Fifos()
    sweep_everything(str(shared))
    assert os.path.exists(fifos.to_runtime)
    fifos.remove()
    assert os.listdir(shared) == []
    others = Fifos()
    leftovers.sweep_pipes(os.getpid())
    assert os.listdir(shared) == [], "what is its own goes at its end"
    for fd in (fifos.read_fd, fifos.write_fd, others.read_fd, others.write_fd):
        os.close(fd)
