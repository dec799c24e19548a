"""Packages of uv: locked in a requirements file with hashes, installed in a virtual environment."""

from __future__ import annotations

import os
import re

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.tools import Cure, PackageRequest, run
from floe_jupyter.wire.uv_program import bring_uv, find_uv

_VARIABLES = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "5"}
"""Variables to limit the retries of uv, unless set by the user."""
_PINNED = re.compile(r"^[A-Za-z0-9][^\s;\\#]*(?: @ [^\s;\\#]+)?", re.MULTILINE)
"""Pattern of a package at the beginning of a line; hashes and comments follow the package, or are indented."""
_SOURCE_ONLY = Cure(
    (
        "building from source is disabled",
        "no-build",
        "only-binary",
        "no usable wheels",
        "no wheels with a matching",
        "has no wheels",
    ),
    "there is no built package of it for this Python and machine, and building one from source runs its code: add "
    "--build-deps to the module if you trust it, or name another version",
)


def lock(request: PackageRequest) -> str:
    """Return the text of a requirements file with the hash of every package."""
    wanted, locked = (os.path.join(request.scratch, name) for name in ("wanted.txt", "lock.txt"))
    with open(wanted, "w", encoding="utf-8") as file:
        file.write("\n".join(request.deps) + "\n")
    options = ["--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--python", request.interpreter]
    _run(["pip", "compile", *options, *_built(build=request.build), "--output-file", locked, wanted], request, request.deps)
    with open(locked, encoding="utf-8") as file:
        return file.read()


def install(request: PackageRequest) -> str:
    """Install the locked packages into a new virtual environment; return the directory."""
    directory = os.path.join(request.scratch, "environment")
    _run(["venv", "--quiet", "--relocatable", "--python", request.interpreter, directory], request)
    program = os.path.join(directory, request.language.program.environment)
    locked = os.path.join(request.scratch, "lock.txt")
    _run(["pip", "sync", "--quiet", "--require-hashes", *_built(build=request.build), "--python", program, locked], request)
    return directory


def packages(lock: str) -> list[str]:
    r"""Return the packages of a lock with their versions.

    >>> packages("six==1.16.0 \\\n    --hash=sha256:1e61\n    # via a\n")
    ['six==1.16.0']
    """
    return _PINNED.findall(lock)


def _built(*, build: bool) -> list[str]:
    """Return options of uv: building a package runs code of the package, even if only metadata are needed."""
    return [] if build else ["--only-binary", ":all:"]


def _run(arguments: list[str], request: PackageRequest, deps: tuple[str, ...] = ()) -> None:
    run([_uv(request), *arguments], deps, variables=_VARIABLES, cures=(_SOURCE_ONLY,))


def _uv(request: PackageRequest) -> str:
    found = find_uv()
    problem = ""
    if not found:
        found, problem = bring_uv(request.scratch)
    if not found:
        raise EnvironmentFailed(
            f"uv is missing, which installs the dependencies of {request.language.title} modules: pip install uv"
            f"{' (' * bool(problem)}{problem}{')' * bool(problem)}"
        )
    return found
