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
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.cache import BUILD, INTERPRETER, cache_directory, identity_of, locked, wanted
from floe_jupyter.runner.environments.tools import request_of, tool_of
from floe_jupyter.wire.dependencies import problem_of
from floe_jupyter.wire.process_context import ProcessContext


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
    context = ProcessContext(interpreter=os.environ.get(INTERPRETER, ""))
    name = wanted(lang, deps, context, build=build)
    with _alone(name):
        if locked(lang, deps, context, build=build) is not None:
            return
        tell(f"resolving {' '.join(deps)}")
        with _scratch() as scratch:
            tool, request = tool_of(lang), request_of(lang, deps, scratch, context.interpreter, build=build)
            lock = tool.lock(request)
            identity = (lang, *identity_of(lang, context), sys.version, lock, *["build"] * build)
            digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
            directory = os.path.join(cache_directory(), "environments", f"{lang}-{digest}")
            if not os.path.isdir(directory):
                tell(f"installing {' '.join(deps)}")
                _move(tool.install(request), directory)
        _record(name, {"directory": directory, "hash": digest, "lock": lock, "deps": deps})


def tell(text: str) -> None:
    """Print the progress as a JSON line."""
    print(json.dumps({"text": text}), flush=True)


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
