"""The embedded store: one SQLite file, written ahead (WAL) and flushed to the disk at every commit.

A cut or damaged file gives the data committed before the damage, or a refusal with the cure: never silently less. SQLite does not
notice a changed byte inside a value, therefore every value carries a checksum over the value and its key; all checksums are
verified when the file is opened. A new file gets its name when complete, so an empty file is a damaged file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from zlib import crc32

import msgspec

from floe_jupyter.core.flow.model import Flow, Module
from floe_jupyter.core.run_life import is_over
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import Kind, kind_of
from floe_jupyter.wire.control.replies import RunInfo
from floe_jupyter.wire.control.workspaces import EARLIER, Workspace

SCHEMA = 3
"""Version of the tables. A file of a later version is refused, a file of an earlier version is upgraded."""
VERSIONS = 20
"""Maximum number of versions kept of a definition."""
_TABLES = """
CREATE TABLE definitions (workspace TEXT, kind TEXT, name TEXT, version INTEGER, body BLOB,
PRIMARY KEY (workspace, kind, name, version)) WITHOUT ROWID;
CREATE TABLE workspaces (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, ref TEXT UNIQUE, archived INTEGER, body BLOB);
CREATE TABLE counters (flow TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
"""
_TO_2 = """
ALTER TABLE definitions RENAME TO former;
CREATE TABLE definitions (workspace TEXT, kind TEXT, name TEXT, version INTEGER, body BLOB,
PRIMARY KEY (workspace, kind, name, version)) WITHOUT ROWID;
INSERT INTO definitions SELECT 'earlier', kind, name, version, body FROM former;
DROP TABLE former;
CREATE TABLE workspaces (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
"""
"""Upgrade from schema 1: definitions without a workspace go to a workspace ``earlier``."""
_TO_3 = """
ALTER TABLE counters RENAME TO former;
CREATE TABLE counters (flow TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
"""
"""Upgrade from schema 2: counters get checksums, too (and the checksums of all other tables cover the keys)."""
_KEYS = {
    "definitions": ("workspace", "kind", "name", "version"),
    "workspaces": ("id",),
    "runs": ("ref", "archived"),
    "counters": ("flow",),
}
"""Columns covered by the checksum of a row's body."""
_PUT_RUN = """INSERT INTO runs (ref, archived, body) VALUES (?, ?, ?)
ON CONFLICT (ref) DO UPDATE SET archived = excluded.archived, body = excluded.body WHERE NOT archived"""
_NEWEST = """SELECT body FROM definitions AS d WHERE workspace = ? AND kind = ? AND version =
(SELECT max(version) FROM definitions WHERE workspace = d.workspace AND kind = d.kind AND name = d.name) ORDER BY name"""

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def _explained(method: Callable[P, R]) -> Callable[P, R]:
    """Turn errors of SQLite into `EnvironmentFailed` with the file and the cure."""

    @wraps(method)
    def explained(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (sqlite3.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            store: Any = args[0]
            raise _explain(store.path, error) from error

    return explained


def _explain(path: str, error: Exception) -> EnvironmentFailed:
    folder = os.path.dirname(path)
    text = str(error)
    if isinstance(error, OSError):
        return EnvironmentFailed(
            f"{path} cannot be written ({error.strerror}); make {folder} a directory that can be written, "
            "or set XDG_DATA_HOME to one"
        )
    if "disk is full" in text:
        return EnvironmentFailed(f"the disk of {folder} is full ({text}); make room, then go on")
    if "readonly" in text or "unable to open" in text or "permission" in text.lower():
        return EnvironmentFailed(
            f"{path} cannot be written ({text}); make {folder} writable, or set XDG_DATA_HOME to a directory that is"
        )
    if "locked" in text:
        return EnvironmentFailed(f"{path} is in use by another process ({text}); end that dispatcher first")
    return EnvironmentFailed(
        f"the store {path} is damaged ({text}); move it away to start with an empty one, or restore a copy; nothing was changed"
    )


def _pack(value: Any, *key: str | int) -> bytes:
    """Return a value behind the checksum over the value and its *key*."""
    return _sealed(msgspec.msgpack.encode(value), key)


def _sealed(body: bytes, key: tuple[str | int, ...]) -> bytes:
    return crc32(msgspec.msgpack.encode(key), crc32(body)).to_bytes(4, "big") + body


def _bare_checksum(body: bytes) -> bytes:
    """Return the checksum as used before schema 3."""
    return crc32(body).to_bytes(4, "big")


def _check(packed: bytes, key: tuple[str | int, ...]) -> None:
    if type(packed) is not bytes or _sealed(packed[4:], key) != packed:
        raise sqlite3.DatabaseError(f"a value whose checksum does not fit, of {' '.join(map(str, key))[:100]!r}")


def _run_all(database: sqlite3.Connection, statements: str) -> None:
    for statement in statements.strip().split(";\n"):
        database.execute(statement)


def _make(path: str) -> None:
    """Make a new file, which gets its name when complete and on the disk."""
    new = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(new)
    database = sqlite3.connect(new, isolation_level=None)
    try:
        os.chmod(new, 0o600)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN")
        _run_all(database, _TABLES)
        database.execute(f"PRAGMA user_version = {SCHEMA}")
        database.execute("COMMIT")
    finally:
        database.close()
    for former in ("-wal", "-shm"):  # the files of a database moved away would be taken for files of the new database
        with suppress(FileNotFoundError):
            os.rename(f"{path}{former}", f"{path}.former{former}")
    os.rename(new, path)


class SqliteStore:
    """`floe_jupyter.stores.Store` in a file. Refuses a file which cannot be read whole with `EnvironmentFailed`."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            if not os.path.lexists(path):
                _make(path)
            elif not os.path.getsize(path):
                raise sqlite3.DatabaseError("0 bytes")
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _explain(path, error) from error
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    @_explained
    def _prepare(self) -> None:
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        os.chmod(self.path, 0o600)
        (problem,) = run("PRAGMA integrity_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
        if os.path.getsize(self.path) < size:
            raise sqlite3.DatabaseError(f"{os.path.getsize(self.path)} bytes of {size}")
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        self._upgrade(version)
        for table, columns in _KEYS.items():
            for body, *key in run(f"SELECT body, {', '.join(columns)} FROM {table}"):  # noqa: S608 - names of ours
                _check(body, tuple(key))
        run("COMMIT")

    def _upgrade(self, version: int) -> None:
        if version > SCHEMA:
            raise EnvironmentFailed(
                f"{self.path} was written by a later version (schema {version}, this one knows up to "
                f"{SCHEMA}); update floe-jupyter, or move the file away"
            )
        if version == 0:
            raise sqlite3.DatabaseError("no version")
        if version == 1:
            _run_all(self._database, _TO_2)
            if self._database.execute("SELECT count(*) FROM definitions").fetchone()[0]:
                earlier = msgspec.msgpack.encode(Workspace(EARLIER, EARLIER, "file"))
                self._database.execute("INSERT INTO workspaces VALUES (?, ?)", (EARLIER, _bare_checksum(earlier) + earlier))
        if version < 3:
            self._seal_keys()
        if version < SCHEMA:
            self._database.execute(f"PRAGMA user_version = {SCHEMA}")

    def _seal_keys(self) -> None:
        """Upgrade from schema 2, in which the checksums covered the bodies alone, and counters had no checksums."""
        run = self._database.execute
        _run_all(self._database, _TO_3)
        for flow, number in run("SELECT flow, number FROM former").fetchall():
            run("INSERT INTO counters VALUES (?, ?)", (flow, _pack(number, flow)))
        run("DROP TABLE former")
        for table in ("definitions", "workspaces", "runs"):
            names = _KEYS[table]
            where = " AND ".join(f"{name} = ?" for name in names)
            for packed, *key in run(f"SELECT body, {', '.join(names)} FROM {table}").fetchall():  # noqa: S608 - names of ours
                if _bare_checksum(packed[4:]) != packed[:4]:
                    raise sqlite3.DatabaseError("a value whose checksum does not fit")
                run(f"UPDATE {table} SET body = ? WHERE {where}", (_sealed(packed[4:], tuple(key)), *key))  # noqa: S608

    def _begin(self) -> sqlite3.Connection:
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def _unpacked(self, kind: type[T], query: str, arguments: tuple[str, ...]) -> list[T]:
        decode = msgspec.msgpack.Decoder(kind).decode
        return [decode(body[4:]) for (body,) in self._database.execute(query, arguments)]

    @_explained
    def put_workspace(self, workspace: Workspace) -> None:
        """Insert or replace a workspace, by id."""
        packed = _pack(workspace, workspace.id)
        self._begin().execute("INSERT OR REPLACE INTO workspaces VALUES (?, ?)", (workspace.id, packed))

    @_explained
    def workspaces(self) -> list[Workspace]:
        """Return all workspaces put and not dropped."""
        return self._unpacked(Workspace, "SELECT body FROM workspaces ORDER BY id", ())

    @_explained
    def drop_workspace(self, workspace: str) -> None:
        """Forget a workspace and its definitions."""
        database = self._begin()
        database.execute("DELETE FROM workspaces WHERE id = ?", (workspace,))
        database.execute("DELETE FROM definitions WHERE workspace = ?", (workspace,))

    @_explained
    def put_definition(self, definition: Module | Flow, workspace: str = "") -> None:
        """Keep a version of a module or a flow, and drop versions older than the newest `VERSIONS`."""
        kind = kind_of(definition)
        key = (workspace, kind, definition.name, definition.version)
        row = (*key, _pack(definition, *key))
        database = self._begin()
        database.execute("INSERT OR REPLACE INTO definitions VALUES (?, ?, ?, ?, ?)", row)
        database.execute(
            "DELETE FROM definitions WHERE workspace = ? AND kind = ? AND name = ? AND version <= ?",
            (workspace, kind, definition.name, definition.version - VERSIONS),
        )

    @_explained
    def drop_definition(self, kind: Kind, name: str, workspace: str = "") -> None:
        """Forget all versions of a module or a flow."""
        self._begin().execute("DELETE FROM definitions WHERE workspace = ? AND kind = ? AND name = ?", (workspace, kind, name))

    @_explained
    def modules(self, workspace: str = "") -> list[Module]:
        """Return the newest version of every module of a workspace, by name."""
        return self._unpacked(Module, _NEWEST, (workspace, "module"))

    @_explained
    def flows(self, workspace: str = "") -> list[Flow]:
        """Return the newest version of every flow of a workspace, by name."""
        return self._unpacked(Flow, _NEWEST, (workspace, "flow"))

    @_explained
    def put_runs(self, records: Iterable[RunInfo]) -> None:
        """Insert or replace records, by ref; archived records do not change."""
        keys = [(r, (r.ref, int(is_over(r.status)))) for r in records]
        self._begin().executemany(_PUT_RUN, [(*key, _pack(record, *key)) for record, key in keys])

    @_explained
    def runs(self) -> list[RunInfo]:
        """Return all records, in the order of their first put."""
        return self._unpacked(RunInfo, "SELECT body FROM runs ORDER BY number", ())

    @_explained
    def drop_runs(self, refs: Iterable[str]) -> None:
        """Forget records."""
        self._begin().executemany("DELETE FROM runs WHERE ref = ?", [(ref,) for ref in refs])

    @_explained
    def put_counter(self, flow: str, number: int) -> None:
        """Note the run numbers of *flow* as given out up to *number*."""
        self._begin().execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (flow, _pack(number, flow)))

    @_explained
    def counters(self) -> dict[str, int]:
        """Return flow -> last number put."""
        found = self._database.execute("SELECT flow, body FROM counters").fetchall()
        return {flow: msgspec.msgpack.decode(body[4:], type=int) for flow, body in found}

    @_explained
    def commit(self) -> None:
        """Make all changes so far durable before returning."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    @_explained
    def close(self) -> None:
        """Commit and close the database."""
        try:
            self.commit()
        finally:
            self._database.close()
