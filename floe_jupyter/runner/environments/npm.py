"""Packages of npm: locked in ``package-lock.json``, installed in ``node_modules``."""

from __future__ import annotations

import json
import os
import shutil

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.tools import PackageRequest, run
from floe_jupyter.runner.runtimes.languages import executable
from floe_jupyter.wire.languages import first_command

_OPTIONS = (
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
_INSTALLED = "node_modules/"


def lock(request: PackageRequest) -> str:
    """Return the text of package-lock.json. Locking runs no code of a package."""
    with open(os.path.join(request.scratch, "package.json"), "w", encoding="utf-8") as file:
        json.dump({"name": "floe-environment", "private": True}, file)
    command = [*_npm(request), "install", "--package-lock-only", "--ignore-scripts", *_OPTIONS, "--", *request.deps]
    run(command, request.deps, request.scratch)
    with open(os.path.join(request.scratch, "package-lock.json"), encoding="utf-8") as file:
        return file.read()


def install(request: PackageRequest) -> str:
    """Install the locked packages; return the directory. Install scripts of packages run only on request of the module."""
    directory = os.path.join(request.scratch, "environment")
    os.mkdir(directory)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(request.scratch, name), directory)
    run([*_npm(request), "ci", *([] if request.build else ["--ignore-scripts"]), *_OPTIONS], (), directory)
    return directory


def packages(lock: str) -> list[str]:
    """Return the packages of a lock with their versions.

    >>> packages('{"packages": {"": {}, "node_modules/is-number": {"version": "7.0.0"}}}')
    ['is-number@7.0.0']
    """
    found = json.loads(lock or "{}").get("packages", {})
    return [f"{path.rpartition(_INSTALLED)[2]}@{known.get('version', '')}" for path, known in found.items() if path]


def _npm(request: PackageRequest) -> list[str]:
    """Return the command of npm. Raises EnvironmentFailed."""
    found = first_command(request.rules.command, {"program": executable(request.language.name)})
    if found is None:
        raise EnvironmentFailed(
            f"npm is missing, which installs the dependencies of {request.language.title} modules: {request.rules.cure}"
        )
    return found
