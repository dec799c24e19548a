"""The allow-list: the dispatcher's own keys, and the keys that may join, in a file that only its user may read."""

from __future__ import annotations

import contextlib
import os
import re
import time

import msgspec

from floe_jupyter.errors import DefinitionError, EnvironmentFailed, unknown
from floe_jupyter.wire.join_files import SUFFIX, JoinFile, is_key, new_pair, write_private

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


class AllowedKey(msgspec.Struct, frozen=True):
    """A key that may join."""

    name: str
    public: str
    added: float
    """Seconds since 1970."""


class _Content(msgspec.Struct):
    """Content of the file."""

    public: str
    secret: str
    endpoint: str = ""
    """Address at which the dispatcher listens; empty: it does not."""
    keys: list[AllowedKey] = []


class AllowList:
    """The keys in *directory*, read when made and written at each change. Raises `EnvironmentFailed`."""

    def __init__(self, directory: str) -> None:
        self._directory, self._path = directory, path_in(directory)
        self._content = self._read()
        self._index()

    @property
    def keys(self) -> list[AllowedKey]:
        """All keys that may join, in the order of their names."""
        return sorted(self._content.keys, key=lambda key: key.name)

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """Public and secret key of the dispatcher."""
        return bytes.fromhex(self._content.public), bytes.fromhex(self._content.secret)

    @property
    def endpoint(self) -> str:
        """Address at which the dispatcher listens; empty: it does not."""
        return self._content.endpoint

    @endpoint.setter
    def endpoint(self, endpoint: str) -> None:
        """Keep another address, or none."""
        self._content.endpoint = endpoint
        self._write()

    def name_of(self, public: str) -> str:
        """Return the name of a key; empty for one that may not join."""
        return self._names.get(public, "")

    def named(self, name: str) -> AllowedKey:
        """Return the key of a name. Raises `UnknownName`."""
        found = next((key for key in self._content.keys if key.name == name), None)
        if found is None:
            raise unknown("key", name, [key.name for key in self._content.keys])
        return found

    def add(self, name: str, public: str, reachable: str) -> str:
        """Add a key, or a new pair of keys if *public* is empty; return the path of the join file for the other machine.

        Raises `DefinitionError` and `EnvironmentFailed`.
        """
        self._check(name, public)
        made = JoinFile(public, "") if public else new_pair()
        file = JoinFile(made.public, made.secret, self._content.public, reachable)
        self._content.keys.append(AllowedKey(name, made.public, time.time()))
        self._write()
        self._index()
        path = self._join_file(name)
        self._save(path, msgspec.json.encode(file))
        return path

    def revoke(self, name: str) -> AllowedKey:
        """Remove a key and its join file; return the key. Raises `UnknownName` and `EnvironmentFailed`."""
        key = self.named(name)
        self._content.keys.remove(key)
        self._index()
        self._write()
        with contextlib.suppress(FileNotFoundError):  # the user has moved it to the other machine
            os.unlink(self._join_file(name))
        return key

    def _check(self, name: str, public: str) -> None:
        if not _NAME.match(name):
            raise DefinitionError(f"{name!r} names no key: write small letters, digits, - and _, such as lab1")
        if public and not is_key(public):
            raise DefinitionError(f"{public!r} is no public key: `floe runner --new-key FILE` on the other machine prints one")
        for key in self._content.keys:
            if key.name == name:
                raise DefinitionError(
                    f"there is a key {name} already: `floe keys revoke {name}` removes it; or choose another name"
                )
            if key.public == public:
                raise DefinitionError(f"this key is listed already, as {key.name}")

    def _join_file(self, name: str) -> str:
        return os.path.join(self._directory, f"{name}{SUFFIX}")

    def _index(self) -> None:
        self._names = {key.public: key.name for key in self._content.keys}

    def _read(self) -> _Content:
        try:
            with open(self._path, "rb") as file:
                return msgspec.json.decode(file.read(), type=_Content)
        except FileNotFoundError:
            pair = new_pair()
            return _Content(pair.public, pair.secret)
        except (OSError, msgspec.MsgspecError) as error:
            raise EnvironmentFailed(f"the keys in {self._path} cannot be read: {error}; repair or remove the file") from error

    def _write(self) -> None:
        self._save(self._path, msgspec.json.format(msgspec.json.encode(self._content)))

    def _save(self, path: str, content: bytes) -> None:
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            write_private(path, content)
        except OSError as error:
            raise EnvironmentFailed(f"{path} cannot be written: {error.strerror}") from error


def path_in(directory: str) -> str:
    """Return the path of the file with the keys."""
    return os.path.join(directory, "keys.json")
