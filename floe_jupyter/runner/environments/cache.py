"""Environments of modules: dependencies, resolved once into a lock and installed once into a directory.

Locked and installed dependencies are found again without network or tools. A missing environment is made by a process of its own
(`floe_jupyter.runner.environments.make`): only the modules of the environment have to wait.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Protocol

from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.tools import rules_of
from floe_jupyter.runner.runtimes import descendants
from floe_jupyter.runner.runtimes.languages import Interpreter, executable, interpreter
from floe_jupyter.runner.runtimes.output import ProcessOutput
from floe_jupyter.runner.runtimes.spawn import kill_group, no_descriptor, spawn
from floe_jupyter.wire import descriptors
from floe_jupyter.wire.process_context import INHERITED, ProcessContext
from floe_jupyter.wire.transport.loop import Loop

NEEDED = 9
"""Number of descriptors taken by the start of an installation."""
TELL_AFTER = 1.0
"""Seconds after which users are told about an unfinished installation."""
INTERPRETER = "FLOE_INTERPRETER"
"""Variable with the Python for which an environment is to be made; empty: the maker's own."""
BUILDER = "FLOE_BUILDER"
"""Variable with the socket of a builder of packages, for a runner that has no network of its own."""
BUILD = "--build-deps"
"""First argument of the maker of an environment whose packages may be built."""

Found = Callable[[Interpreter | EnvironmentFailed], None]


class Tell(Protocol):
    """Callback for the progress of an installation: *what* is made, and how far; `done` with the last report."""

    def __call__(self, what: str, text: str, *, done: bool = False) -> None:
        """Report the progress."""


def cache_directory() -> str:
    """Return the directory of the cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "floe-jupyter")


def wanted(lang: str, deps: tuple[str, ...], context: ProcessContext = INHERITED, *, build: bool = False) -> str:
    """Return the name of a lock, the same for these dependencies on this interpreter, built or not, in any order."""
    text = json.dumps([lang, sorted(set(deps)), *identity_of(lang, context), *["build"] * build])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def identity_of(lang: str, context: ProcessContext) -> tuple[str, str]:
    """Return path and version of the program for which an environment is made; only a kernel's Python has a version."""
    program = executable(lang, context=context)
    if program != (context.interpreter or sys.executable):
        return program, ""
    if program == sys.executable:
        return program, sys.version
    real = os.path.realpath(program)  # asking the interpreter would cost a start
    return program, f"{real} {os.stat(real).st_mtime_ns if os.path.exists(real) else 0}"


def locked(
    lang: str, deps: tuple[str, ...], context: ProcessContext = INHERITED, *, build: bool = False
) -> dict[str, Any] | None:
    """Return the record of a made environment, {"directory", "hash", "lock"}; None if the environment has to be made."""
    path = os.path.join(cache_directory(), "locks", f"{wanted(lang, deps, context, build=build)}.json")
    try:
        with open(path, "rb") as file:
            known = json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):  # a torn file is made again
        return None
    return known if isinstance(known, dict) and os.path.isdir(known.get("directory", "")) else None


