"""Makes the environment of a module: ``python -m floe_jupyter.runner.make_environment LANG SPEC...``

A process of its own, for it waits for tools and networks. It says what it does as JSON lines on standard output and ends
with status 0, or with a line {"error": ...} and status 1. Makers of the same environment wait for each other; what is half
made is never seen under its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments import cache_directory, locked, wanted
from floe_jupyter.runner.languages import executable, npm

_OFFLINE = ("dns error", "failed to fetch", "network", "enotfound", "eai_again", "econnrefused", "connection", "etimedout",
            "network connectivity is disabled", "--offline", "enotcached")


def main(arguments: Sequence[str]) -> int:
    lang, deps = arguments[0], tuple(arguments[1:])
    try:
        make(lang, deps)
    except (EnvironmentFailed, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


def make(lang: str, deps: tuple[str, ...]) -> None:
    """Lock and install; nothing happens where that is done already. Raises EnvironmentFailed or OSError."""
    for spec in deps:
        if spec.startswith("-") or not spec.isprintable():
            raise EnvironmentFailed(f"{spec!r} is no dependency but an option; name packages, like numpy or lodash@4")
    name = wanted(lang, deps)
    with _alone(name):
        if locked(lang, deps) is not None:
            return
        tell(f"resolving {' '.join(deps)}")
        with _scratch() as scratch:
            lock = {"python": lock_python, "js": lock_js}[lang](scratch, deps)
            digest = hashlib.sha256(f"{lang}\n{executable(lang)}\n{sys.version}\n{lock}".encode()).hexdigest()[:16]
            directory = os.path.join(cache_directory(), "environments", f"{lang}-{digest}")
            if not os.path.isdir(directory):
                tell(f"installing {' '.join(deps)}")
                made = {"python": install_python, "js": install_js}[lang](scratch)
                _move(made, directory)
        _record(name, {"directory": directory, "hash": digest, "lock": lock, "deps": deps})


def tell(text: str) -> None:
    print(json.dumps({"text": text}), flush=True)


# --- Python ----------------------------------------------------------------------------------------------------------------


def lock_python(scratch: str, deps: tuple[str, ...]) -> str:
    """The text of a requirements file with the hash of every package."""
    wishes = os.path.join(scratch, "wishes.txt")
    with open(wishes, "w", encoding="utf-8") as file:
        file.write("\n".join(deps) + "\n")
    lock = os.path.join(scratch, "lock.txt")
    _run([_uv(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", sys.executable,
          "--output-file", lock, wishes], deps)
    with open(lock, encoding="utf-8") as file:
        return file.read()


def install_python(scratch: str) -> str:
    directory = os.path.join(scratch, "environment")
    lock = os.path.join(scratch, "lock.txt")
    _run([_uv(), "venv", "--quiet", "--relocatable", "--python", sys.executable, directory], ())
    _run([_uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", os.path.join(directory, "bin", "python"), lock], ())
    return directory


def _uv() -> str:
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise EnvironmentFailed("uv is missing, which installs the dependencies of Python modules: pip install uv")
    return found


# --- JavaScript ------------------------------------------------------------------------------------------------------------


def lock_js(scratch: str, deps: tuple[str, ...]) -> str:
    """The text of package-lock.json."""
    with open(os.path.join(scratch, "package.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "floe-environment", "private": True}, file)
    _run([*npm(), "install", "--package-lock-only", *_NPM, *deps], deps, scratch)
    with open(os.path.join(scratch, "package-lock.json"), encoding="utf-8") as file:
        return file.read()


def install_js(scratch: str) -> str:
    """Packages' own install scripts never run."""
    directory = os.path.join(scratch, "environment")
    os.mkdir(directory)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(scratch, name), directory)
    _run([*npm(), "ci", *_NPM], (), directory)
    return directory


_NPM = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier")


# --- both ------------------------------------------------------------------------------------------------------------------


def _run(command: list[str], deps: tuple[str, ...], cwd: str | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentFailed(explain(done.stderr or done.stdout, deps))


def explain(text: str, deps: tuple[str, ...]) -> str:
    """What the tool said last, and what to do about it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = "\n".join(lines[-8:]) or "the tool said nothing"
    if any(sign in text.lower() for sign in _OFFLINE):
        cure = "is this machine offline? Connect once: what is installed then is found again without a network"
    else:
        cure = "check the names and versions in --deps"
    wishes = f"cannot install {' '.join(deps)}" if deps else "cannot install what was locked"
    return f"{wishes}: {cure}.\n{said}"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    directory = os.path.join(cache_directory(), "locks")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, f"{name}.making"), "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("waiting for another process that makes the same environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch() -> Iterator[str]:
    """A directory on the same file system, so that renaming is one step."""
    base = os.path.join(cache_directory(), "environments")
    os.makedirs(base, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=base) as directory:
        yield directory


def _move(made: str, directory: str) -> None:
    try:
        os.rename(made, directory)
    except OSError:
        if not os.path.isdir(directory):  # else another maker was faster: theirs is as good
            raise


def _record(name: str, known: dict[str, object]) -> None:
    path = os.path.join(cache_directory(), "locks", f"{name}.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(known, file)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
