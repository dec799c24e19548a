"""Maker of the environment of a module: ``python -m floe_jupyter.runner.environments.make [--build-deps] LANG SPEC...``

A process of its own, because of the waits for tools and networks. Progress is printed as JSON lines on standard output; the
process ends with status 0, or with a line {"error": ...} and status 1. Makers of the same environment wait for each other; an
unfinished environment never stands under the final name. No code of a package runs during the installation, unless the module
asks for build steps.
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
from floe_jupyter.runner.environments.cache import BUILD, INTERPRETER, cache_directory, identity_of, locked, wanted
from floe_jupyter.runner.runtimes.languages import npm
from floe_jupyter.wire.dependencies import problem_of
from floe_jupyter.wire.process_context import ProcessContext

TOOL_WITHIN = 900.0
"""Seconds given to a tool to resolve or to install: large packages over slow networks take minutes."""
_SOURCE_ONLY = (
    "building from source is disabled",
    "no-build",
    "only-binary",
    "no usable wheels",
    "no wheels with a matching",
    "has no wheels",
)
_OFFLINE = (
    "dns error",
    "failed to fetch",
    "network",
    "enotfound",
    "eai_again",
    "econnrefused",
    "connection",
    "etimedout",
    "network connectivity is disabled",
    "--offline",
    "enotcached",
)


def main(arguments: Sequence[str]) -> int:
    """Make the environment named by the arguments; return the exit code."""
    build = arguments[0] == BUILD
    lang, *deps = arguments[build:]
    try:
        make(lang, tuple(deps), build=build)
    except (EnvironmentFailed, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


def make(lang: str, deps: tuple[str, ...], *, build: bool = False) -> None:
    """Lock and install the dependencies; no effect on an existing environment. Raises EnvironmentFailed or OSError."""
    if problem := problem_of(lang, deps, build=build):
        raise EnvironmentFailed(problem)
    context = _context()
    name = wanted(lang, deps, context, build=build)
    with _alone(name):
        if locked(lang, deps, context, build=build) is not None:
            return
        tell(f"resolving {' '.join(deps)}")
        with _scratch() as scratch:
            lock = {"python": lock_python, "js": lock_js}[lang](scratch, deps, build=build)
            identity = (lang, *identity_of(lang, context), sys.version, lock, *["build"] * build)
            digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
            directory = os.path.join(cache_directory(), "environments", f"{lang}-{digest}")
            if not os.path.isdir(directory):
                tell(f"installing {' '.join(deps)}")
                made = {"python": install_python, "js": install_js}[lang](scratch, build=build)
                _move(made, directory)
        _record(name, {"directory": directory, "hash": digest, "lock": lock, "deps": deps})


def _context() -> ProcessContext:
    return ProcessContext(interpreter=os.environ.get(INTERPRETER, ""))


def _python() -> str:
    """Return the interpreter for which an environment is made."""
    return _context().interpreter or sys.executable


def tell(text: str) -> None:
    """Print the progress as a JSON line."""
    print(json.dumps({"text": text}), flush=True)


# --- Python ----------------------------------------------------------------------------------------------------------------


def lock_python(scratch: str, deps: tuple[str, ...], *, build: bool = False) -> str:
    """Return the text of a requirements file with the hash of every package."""
    wishes = os.path.join(scratch, "wishes.txt")
    with open(wishes, "w", encoding="utf-8") as file:
        file.write("\n".join(deps) + "\n")
    lock = os.path.join(scratch, "lock.txt")
    _run(
        [
            _uv(),
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--python",
            _python(),
            *_built(build),
            "--output-file",
            lock,
            wishes,
        ],
        deps,
    )
    with open(lock, encoding="utf-8") as file:
        return file.read()


def install_python(scratch: str, *, build: bool = False) -> str:
    """Install the locked packages into a new virtual environment; return the directory."""
    directory = os.path.join(scratch, "environment")
    lock = os.path.join(scratch, "lock.txt")
    _run([_uv(), "venv", "--quiet", "--relocatable", "--python", _python(), directory], ())
    python = os.path.join(directory, "bin", "python")
    _run([_uv(), "pip", "sync", "--quiet", "--require-hashes", *_built(build), "--python", python, lock], ())
    return directory


def _built(build: bool) -> list[str]:
    """Return options of uv: building a package runs code of the package, even if only metadata are needed."""
    return [] if build else ["--only-binary", ":all:"]


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


def lock_js(scratch: str, deps: tuple[str, ...], *, build: bool = False) -> str:
    """Return the text of package-lock.json."""
    del build  # locking runs nothing
    with open(os.path.join(scratch, "package.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "floe-environment", "private": True}, file)
    _run([*npm(), "install", "--package-lock-only", "--ignore-scripts", *_NPM, "--", *deps], deps, scratch)
    with open(os.path.join(scratch, "package-lock.json"), encoding="utf-8") as file:
        return file.read()


def install_js(scratch: str, *, build: bool = False) -> str:
    """Install the locked packages; return the directory. Install scripts of packages run only on request of the module."""
    directory = os.path.join(scratch, "environment")
    os.mkdir(directory)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(scratch, name), directory)
    _run([*npm(), "ci", *([] if build else ["--ignore-scripts"]), *_NPM], (), directory)
    return directory


_NPM = (
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--no-update-notifier",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
    "--fetch-timeout=30000",
)
"""Options of npm; by default npm tries for more than a minute to reach a missing registry."""
_UV_VARIABLES = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "5"}
"""Variables to limit the retries of uv in the same manner, unless set by the user."""


# --- both ------------------------------------------------------------------------------------------------------------------


def _run(command: list[str], deps: tuple[str, ...], cwd: str | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=TOOL_WITHIN,
            stdin=subprocess.DEVNULL,
            env={**_UV_VARIABLES, **os.environ},
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(
            f"cannot install {' '.join(deps) or 'what was locked'}: {os.path.basename(command[0])} has not "
            f"ended within {TOOL_WITHIN:g} s; look whether its registry answers, then try again"
        ) from None
    if done.returncode:
        raise EnvironmentFailed(explain(done.stderr or done.stdout, deps))


def explain(text: str, deps: tuple[str, ...]) -> str:
    """Return the last output of the tool, and the cure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = "\n".join(lines[-8:]) or "the tool said nothing"
    if any(sign in text.lower() for sign in _SOURCE_ONLY):
        cure = (
            "there is no built package of it for this Python and machine, and building one from source runs its code: add "
            "--build-deps to the module if you trust it, or name another version"
        )
    elif any(sign in text.lower() for sign in _OFFLINE):
        cure = "is this machine offline? Connect once: what is installed then is found again without a network"
    else:
        cure = "check the names and versions in --deps"
    wishes = f"cannot install {' '.join(deps)}" if deps else "cannot install what was locked"
    return f"{wishes}: {cure}.\n{said}"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    directory = os.path.join(cache_directory(), "locks")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"{name}.making")
    while True:
        with open(path, "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell("waiting for another process that makes the same environment")
                fcntl.flock(file, fcntl.LOCK_EX)
            if not os.fstat(file.fileno()).st_nlink:
                continue  # the previous holder removed the file at its end: open a new one
            try:
                yield
            finally:
                os.unlink(path)
            return


@contextmanager
def _scratch() -> Iterator[str]:
    """Make a temporary directory on the same file system, for renaming in a single step."""
    base = os.path.join(cache_directory(), "environments")
    os.makedirs(base, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=base) as directory:
        yield directory


def _move(made: str, directory: str) -> None:
    try:
        os.rename(made, directory)
    except OSError:
        if not os.path.isdir(directory):  # else another maker was faster, and its environment is as good
            raise


def _record(name: str, known: dict[str, object]) -> None:
    path = os.path.join(cache_directory(), "locks", f"{name}.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(known, file)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
