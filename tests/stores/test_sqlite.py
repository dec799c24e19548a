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
from zlib import crc32

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores.sqlite import SCHEMA, SqliteStore
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.control.workspaces import Workspace

WRITER = """
import sys
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.control.replies import RunInfo
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
    assert whole_or_refused(path) in (None, ([record(i) for i in range(500)], [Module("clean", "x" * 5_000)], [], {}))


Content = tuple[list[RunInfo], list[Module], list[Flow], dict[str, int]]


def small(path: str) -> Content:
    """A store with something of everything; what is in it."""
    store = SqliteStore(path)
    for version in range(1, 4):
        store.put_definition(Module("clean", f"source {version}", version=version))
    store.put_definition(Module("parse", "x" * 300))
    store.put_definition(Flow("co2", (Node("clean", "clean"),)))
    store.put_workspace(Workspace("n-1", "shop.ipynb"))
    store.put_definition(Flow("other", (Node("parse", "parse"),)), "n-1")
    store.put_runs([record(i) for i in range(30)])
    store.put_runs([RunInfo("co2.1.local.31", "co2", 1, "active")])
    store.put_counter("co2", 1_000)
    store.put_counter("other", 2_000)
    store.close()
    found = whole_or_refused(path)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes, Content]:
    path = str(tmp_path_factory.mktemp("flips") / "store.sqlite")
    content = small(path)
    return path, Path(path).read_bytes(), content


def flipped(path: str, whole: bytes, bit: int) -> Content | None:
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    Path(path).write_bytes(damaged)
    for log in ("-wal", "-shm"):
        Path(f"{path}{log}").unlink(missing_ok=True)
    return whole_or_refused(path)


FLIPS = int(os.environ.get("FLOE_FLIPS", "40"))
"""Single bits that each of the tests below flips."""


@pytest.mark.parametrize("seed", range(10))
def test_D25_a_single_flipped_bit_is_never_silently_another_value(small_store: tuple[str, bytes, Content], seed: int) -> None:
    path, whole, content = small_store
    chance = random.Random(seed)
    for _ in range(FLIPS):
        bit = chance.randrange(len(whole) * 8)
        assert flipped(path, whole, bit) in (None, content), f"bit {bit}"


@pytest.mark.parametrize("text", [b"source 3", b"clean", b"co2.1.local.7", b"module", b"flow", b"other"])
def test_D25_a_bit_flipped_in_a_value_or_in_its_key_is_refused(small_store: tuple[str, bytes, Content], text: bytes) -> None:
    """Wherever the text stands, in a body or in a column: at each place two bits, one of them of its last letter."""
    path, whole, content = small_store
    places = [at for at in range(len(whole)) if whole.startswith(text, at)]
    assert places
    for at in places[:12]:
        for bit in (8 * at + 1, 8 * (at + len(text) - 1)):
            assert flipped(path, whole, bit) in (None, content), f"bit {bit} of {whole[at - 20 : at + 20]!r}"
    at = whole.index(text)
    assert flipped(path, whole, 8 * at + 1) is None, "what is damaged here is used, so it is refused"


def test_B10_an_empty_store_file_is_torn_and_refused_and_left_alone(path: str) -> None:
    filled(path)
    Path(path).write_bytes(b"")
    with pytest.raises(EnvironmentFailed, match=r"damaged \(0 bytes\); move it away"):
        SqliteStore(path)
    assert os.path.getsize(path) == 0


def test_B10_a_log_of_a_store_that_was_moved_away_is_not_taken_for_that_of_the_next(path: str) -> None:
    store = SqliteStore(path)
    store.put_runs([record(1)])
    store.commit()
    os.rename(path, f"{path}.moved")
    store._database.close()
    Path(f"{path}-wal").write_bytes(b"of the former")
    assert whole_or_refused(path) == ([], [], [], {})
    assert Path(f"{path}.former-wal").read_bytes() == b"of the former"


OLD_2 = """
CREATE TABLE definitions (workspace TEXT, kind TEXT, name TEXT, version INTEGER, body BLOB,
PRIMARY KEY (workspace, kind, name, version)) WITHOUT ROWID;
CREATE TABLE workspaces (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, ref TEXT UNIQUE, archived INTEGER, body BLOB);
CREATE TABLE counters (flow TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
PRAGMA user_version = 2;
"""
OLD = """
CREATE TABLE definitions (kind TEXT, name TEXT, version INTEGER, body BLOB, PRIMARY KEY (kind, name, version)) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, ref TEXT UNIQUE, archived INTEGER, body BLOB);
CREATE TABLE counters (flow TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def old_pack(value: object) -> bytes:
    body = msgspec.msgpack.encode(value)
    return crc32(body).to_bytes(4, "big") + body


def old_store(path: str) -> sqlite3.Connection:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(OLD)
    for version in (1, 2):
        database.execute(
            "INSERT INTO definitions VALUES (?, ?, ?, ?)",
            ("module", "clean", version, old_pack(Module("clean", f"v{version}", version=version))),
        )
    database.execute("INSERT INTO definitions VALUES (?, ?, ?, ?)", ("flow", "co2", 1, old_pack(Flow("co2"))))
    database.execute("INSERT INTO runs (ref, archived, body) VALUES (?, ?, ?)", (record(1).ref, 1, old_pack(record(1))))
    database.execute("INSERT INTO counters VALUES (?, ?)", ("co2", 17))
    return database


def test_B10_a_store_of_the_first_version_is_brought_up_with_everything_in_it(path: str) -> None:
    old_store(path).close()
    expected = ([record(1)], [Module("clean", "v2", version=2)], [Flow("co2")], {"co2": 17})
    for _ in range(2):
        assert whole_or_refused(path) == expected
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA,)


def test_B10_a_store_of_the_second_version_is_brought_up_with_everything_in_it(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(OLD_2)
    database.execute("INSERT INTO workspaces VALUES (?, ?)", ("n-1", old_pack(Workspace("n-1", "shop.ipynb"))))
    database.execute(
        "INSERT INTO definitions VALUES (?, ?, ?, ?, ?)", ("n-1", "module", "clean", 1, old_pack(Module("clean", "v1")))
    )
    database.execute("INSERT INTO runs (ref, archived, body) VALUES (?, ?, ?)", (record(1).ref, 1, old_pack(record(1))))
    database.execute("INSERT INTO counters VALUES (?, ?)", ("co2", 17))
    database.close()
    for _ in range(2):
        assert whole_or_refused(path) == ([record(1)], [Module("clean", "v1")], [], {"co2": 17})


def test_B10_a_damaged_store_of_the_first_version_is_refused_and_not_brought_up(path: str) -> None:
    database = old_store(path)
    database.execute("UPDATE runs SET body = zeroblob(30)")
    database.close()
    for _ in range(2):
        assert whole_or_refused(path) is None
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


def whole_or_refused(path: str) -> Content | None:
    """What it gives; None when it refuses, at the start or when it is read."""
    try:
        store = SqliteStore(path)
    except EnvironmentFailed:
        return None
    try:
        spaces = ["", *(workspace.id for workspace in store.workspaces())]
        modules = [module for space in spaces for module in store.modules(space)]
        flows = [flow for space in spaces for flow in store.flows(space)]
        return store.runs(), modules, flows, store.counters()
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
