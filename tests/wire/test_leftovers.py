"""What killed processes leave: it is theirs while they live, and anybody's to remove from the moment they have ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from floe_jupyter.dispatcher import socket_directory
from floe_jupyter.dispatcher.data_directory import adopt
from floe_jupyter.runner.segments import sweep_dead
from floe_jupyter.wire import leftovers, shared_memory


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that nobody has taken note of."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty directory for temporary files, with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fl-", dir="/tmp") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(directory)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_a_process_is_gone_when_it_has_ended_although_nobody_took_note_of_it(zombie: int) -> None:
    assert os.path.exists(f"/proc/{zombie}")
    assert leftovers.is_gone(str(zombie))
    assert not leftovers.is_gone(str(os.getpid()))
    reaped = subprocess.Popen([sys.executable, "-c", ""])
    reaped.wait()
    assert leftovers.is_gone(str(reaped.pid))


def test_sockets_of_a_dispatcher_that_nobody_took_note_of_are_swept(short: Path, zombie: int) -> None:
    for owner in (zombie, os.getpid()):
        (short / f"floe-d{owner}-0123abcd").mkdir()
        (short / f"floe-d{owner}-0123abcd" / "control").touch()
    socket_directory.sweep()
    assert names(short) == [f"floe-d{os.getpid()}-0123abcd"]


def test_pipes_of_the_dead_or_of_one_runner_are_swept(short: Path, zombie: int) -> None:
    for owner in (zombie, os.getpid(), 1):
        (short / f"floe-{owner}-0123abcd").mkdir()
        os.mkfifo(short / f"floe-{owner}-0123abcd" / "in")
    (short / "floe-lab").mkdir()
    leftovers.sweep_pipes()
    assert names(short) == sorted([f"floe-{os.getpid()}-0123abcd", "floe-1-0123abcd", "floe-lab"])
    leftovers.sweep_pipes(os.getpid())
    assert names(short) == ["floe-1-0123abcd", "floe-lab"]


def test_only_directories_that_are_ours_are_removed(short: Path, zombie: int) -> None:
    (short / "kept").mkdir()
    (short / f"floe-{zombie}-0123abcd").symlink_to(short / "kept")
    (short / f"floe-{zombie}-0123abce").write_text("a file")
    leftovers.sweep_pipes()
    assert len(names(short)) == 3


def test_segments_of_the_dead_that_nobody_took_note_of_are_swept(tmp_path: Path, zombie: int) -> None:
    for sweep in (shared_memory.sweep, sweep_dead):
        (tmp_path / f"floe-{zombie}-1-1").touch()
        (tmp_path / f"floe-{os.getpid()}-1-1").touch()
        sweep(str(tmp_path))
        assert names(tmp_path) == [f"floe-{os.getpid()}-1-1"]


def test_the_data_of_a_server_that_nobody_took_note_of_is_taken_over(tmp_path: Path, zombie: int) -> None:
    (tmp_path / str(zombie)).mkdir()
    assert adopt(str(tmp_path / "1"))
    assert names(tmp_path) == ["1"]
