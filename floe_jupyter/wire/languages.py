"""Languages of modules: a language is a folder of ``runtimes/``, and its ``runtime.toml`` says how the language is known.

Names of languages are names of folders, so listing the languages reads no file. A ``runtime.toml`` is read at the first use of
its language; ``runtimes/README.md`` explains the keys. No msgspec here: a runner needs this module before its first runtime
starts, and imports as little as possible until then.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import EnvironmentFailed, nearest
from floe_jupyter.wire.shipped import runtimes_directory

_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_GIVEN = ("{interpreter}", "{program}")
"""Words for known programs, which are not searched for."""


class Program(NamedTuple):
    """Program that runs the modules of a language."""

    find: Sequence[str] = ()
    """Names on the path and paths of files; the first existing one is used."""
    environment: str = ""
    """Path of the program inside the environment of modules with dependencies, if the environment has its own."""
    cure: str = "install it"


class Check(NamedTuple):
    """Command that reads a source from standard input when a module is defined; no code of the source is executed."""

    command: Sequence[str]
    pattern: str
    """Regular expression of a complaint, with the groups ``line`` and ``message``, and maybe ``text``, ``caret``, ``column``."""
    hints: Sequence[Mapping[str, str]] = ()
    """Hints about frequent mistakes: a ``text`` for each ``pattern`` that is found in the faulty line."""


class Failures(NamedTuple):
    """Rules that recognize failures with a known cure; regular expressions whose first group is a name."""

    unknown_name: str = ""
    missing_import: str = ""
    packages: Mapping[str, str] = {}
    """Packages named otherwise than the import, by imported name."""


class Dependencies(NamedTuple):
    """Rules and tool for the packages of modules."""

    tool: str
    """Module of the language's folder, or of `floe_jupyter.runner.environments`, that locks and installs the packages."""
    name: str
    """Regular expression of a package's name, with a version."""
    address: str
    """Regular expression of a package's address, with the group ``address``."""
    built: Sequence[str]
    """Endings of addresses of built packages: their installation runs no code."""
    example: str
    command: Sequence[Sequence[str]] = ()
    """Commands that start the tool; the first whose programs and files exist is used."""
    cure: str = ""
    variables: Mapping[str, str] = {}
    """Environment variables of runtimes in an environment of packages."""


class Language(NamedTuple):
    """Content of a ``runtime.toml``."""

    name: str
    """Name of the folder."""
    title: str
    command: Sequence[str]
    """Command line of the runtime, without the pipes and the directory of shared memory."""
    badge: Sequence[str]
    """Letters in pictures, their background and their colour."""
    aliases: Sequence[str] = ()
    extensions: Sequence[str] = ()
    """Endings of files with sources."""
    editor: str = ""
    """Name of the language in the notebook's editor; empty if the editor knows the folder's name."""
    variables: Mapping[str, str] = {}
    """Environment variables of runtimes."""
    program: Program = Program()
    check: Check | None = None
    failures: Failures = Failures()
    dependencies: Dependencies | None = None

    @property
    def folder(self) -> str:
        """Path of the language's folder."""
        return os.path.join(runtimes_directory(), self.name)


_TABLES: dict[str, Callable[..., Any]] = {"program": Program, "check": Check, "failures": Failures, "dependencies": Dependencies}


def with_runtime() -> tuple[str, ...]:
    """Return the languages that have a runtime, the kernel's own first."""
    folder = runtimes_directory()
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    found = [name for name in names if os.path.exists(os.path.join(folder, name, "runtime.toml"))]
    return tuple(sorted(found, key=lambda name: (name != DEFAULT_LANGUAGE, name)))


def named(text: str) -> str | None:
    """Return the language with this name or alias."""
    known = with_runtime()
    return text if text in known else next((name for name in known if text in declared(name).aliases), None)


@cache
def declared(name: str) -> Language:
    """Return the language of a name. Raises EnvironmentFailed."""
    import tomllib  # takes 4 ms; a kernel reads no toml until a module of another language comes

    path = os.path.join(runtimes_directory(), name, "runtime.toml")
    try:
        with open(path, "rb") as file:
            given = tomllib.load(file)
        return Language(name, **{key: _TABLES[key](**value) if key in _TABLES else value for key, value in given.items()})
    except FileNotFoundError:
        raise EnvironmentFailed(f"there is no runtime for {name!r} modules here; {nearest(name, with_runtime())}") from None
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise EnvironmentFailed(f"{path} cannot be read: {error}; compare it with runtimes/README.md") from None


def badges(names: Iterable[str]) -> dict[str, Sequence[str]]:
    """Return the badges of languages with a runtime, by name."""
    known = with_runtime()
    return {name: declared(name).badge for name in set(names) if name in known}


def filled(text: str, places: Mapping[str, str]) -> str:
    """Return the text with known places filled in: ``{here}``, or ``{package:NAME}`` for the directory of a Python package.

    >>> filled("{here}/runtime.py", {"here": "/opt/x"})
    '/opt/x/runtime.py'
    """

    def value(found: re.Match[str]) -> str:
        return _package_directory(found[2]) if found[1] == "package" else places.get(found[1], found[0])

    return _PLACE.sub(value, text)


def _package_directory(name: str) -> str:
    """Return the directory that holds a Python package of this interpreter; empty if the package is not installed."""
    spec = importlib.util.find_spec(name)
    return next((os.path.dirname(place) for place in spec.submodule_search_locations or ()), "") if spec else ""


def program_of(language: Language, search: str | None = None, interpreter: str = "") -> str | None:
    """Return the path of the program for modules; None if this machine has none.

    *search* is the path searched (default: this process's), *interpreter* the kernel's Python (default: this process's).
    """
    places = {"interpreter": interpreter or sys.executable}
    found = first_command([[word] for word in language.program.find], places, search)
    return found[0] if found else None


def first_command(commands: Iterable[Sequence[str]], places: Mapping[str, str], search: str | None = None) -> list[str] | None:
    """Return the first command whose programs and files all exist, with their paths."""
    for words in commands:
        found = [path for word in words if (path := _existing(word, places, search))]
        if len(found) == len(words):
            return found
    return None


def _existing(word: str, places: Mapping[str, str], search: str | None) -> str | None:
    path = filled(word, places)
    if word in _GIVEN or (os.path.isabs(path) and os.path.exists(path)):
        return path
    return program_on_path(path, search) if os.path.basename(path) == path else None


def program_on_path(name: str, search: str | None = None) -> str | None:
    """Return the path of a program as `shutil.which` does."""
    import shutil  # takes 9 ms, and most starts look for no program

    return shutil.which(name, path=search)
