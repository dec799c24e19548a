"""The packages of a runner as one archive, for the Python of another machine.

They are floe-jupyter as it runs here, and the three packages that a runner imports: as installed here where the other Python is
of the same version and machine, else downloaded for it by pip.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import NamedTuple

from floe_jupyter import _version
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.shipped import runtimes_directory

PACKAGES = ("pyzmq", "msgspec", "orjson")
"""Packages that a runner imports."""
NOT_SENT = frozenset(
    {"__pycache__", "static", "labextension", "_examples", "_runtimes", "kernel", "server", "cli", "dispatcher", "tests"}
)
"""Folders of the package that a runner does not need."""
DOWNLOAD_WITHIN = 120.0
"""Seconds that pip gets."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""Time of all entries: equal contents make an equal archive."""


class OtherPython(NamedTuple):
    """Python of another machine."""

    version: tuple[int, int]
    platform: str
    """``cpython-311-linux-x86_64``."""
    libc: str
    """``glibc 2.36``; empty for another library than that of GNU."""

    @property
    def same(self) -> bool:
        """True if packages installed here run there."""
        ours = f"{sys.implementation.cache_tag}-{sys.platform}-{os.uname().machine}"
        return self.platform == ours and self.libc.startswith("glibc") and "CS_GNU_LIBC_VERSION" in os.confstr_names


def key_of(other: OtherPython) -> str:
    """Return the name of the environment on the other machine: another version of any part has another name."""
    versions = " ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    text = hashlib.sha256(f"{versions} {other.platform} {other.libc.partition(' ')[0]} ".encode())
    for name, path in _own_files():
        text.update(name.encode())
        with open(path, "rb") as file:
            text.update(file.read())
    return text.hexdigest()[:20]


def archive_for(other: OtherPython) -> bytes:
    """Return the archive of all packages. Raises `EnvironmentFailed`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, _own_files())
        if other.same:
            _add(archive, _installed_files())
        else:
            for wheel in _downloaded(other):
                _copy(archive, wheel)
    return target.getvalue()


def _add(archive: zipfile.ZipFile, files: Iterable[tuple[str, str]]) -> None:
    for name, path in files:
        with open(path, "rb") as file:
            archive.writestr(zipfile.ZipInfo(name, _TIME), file.read(), zipfile.ZIP_DEFLATED)


def _copy(archive: zipfile.ZipFile, wheel: str) -> None:
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            archive.writestr(zipfile.ZipInfo(name, _TIME), opened.read(name), zipfile.ZIP_DEFLATED)


def _own_files() -> Iterator[tuple[str, str]]:
    """Yield name in the archive and path of the files of floe-jupyter that a runner needs."""
    yield from _below(os.path.dirname(os.path.abspath(_version.__file__)), "floe_jupyter")
    yield from _below(runtimes_directory(), "floe_jupyter/_runtimes")


def _below(root: str, name: str) -> Iterator[tuple[str, str]]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_SENT)
        inside = os.path.relpath(folder, root)
        for file in sorted(files):
            if not file.endswith((".pyc", ".so")):
                yield os.path.normpath(os.path.join(name, inside, file)), os.path.join(folder, file)


def _installed_files() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in metadata.distribution(package).files or ():
            if ".." not in path.parts and not NOT_SENT.intersection(path.parts):
                yield str(path), str(path.locate())


def _downloaded(other: OtherPython) -> list[str]:
    """Return the wheels for the other Python, from the cache of this user or by pip. Raises `EnvironmentFailed`."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    wanted = [f"{name}=={metadata.version(name)}" for name in PACKAGES]
    name = hashlib.sha256(f"{wanted} {other}".encode()).hexdigest()[:20]
    directory = os.path.join(root, "floe-jupyter", "wheels", name)
    found = glob.glob(os.path.join(directory, "*.whl"))
    if len(found) < len(PACKAGES):
        _download(wanted, other, directory)
        found = glob.glob(os.path.join(directory, "*.whl"))
    return sorted(found)


def _download(wanted: list[str], other: OtherPython, directory: str) -> None:
    machine = other.platform.rpartition("-")[2]
    kind = ("manylinux_2_28", "manylinux2014") if other.libc.startswith("glibc") else ("musllinux_1_2", "musllinux_1_1")
    platforms = [word for name in kind for word in ("--platform", f"{name}_{machine}")]
    version = ".".join(map(str, other.version))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-version", version, *platforms, "--dest", directory, *wanted]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DOWNLOAD_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailed(
            f"pip could not download {', '.join(wanted)} for Python {version} on {machine}: {error}"
        ) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EnvironmentFailed(
            f"pip could not download {', '.join(wanted)} for Python {version} on {machine}: {said}; with a Python there of the "
            f"version here ({sys.version_info[0]}.{sys.version_info[1]}) nothing has to be downloaded"
        )
