"""Tools that lock and install the packages of modules, one module each: `uv`, `npm`, or a file in the folder of a language.

A tool has three functions: ``lock(request)`` returns the text of the lock, ``install(request)`` installs the locked packages
below ``request.scratch`` and returns the directory, ``packages(lock)`` lists the packages of a lock with their versions.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, Protocol, cast

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.languages import Dependencies, Language, declared, with_runtime

TOOL_WITHIN = 900.0
"""Seconds given to a tool to resolve or to install: large packages over slow networks take minutes."""


class PackageRequest(NamedTuple):
    """Packages wanted by a module."""

    language: Language
    rules: Dependencies
    deps: tuple[str, ...]
    scratch: str
    """Temporary directory, the same for locking and installing."""
    interpreter: str
    """Path of the kernel's Python."""
    build: bool = False
    """True if packages may be built from source, and may run their code while being installed."""


class Tool(Protocol):
    """Functions of a tool's module."""

    def lock(self, request: PackageRequest) -> str:
        """Return the text of the lock. Raises EnvironmentFailed."""

    def install(self, request: PackageRequest) -> str:
        """Install the locked packages; return the directory. Raises EnvironmentFailed."""

    def packages(self, lock: str) -> list[str]:
        """Return the packages of a lock with their versions."""


class Cure(NamedTuple):
    """Cure for a failure of a tool, recognized by its words in lower case."""

    signs: tuple[str, ...]
    text: str


_OFFLINE = Cure(
    (
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
    ),
    "is this machine offline? Connect once: what is installed then is found again without a network",
)


@cache
def tool_of(lang: str) -> Tool:
    """Return the tool of a language. Raises EnvironmentFailed for a language without packages."""
    name = rules_of(lang).tool
    path = os.path.join(declared(lang).folder, f"{name}.py")
    if not os.path.exists(path):
        return cast("Tool", importlib.import_module(f"{__package__}.{name}"))
    spec = importlib.util.spec_from_file_location(f"{__package__}._{lang}", path)
    assert spec is not None
    assert spec.loader is not None
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    return cast("Tool", own)


def has_packages(lang: str) -> bool:
    """Return True if modules of the language can have dependencies."""
    return lang in with_runtime() and declared(lang).dependencies is not None


def rules_of(lang: str) -> Dependencies:
    """Return the rules for packages of a language. Raises EnvironmentFailed for a language without packages."""
    rules = declared(lang).dependencies
    if rules is None:
        others = [name for name in with_runtime() if has_packages(name)]
        raise EnvironmentFailed(f"{lang!r} modules cannot have dependencies here; those of {', '.join(others)} can")
    return rules


def request_of(lang: str, deps: tuple[str, ...], scratch: str, interpreter: str = "", *, build: bool = False) -> PackageRequest:
    """Return the request for packages; the kernel's Python is by default this process's."""
    return PackageRequest(declared(lang), rules_of(lang), deps, scratch, interpreter or sys.executable, build)


def run(
    command: list[str],
    deps: tuple[str, ...],
    cwd: str | None = None,
    *,
    variables: Mapping[str, str] | None = None,
    cures: tuple[Cure, ...] = (),
) -> None:
    """Run the command of a tool. Raises EnvironmentFailed with the last output and a cure."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=TOOL_WITHIN,
            stdin=subprocess.DEVNULL,
            env={**(variables or {}), **os.environ},
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(
            f"cannot install {' '.join(deps) or 'what was locked'}: {os.path.basename(command[0])} has not "
            f"ended within {TOOL_WITHIN:g} s; look whether its registry answers, then try again"
        ) from None
    if done.returncode:
        raise EnvironmentFailed(explain(done.stderr or done.stdout, deps, cures))


def explain(text: str, deps: tuple[str, ...], cures: tuple[Cure, ...] = ()) -> str:
    """Return the last output of the tool, and the cure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = "\n".join(lines[-8:]) or "the tool printed no output"
    fitting = (cure.text for cure in (*cures, _OFFLINE) if any(sign in text.lower() for sign in cure.signs))
    problem = f"cannot install {' '.join(deps)}" if deps else "cannot install what was locked"
    return f"{problem}: {next(fitting, 'check the names and versions in --deps')}.\n{said}"