class Environments:
    """Finder of interpreters for modules; answers at once, or later if an environment has to be made."""

    def __init__(self, loop: Loop, tell: Tell) -> None:
        self._loop, self._tell = loop, tell
        self._known: dict[tuple[str, tuple[str, ...], bool, str], Interpreter] = {}
        """Interpreters by language, dependencies, permission to build, and context."""
        self._making: dict[str, Making] = {}

    def find(self, module: Module, found: Found, context: ProcessContext = INHERITED) -> None:
        """Call *found* with the interpreter of the module's environment, or with the error."""
        key = (module.lang, module.deps, module.build_deps, context.key)
        try:
            known = self._known.get(key) or self._look_up(module, context)
        except EnvironmentFailed as error:
            found(error)
            return
        except OSError as error:  # what the language is, or what is locked, cannot be read now
            found(_unreadable(module, error))
            return
        if known is None:
            self._make(module, found, context)
            return
        self._known[key] = known
        found(known)

    def _look_up(self, module: Module, context: ProcessContext) -> Interpreter | None:
        lang = module.lang
        if not module.deps:
            return interpreter(lang, context=context)
        rules_of(lang)  # raises for a language without packages
        known = locked(lang, module.deps, context, build=module.build_deps)
        return interpreter(lang, known["hash"], known["directory"], context) if known else None

    def _make(self, module: Module, found: Found, context: ProcessContext) -> None:
        name = wanted(module.lang, module.deps, context, build=module.build_deps)
        if name not in self._making:
            try:
                self._making[name] = Making(self._loop, module, self._tell, lambda error: self._made(name, error), context)
            except OSError as error:
                full = error.errno in descriptors.FULL
                found(
                    EnvironmentFailed(
                        no_descriptor("the installation of packages")
                        if full
                        else f"the installation of {' '.join(module.deps)} cannot be started: {error}"
                    )
                )
                return
        self._making[name].waiting.append((module, found, context))

    def _made(self, name: str, error: str) -> None:
        for module, found, context in self._making.pop(name).waiting:
            known = None if error else locked(module.lang, module.deps, context, build=module.build_deps)
            if known is None:
                found(EnvironmentFailed(error or f"the environment of {module.name!r} vanished while it was made; try again"))
            else:
                self.find(module, found, context)

    def close(self) -> None:
        """Kill all installations."""
        for making in self._making.values():
            making.kill()


class Making:
    """Process for making an environment."""

    def __init__(
        self, loop: Loop, module: Module, tell: Tell, done: Callable[[str], None], context: ProcessContext = INHERITED
    ) -> None:
        self.waiting: list[tuple[Module, Found, ProcessContext]] = []
        self._loop, self._tell, self._done = loop, tell, done
        self._what = f"dependencies of {module.name}: {' '.join(module.deps)}"
        self._text, self._rest, self._error = "starting", "", ""
        self._told = False
        descriptors.require(NEEDED)
        out, err = os.pipe(), os.pipe()
        command = [
            sys.executable,
            "-P",
            "-m",
            f"floe_jupyter.runner.environments.{'ask' if BUILDER in os.environ else 'make'}",
            *[BUILD] * module.build_deps,
            module.lang,
            *module.deps,
        ]
        variables = {**os.environ, INTERPRETER: context.interpreter}
        self._process: subprocess.Popen[bytes] = spawn(command, variables, out[1], err[1])
        descendants.started(self._process.pid)
        os.close(out[1])
        os.close(err[1])
        self._outputs = [ProcessOutput(loop, out[0], self._said), ProcessOutput(loop, err[0], _ignore)]
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, self._ended)
        self._timer = loop.after(TELL_AFTER, self._tell_now)

    def kill(self) -> None:
        """Kill the process and all children."""
        kill_group(self._process.pid, 9)

    def _said(self, text: str, _: int) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            said = json.loads(line)
            self._error = said.get("error", "")
            self._text = said.get("text", self._text)
            if self._told:
                self._tell(self._what, self._text)

    def _tell_now(self) -> None:
        self._told = True
        self._tell(self._what, self._text)

    def _ended(self, _: int) -> None:
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        kill_group(self._process.pid, 9)
        code = self._process.wait()
        descendants.ended(self._process.pid)
        self._timer.cancel()
        for output in self._outputs:
            output.drain()
        if self._told:
            self._tell(self._what, "done" if code == 0 else "failed", done=True)
        unexplained = " / ".join(self._outputs[1].last_lines(3)) or f"exit code {code}"
        self._done("" if code == 0 else self._error or f"making the environment failed: {unexplained}")


def _unreadable(module: Module, error: OSError) -> EnvironmentFailed:
    """Return the error of a module whose language or lock cannot be read."""
    if error.errno in descriptors.FULL:
        return EnvironmentFailed(no_descriptor(f"{module.lang!r} modules"))
    return EnvironmentFailed(f"what {module.lang!r} modules need cannot be read: {error}")


def _ignore(text: str, cut: int) -> None:
    """Ignore the text: `ProcessOutput` keeps the end."""
