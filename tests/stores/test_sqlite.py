"""What only a file can do: outlive its process, be damaged, be in the way."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from floe_jupyter.core.model import Module
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores.sqlite import SCHEMA, SqliteStore
from floe_jupyter.wire.replies import RunInfo

WRITER = """
import sys
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.replies import RunInfo
store = SqliteStore(sys.argv[1])
n = 0
while True:
    store.put_runs([RunInfo(f"co2.1.local.{n + i}", "co2", 1, "done") for i in range(10)])
    n += 10
    store.commit()
    print(n, flush=True)
"""


def record(number: int) -> RunInfo:
    return RunInfo(f"co2.1.local.{number}", "co2", 1, "done")


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "data" / "store.sqlite")


def filled(path: str, n: int = 500) -> None:
    store = SqliteStore(path)
    store.put_definition(Module("clean", "x" * 5_000))
    store.put_runs([record(i) for i in range(n)])
    store.close()


def test_what_was_committed_is_there_for_the_next(path: str) -> None:
    filled(path)
    store = SqliteStore(path)
    assert (len(store.runs()), [m.name for m in store.modules()]) == (500, ["clean"])
    store.close()


def test_file_and_directory_are_for_their_owner_only(path: str) -> None:
    filled(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_a_commit_is_flushed_to_the_disk(path: str) -> None:
    store = SqliteStore(path)
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


def test_a_writer_that_is_killed_loses_nothing_that_it_committed(path: str) -> None:
    for round_ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, f"{path}{round_}"], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(20):
                said = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:
                said = int(line) if line.strip() else said
        store = SqliteStore(f"{path}{round_}")
        found = len(store.runs())
        store.close()
        assert found >= said
        assert found % 10 == 0, "a part of a commit"


def test_D25_a_file_cut_by_seven_bytes_loads_whole_or_refuses_clearly(path: str) -> None:
    filled(path)
    size = os.path.getsize(path)
    os.truncate(path, size - 7)
    with pytest.raises(EnvironmentFailed, match=r"store\.sqlite is damaged .*move it away"):
        SqliteStore(path)
    assert os.path.getsize(path) == size - 7, "a refusal changes nothing"


@pytest.mark.parametrize("seed", range(60))
def test_D25_a_damaged_file_is_never_silently_less(path: str, seed: int) -> None:
    filled(path)
    damaged = bytearray(Path(path).read_bytes())
    chance = random.Random(seed)
    if seed % 2:
        del damaged[chance.randrange(1, len(damaged)) :]
    else:
        for _ in range(50):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    Path(path).write_bytes(damaged)
    assert whole_or_refused(path) in (None, ([record(i) for i in range(500)], [Module("clean", "x" * 5_000)]))


def whole_or_refused(path: str) -> tuple[list[RunInfo], list[Module]] | None:
    """What it gives; None when it refuses, at the start or when it is read."""
    try:
        store = SqliteStore(path)
    except EnvironmentFailed:
        return None
    try:
        return store.runs(), store.modules()
    except EnvironmentFailed:
        return None
    finally:
        with suppress(EnvironmentFailed):
            store.close()


def test_a_torn_log_gives_the_committed_prefix(path: str) -> None:
    store = SqliteStore(path)
    for n in range(20):
        store.put_runs([record(n)])
        store.commit()
    copy = Path(path).parent / "copy.sqlite"
    copy.write_bytes(Path(path).read_bytes())
    log = Path(f"{path}-wal").read_bytes()
    store.close()
    Path(f"{copy}-wal").write_bytes(log[:-7])
    torn = SqliteStore(str(copy))
    refs = [int(r.ref.rpartition(".")[2]) for r in torn.runs()]
    torn.close()
    assert refs == list(range(len(refs)))
    assert 15 <= len(refs) < 20


def test_a_file_of_a_later_version_is_refused(path: str) -> None:
    filled(path)
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()
    with pytest.raises(EnvironmentFailed, match=r"later version.*update floe-jupyter"):
        SqliteStore(path)


def test_a_file_that_is_no_store_is_refused_and_left_alone(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    Path(path).write_bytes(b"my thesis " * 1_000)
    with pytest.raises(EnvironmentFailed, match="damaged"):
        SqliteStore(path)
    assert Path(path).read_bytes() == b"my thesis " * 1_000


def test_an_unwritable_directory_is_an_error_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFailed, match="XDG_DATA_HOME"):
        SqliteStore(str(tmp_path / "file" / "store.sqlite"))


def test_a_second_user_is_refused(path: str) -> None:
    store = SqliteStore(path)
    with pytest.raises(EnvironmentFailed, match="in use by another process"):
        SqliteStore(path)
    store.close()


def test_only_so_many_versions_of_a_definition_are_kept(path: str) -> None:
    store = SqliteStore(path)
    for version in range(1, 101):
        store.put_definition(Module("clean", "x", version=version))
    assert store._database.execute("SELECT count(*) FROM definitions").fetchone() == (20,)
    assert store.modules()[0].version == 100
    store.close()
