"""Join files: what a machine needs to join a dispatcher as a runner. They hold a secret key and belong to one user."""

from __future__ import annotations

import os
import re
import stat

import msgspec

from floe_jupyter.errors import DefinitionError, EnvironmentFailed

SUFFIX = ".join"
_KEY = re.compile(r"[0-9a-f]{64}\Z")


class JoinFile(msgspec.Struct, omit_defaults=True):
    """Content of a join file. `repr` leaves out the secret."""

    public: str
    secret: str
    server: str = ""
    """Public key of the dispatcher."""
    endpoint: str = ""

    def __repr__(self) -> str:
        return f"JoinFile({self.public!r}, {self.server!r}, {self.endpoint!r})"


def new_pair() -> JoinFile:
    """Return a new pair of keys."""
    import zmq
    from zmq.utils import z85

    public, secret = (z85.decode(key).hex() for key in zmq.curve_keypair())
    return JoinFile(public, secret)


def is_key(text: str) -> bool:
    """Return whether a text is a key: 64 hexadecimal digits, which no shell and no magic reads otherwise."""
    return _KEY.match(text) is not None


def read_join_file(path: str) -> JoinFile:
    """Return the content of a join file. Raises `EnvironmentFailed` and `DefinitionError` with the cure."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise DefinitionError(f"other users may read the secret key in {path}: chmod 600 {path}")
            found = msgspec.json.decode(file.read(4_096), type=JoinFile)
    except OSError as error:
        raise EnvironmentFailed(f"the join file {path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError:
        raise DefinitionError(f"{path} is no join file: `floe keys add NAME` on the dispatcher's machine writes one") from None
    if not all(is_key(key) for key in (found.public, found.secret, found.server) if key):
        raise DefinitionError(f"a key in {path} is damaged: copy the file again, or make another one with `floe keys add NAME`")
    return found


def write_private(path: str, content: bytes) -> None:
    """Write a file that only its user may read; it is complete or not there. Raises OSError."""
    new = f"{path}.new-{os.getpid()}"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
