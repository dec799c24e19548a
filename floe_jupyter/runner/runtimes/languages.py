"""Languages of this machine: settings from `runtimes/<language>/runtime.toml`, and paths of interpreters."""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from floe_jupyter.errors import EnvironmentFailed, nearest
from floe_jupyter.wire.languages import node_file, node_program, program_on_path, with_runtime
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.shipped import runtimes_directory

DEFAULT = "default"
"""Environment of modules without dependencies: the packages that the notebook's own Python (or Node.js) can import."""
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
    """Command to start a runtime: a language in an environment."""

    lang: str
    environment: str
    """`DEFAULT`, or the hash of the environment's lock."""
    program: tuple[str, ...]
    variables: Mapping[str, str] = {}
    """Environment variables needed by the interpreter besides ours."""
    directory: str = ""
    """Directory of the environment's packages."""
    context: ProcessContext = INHERITED
    """Process context in which the modules run."""
    context_key: str = ""
    """Key of the context, computed once."""

    @property
    def key(self) -> str:
        """Key of language, environment and context: processes with the same key can serve the same modules."""
        return f"{self.lang}:{self.environment}{'@' * bool(self.context_key)}{self.context_key}"

    @property
    def all_variables(self) -> dict[str, str]:
        """Environment variables of the processes."""
        return {**(self.context.variables or os.environ), **self.variables}

    def within(self, context: ProcessContext) -> Interpreter:
        """Return the same interpreter for modules of another context."""
        return self._replace(context=context, context_key=context.key)

    def command(self, to_runtime: str, from_runtime: str, memory: str) -> list[str]:
        """Return the command line of a runtime with the paths of the pipes and of the directory of shared memory."""
        return [*self.program, to_runtime, from_runtime, memory]


class MissingImport(NamedTuple):
    """Rule of a language for recognizing the report of a missing import."""

    pattern: str
    """Regular expression; its first group is the imported name."""
    names: Mapping[str, str]
    """Packages named otherwise than the import, by imported name."""


def missing_import(lang: str) -> MissingImport | None:
    """Return the rule of the language's ``runtime.toml`` for missing imports, if given."""
    declared = _toml(lang).get("missing")
    return MissingImport(declared["pattern"], declared.get("names", {})) if declared else None


def _declared(lang: str) -> tuple[str, ...]:
    """Return the command of the language's ``runtime.toml``."""
    declared = _toml(lang)
    return tuple(declared.get("runtime", declared)["command"])


@cache
def _toml(lang: str) -> dict[str, Any]:
    path = os.path.join(runtimes_directory(), lang, "runtime.toml")
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        hint = nearest(lang, with_runtime())
        raise EnvironmentFailed(f"there is no runtime for {lang!r} modules here; {hint}") from None


def languages() -> tuple[str, ...]:
    """Return the languages that have a runtime and an interpreter on this machine."""
    from floe_jupyter.core.flow.model import LANGUAGES

    return tuple(lang for lang in LANGUAGES if _available(lang))


def _available(lang: str) -> bool:
    try:
        interpreter(lang)
    except EnvironmentFailed:
        return False
    return True


def interpreter(lang: str, environment: str = DEFAULT, directory: str = "", context: ProcessContext = INHERITED) -> Interpreter:
    """Return the interpreter of a language; with *directory*, of the environment made in *directory*.

    Raises EnvironmentFailed.
    """
    command = _declared(lang)
    program = executable(lang, directory, context)
    places = dict.fromkeys(("interpreter", "python", "node"), program)
    places["here"] = os.path.join(runtimes_directory(), lang)
    return Interpreter(
        lang,
        environment,
        tuple(word.format_map(places) for word in command),
        _variables(lang, directory, context),
        directory,
        context,
        context.key,
    )


def executable(lang: str, directory: str = "", context: ProcessContext = INHERITED) -> str:
    """Return the path of a language's interpreter. Raises EnvironmentFailed, naming the cure."""
    if lang == "python":
        return os.path.join(directory, "bin", "python") if directory else context.interpreter or sys.executable
    search = context.variables.get("PATH")
    found = node_program(search) if lang == "js" else program_on_path(_PROGRAMS.get(lang, lang), search)
    if not found:
        raise EnvironmentFailed(f"no interpreter for {lang!r} modules on this machine: {_CURES.get(lang, 'install it')}")
    return found


def npm() -> list[str]:
    """Return the command of npm. Raises EnvironmentFailed."""
    if found := program_on_path("npm"):
        return [found]
    script = node_file("lib", "node_modules", "npm", "bin", "npm-cli.js")
    if script is None:
        raise EnvironmentFailed(
            "npm is missing, which installs the dependencies of JavaScript modules: "
            "apt-get install npm, or pip install 'floe-jupyter[js]'"
        )
    return [executable("js"), script]


def _variables(lang: str, directory: str, context: ProcessContext) -> dict[str, str]:
    if lang == "python":
        paths = {"FLOE_PATH_BEFORE": context.path_before, "FLOE_PATH_AFTER": context.path_after}
        return {"FLOE_CODEC": _codec(), **{name: os.pathsep.join(entries) for name, entries in paths.items() if entries}}
    if lang == "js" and directory:
        return {"FLOE_ENVIRONMENT": directory, "NODE_PATH": os.path.join(directory, "node_modules")}
    return {}


@cache
def _codec() -> str:
    """Return the directory of our orjson, for environments without orjson."""
    spec = importlib.util.find_spec("orjson")
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else ""
