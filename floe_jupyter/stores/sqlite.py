"""The embedded store: one SQLite file, written ahead (WAL) and flushed to the disk at every commit.

A file that was cut or damaged gives what was committed before the damage, or a refusal that says what to do: never
silently less. SQLite does not notice a changed byte inside a value, so every value carries a checksum.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from zlib import crc32

import msgspec

from floe_jupyter.core.model import Flow, Module
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores import ARCHIVED, kind_of
from floe_jupyter.wire.replies import RunInfo

SCHEMA = 1
"""The version of the tables. A file of a later one is refused, of an earlier one brought up."""
VERSIONS = 20
"""So many versions of a definition are kept."""
_TABLES = """
CREATE TABLE definitions (kind TEXT, name TEXT, version INTEGER, body BLOB, PRIMARY KEY (kind, name, version)) WITHOUT ROWID;
CREATE TABLE runs (number INTEGER PRIMARY KEY, ref TEXT UNIQUE, archived INTEGER, body BLOB);
CREATE TABLE counters (flow TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;
"""
_PUT_RUN = """INSERT INTO runs (ref, archived, body) VALUES (?, ?, ?)
ON CONFLICT (ref) DO UPDATE SET archived = excluded.archived, body = excluded.body WHERE NOT archived"""
_NEWEST = """SELECT body FROM definitions AS d WHERE kind = ? AND version =
(SELECT max(version) FROM definitions WHERE kind = d.kind AND name = d.name) ORDER BY name"""

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def _explained(method: Callable[P, R]) -> Callable[P, R]:
    """SQLite's complaints, with the file and the cure."""
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
        return EnvironmentFailed(f"{path} cannot be written ({error.strerror}); make {folder} a directory that can be written, "
                                 "or set XDG_DATA_HOME to one")
    if "disk is full" in text:
        return EnvironmentFailed(f"the disk of {folder} is full ({text}); make room, then go on")
    if "readonly" in text or "unable to open" in text or "permission" in text.lower():
        return EnvironmentFailed(f"{path} cannot be written ({text}); make {folder} writable, or set XDG_DATA_HOME to a "
                                 "directory that is")
    if "locked" in text:
        return EnvironmentFailed(f"{path} is in use by another process ({text}); end that dispatcher first")
    return EnvironmentFailed(f"the store {path} is damaged ({text}); move it away to start with an empty one, or restore "
                             "a copy; nothing was changed")


def _pack(value: Any) -> bytes:
    body = msgspec.msgpack.encode(value)
    return crc32(body).to_bytes(4, "big") + body


def _checked(packed: bytes) -> bytes:
    body = packed[4:]
    if crc32(body).to_bytes(4, "big") != packed[:4]:
        raise sqlite3.DatabaseError("a value whose checksum does not fit")
    return body


class SqliteStore:
    """`floe_jupyter.stores.Store` in a file. Refuses with `EnvironmentFailed` what it cannot read whole."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
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
        (problem,) = run("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = run("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()
        if os.path.getsize(self.path) < size:
            raise sqlite3.DatabaseError(f"{os.path.getsize(self.path)} bytes of {size}")
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        self._upgrade(version)

    def _upgrade(self, version: int) -> None:
        if version > SCHEMA:
            raise EnvironmentFailed(f"{self.path} was written by a later version (schema {version}, this one knows up to "
                                    f"{SCHEMA}); update floe-jupyter, or move the file away")
        if version == 0:
            if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise sqlite3.DatabaseError("tables without a version")
            for statement in _TABLES.strip().split(";\n"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {SCHEMA}")
        self._database.execute("COMMIT")

    def _begin(self) -> sqlite3.Connection:
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def _unpacked(self, kind: type[T], query: str, arguments: tuple[str, ...]) -> list[T]:
        decode = msgspec.msgpack.Decoder(kind).decode
        return [decode(_checked(body)) for (body,) in self._database.execute(query, arguments)]

    @_explained
    def put_definition(self, definition: Module | Flow) -> None:
        kind = kind_of(definition)
        row = (kind, definition.name, definition.version, _pack(definition))
        database = self._begin()
        database.execute("INSERT OR REPLACE INTO definitions VALUES (?, ?, ?, ?)", row)
        database.execute("DELETE FROM definitions WHERE kind = ? AND name = ? AND version <= ?",
                         (kind, definition.name, definition.version - VERSIONS))

    @_explained
    def modules(self) -> list[Module]:
        return self._unpacked(Module, _NEWEST, ("module",))

    @_explained
    def flows(self) -> list[Flow]:
        return self._unpacked(Flow, _NEWEST, ("flow",))

    @_explained
    def put_runs(self, records: Iterable[RunInfo]) -> None:
        rows = [(r.ref, r.status in ARCHIVED, _pack(r)) for r in records]
        self._begin().executemany(_PUT_RUN, rows)

    @_explained
    def runs(self) -> list[RunInfo]:
        return self._unpacked(RunInfo, "SELECT body FROM runs ORDER BY number", ())

    @_explained
    def drop_runs(self, refs: Iterable[str]) -> None:
        self._begin().executemany("DELETE FROM runs WHERE ref = ?", [(ref,) for ref in refs])

    @_explained
    def put_counter(self, flow: str, number: int) -> None:
        self._begin().execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (flow, number))

    @_explained
    def counters(self) -> dict[str, int]:
        return dict(self._database.execute("SELECT flow, number FROM counters").fetchall())

    @_explained
    def commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    @_explained
    def close(self) -> None:
        try:
            self.commit()
        finally:
            self._database.close()
