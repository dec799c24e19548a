"""Sources of an image: a Dockerfile of a language's folder, and a directory of packages for the image's Python."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple

from floe_jupyter.containers.images import files
from floe_jupyter.containers.uv import required_uv
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import EnvironmentFailed, unknown
from floe_jupyter.wire.shipped import runtimes_directory

RUNNER_NEEDS = ("msgspec", "orjson", "pyzmq")
"""Packages that a runner imports, put into images in the versions of this installation."""
OURS = "floe-jupyter"
"""Name that stands for this package and `RUNNER_NEEDS` among the packages of a Dockerfile."""
_ARGUMENT = 'ARG {name}="?([^"\\n]*)'


class ImagePython(NamedTuple):
    """Python of an image, as reported by itself."""

    version: str
    machine: str
    libc: str
    """Version of the C library, as ``2_36``."""
    site: str
    """Directory of packages."""

    @property
    def platform(self) -> str:
        """Platform of packages in the words of uv."""
        return f"{self.machine}-manylinux_{self.libc}"


class Recipe(NamedTuple):
    """Dockerfile of a language."""

    language: str
    text: str

    @property
    def wheels(self) -> list[str]:
        """Requirements of the packages to be put into the image."""
        return self._words("WHEELS")

    @property
    def unused(self) -> list[str]:
        """Parts of the packages that no runner needs."""
        return self._words("UNUSED")

    @property
    def in_default(self) -> bool:
        """True if the default image has the language."""
        return self._words("IN_DEFAULT_IMAGE") == ["yes"]

    def _words(self, argument: str) -> list[str]:
        """Return the words of an argument's default; none for an argument that the Dockerfile does not name."""
        found = re.search(_ARGUMENT.format(name=argument), self.text)
        return found[1].split() if found else []


def available() -> list[str]:
    """Return the languages that have a Dockerfile, in alphabetical order."""
    return sorted(path.parent.name for path in Path(runtimes_directory()).glob("*/Dockerfile"))


def recipe(language: str) -> Recipe:
    """Return the Dockerfile of a language. Raises `UnknownName`."""
    if language not in available():
        raise unknown("language with a Dockerfile", language, available())
    return Recipe(language, (Path(runtimes_directory()) / language / "Dockerfile").read_text("utf-8"))


def default_languages() -> list[str]:
    """Return the languages of the default image, the kernel's own first."""
    return [DEFAULT_LANGUAGE, *(name for name in available() if name != DEFAULT_LANGUAGE and recipe(name).in_default)]


def fill_site(directory: Path, each: Recipe, python: ImagePython) -> None:
    """Fill *directory* with the packages of a Dockerfile for the Python of an image. Raises `EnvironmentFailed`."""
    wanted = [name for name in each.wheels if name != OURS]
    if OURS in each.wheels:
        copy_package(directory)
        wanted += [f"{name}=={version(name)}" for name in RUNNER_NEEDS]
    if wanted:
        _install(directory, wanted, python)
    for name in each.unused:
        shutil.rmtree(directory / name, ignore_errors=True)


def copy_package(directory: Path) -> None:
    """Copy the part of this package that a runner needs."""
    for name, path in files():
        target = directory / "floe_jupyter" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _install(directory: Path, requirements: list[str], python: ImagePython) -> None:
    command = [required_uv(), "pip", "install", "--quiet", "--target", str(directory), "--only-binary", ":all:", "--no-deps"]
    options = ["--python-version", python.version, "--python-platform", python.platform]
    done = subprocess.run([*command, *options, *requirements], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentFailed(
            f"the packages {', '.join(requirements)} for Python {python.version} of the image cannot be installed: "
            f"{' '.join(done.stderr.split())[-600:]}"
        )


def context(dockerfile: str, site: Path | None = None) -> IO[bytes]:
    """Return the tar archive that an engine builds from, a temporary file. Owners and times are left out, so equal files give
    equal layers.
    """
    archive = tempfile.TemporaryFile()  # noqa: SIM115 - for the caller to close
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        if site is not None:
            tar.add(site, "site", filter=_plain)
    archive.seek(0)
    return archive


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
