"""Data directories: whose they are, and what becomes of those that Jupyter servers leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floe_jupyter.dispatcher.data_directory import adopt, claim, set_aside
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.client.client import connect
from floe_jupyter.wire.control.workspaces import Workspace
from tests.dispatcher.kit import COMMAND, ROOT, Processes, define, run

HOLDER = "import sys; from floe_jupyter.dispatcher.data_directory import claim; claim(sys.argv[1]); print('mine', flush=True); sys.stdin.read()"
Holders = Callable[[Path], None]


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def made(folder: Path, used: float = 0, size: int = 0) -> Path:
    """A data directory with so many bytes in it, used at that time (s)."""
    folder.mkdir()
    (folder / "store.sqlite").write_text(folder.name.ljust(size))
    os.utime(folder, (used, used))
    return folder


@pytest.fixture
def hold() -> Iterator[Holders]:
    """Lets another process own a directory, until the end of the test."""
    holders: list[subprocess.Popen[str]] = []

    def hold(folder: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(folder)]
        holder = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"

    yield hold
    for holder in holders:
        holder.communicate(timeout=10)


@pytest.fixture
def runs_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: Processes) -> Callable[[int, bool], list[str]]:
    """Runs a flow for the kernel of a process (a Jupyter server, or not), and tells which runs that kernel sees."""
    monkeypatch.delenv("FLOE_CONNECTION", raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "runtime").mkdir()

    def runs_of(parent: int, is_server: bool) -> list[str]:
        if is_server:
            (tmp_path / "runtime" / f"jpserver-{parent}.json").write_text("{}")
        monkeypatch.setenv("JPY_PARENT_PID", str(parent))
        client = connect(client="test", command=COMMAND, workspace=Workspace("", "shop.ipynb", "notebook", "/nb/shop.ipynb"))
        processes.watch(client.pid)
        define(client, double="lambda x: 2 * x")
        run(client, 1)
        listed = [info.ref for info in client.call("runs")]
        client.close()
        processes.wait_gone()
        return sorted(listed)

    return runs_of


def test_runs_are_there_after_the_jupyter_server_was_started_again(
    tmp_path: Path, runs_of: Callable[[int, bool], list[str]]
) -> None:
    before = runs_of(gone(), True)
    after = runs_of(os.getpid(), True)
    assert len(before) == 1
    assert len(after) == 2
    assert set(before) < set(after)
    assert [folder.name for folder in (tmp_path / "floe-jupyter").iterdir()] == [str(os.getpid())]


def test_a_program_that_runs_a_notebook_begins_with_nothing(runs_of: Callable[[int, bool], list[str]]) -> None:
    """Its runs, and the ids of their messages, are the same each time."""
    before = runs_of(gone(), True)
    assert runs_of(os.getpid(), False) == before


def test_the_directory_with_most_in_it_is_taken_over_by_one_server_alone(tmp_path: Path) -> None:
    left = [
        made(tmp_path / str(gone()), 1_000, 100),
        made(tmp_path / str(gone()), 2_000, 100),
        made(tmp_path / str(gone()), 3_000),
    ]
    for server, expected in (("1", left[1]), ("2", left[0]), ("3", left[2])):
        assert adopt(str(tmp_path / server))
        assert (tmp_path / server / "store.sqlite").read_text().strip() == expected.name
    assert not adopt(str(tmp_path / "4"))
    assert sorted(os.listdir(tmp_path)) == ["1", "2", "3"]


def test_what_a_former_process_of_the_same_number_has_left_is_not_a_programs(tmp_path: Path) -> None:
    mine = tmp_path / str(os.getpid())
    made(mine, used=1_000)
    set_aside(str(mine))
    [left] = tmp_path.iterdir()
    assert left != mine
    claim(str(mine))
    set_aside(str(mine))  # this process made it
    assert mine.is_dir()
    assert adopt(str(tmp_path / "1"))
    assert (tmp_path / "1" / "store.sqlite").read_text() == mine.name


def test_what_is_in_use_or_not_a_servers_stays_where_it_is(tmp_path: Path, hold: Holders) -> None:
    detached = made(tmp_path / str(gone()))
    hold(detached)  # its server is gone, but its dispatcher goes on
    kept = [detached, made(tmp_path / str(os.getpid())), made(tmp_path / "user")]
    (tmp_path / str(gone())).write_text("a file")
    assert not adopt(str(tmp_path / "1"))
    set_aside(str(detached))
    set_aside(str(tmp_path / "user"))
    assert all((folder / "store.sqlite").read_text() == folder.name for folder in kept)


def test_a_server_goes_on_with_its_own_directory_and_users_of_a_terminal_with_theirs(tmp_path: Path) -> None:
    left = made(tmp_path / str(gone()))
    mine = made(tmp_path / str(os.getpid()), used=time.time())
    claim(str(mine))
    claim(str(tmp_path / "user"))
    assert sorted(os.listdir(tmp_path)) == sorted([left.name, mine.name, "user"])
    assert (tmp_path / "user").stat().st_mode & 0o777 == 0o700


def test_a_directory_has_one_dispatcher(tmp_path: Path, hold: Holders) -> None:
    hold(tmp_path / "user")
    with pytest.raises(EnvironmentFailed, match=r"another dispatcher uses .*; end it, or wait until it has ended"):
        claim(str(tmp_path / "user"))


def test_a_dispatcher_waits_for_the_one_before_that_is_about_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "user")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as before:
        assert before.stdout is not None
        assert before.stdin is not None
        assert before.stdout.readline() == "mine\n"
        end = threading.Timer(0.3, before.stdin.close)
        end.start()
        claim(str(tmp_path / "user"))
        end.join()
        assert before.wait(10.0) == 0
