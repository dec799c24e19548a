"""Interpreters of this machine: the command that starts a runtime, from the language's folder and the module's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.languages import Language, declared, filled, program_of
from floe_jupyter.wire.process_context import INHERITED, ProcessContext

DEFAULT = "default"
"""Environment of modules without dependencies: the packages that the language's program on this machine can import."""


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
    shares: bool = True
    """False for runtimes that make no segments, as their frames go to another machine."""

    @property
    def key(self) -> str:
        """Key of language, environment and context: processes with the same key can serve the same modules."""
        return f"{self.lang}:{self.environment}{'@' * bool(self.context_key)}{self.context_key}{' inline' * (not self.shares)}"

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


def interpreter(lang: str, environment: str = DEFAULT, directory: str = "", context: ProcessContext = INHERITED) -> Interpreter:
    """Return the interpreter of a language; with *directory*, of the environment made in *directory*.

    Raises EnvironmentFailed.
    """
    language = declared(lang)
    places = {
        "program": executable(lang, directory, context),
        "here": language.folder,
        "directory": directory,
        "path_before": os.pathsep.join(context.path_before),
        "path_after": os.pathsep.join(context.path_after),
    }
    return Interpreter(
        lang,
        environment,
        tuple(filled(word, places) for word in language.command),
        {name: filled(text, places) for name, text in _variables(language, directory).items()},
        directory,
        context,
        context.key,
    )


def executable(lang: str, directory: str = "", context: ProcessContext = INHERITED) -> str:
    """Return the path of a language's program, in *directory* if the environment has its own.

    Raises EnvironmentFailed, naming the cure.
    """
    language = declared(lang)
    if directory and language.program.environment:
        return os.path.join(directory, language.program.environment)
    found = program_of(language, context.variables.get("PATH"), context.interpreter)
    if not found:
        raise EnvironmentFailed(f"no interpreter for {lang!r} modules on this machine: {language.program.cure}")
    return found


def _variables(language: Language, directory: str) -> Mapping[str, str]:
    if directory and language.dependencies:
        return {**language.variables, **language.dependencies.variables}
    return language.variables
