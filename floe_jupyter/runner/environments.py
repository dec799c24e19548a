"""Environments of modules: their dependencies, resolved once into a lock and installed once into a directory.

What is locked and installed is found again without network or tools. What is not is made by a process of its own
(`floe_jupyter.runner.make_environment`), so that no flow waits for it but the module that needs it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Protocol

from floe_jupyter.core.model import Module
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.languages import Interpreter, executable, interpreter
from floe_jupyter.runner.loop import Loop
from floe_jupyter.runner.output import Output
from floe_jupyter.runner.spawn import kill_group, spawn

TELL_AFTER = 1.0
"""Seconds after which people are told what takes so long."""
MANAGED = {"python": "uv", "js": "npm"}
"""The tool that resolves a language's dependencies."""

Found = Callable[[Interpreter | EnvironmentFailed], None]


class Tell(Protocol):
    """Who hears what is being made and how far it is; `done` with the last word."""

    def __call__(self, what: str, text: str, *, done: bool = False) -> None: ...


def cache_directory() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "floe-jupyter")


def wanted(lang: str, deps: tuple[str, ...]) -> str:
    """The name of a lock: one for these dependencies on this interpreter. Their order does not matter."""
    text = json.dumps([lang, sorted(set(deps)), executable(lang), _version_of(lang)])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _version_of(lang: str) -> str:
    return sys.version if lang == "python" else ""


def locked(lang: str, deps: tuple[str, ...]) -> dict[str, Any] | None:
    """What is known of the environment: {"directory", "hash", "lock"}; None where it has to be made."""
    path = os.path.join(cache_directory(), "locks", f"{wanted(lang, deps)}.json")
    try:
        with open(path, "rb") as file:
            known = json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):  # a torn file is made again
        return None
    return known if isinstance(known, dict) and os.path.isdir(known.get("directory", "")) else None


class Environments:
    """Finds interpreters for modules; answers at once or, where something has to be made, later."""

    def __init__(self, loop: Loop, tell: Tell) -> None:
        self._loop, self._tell = loop, tell
        self._known: dict[tuple[str, tuple[str, ...]], Interpreter] = {}
        self._making: dict[str, Making] = {}

    def find(self, module: Module, found: Found) -> None:
        """Call *found* with the interpreter of the module's environment, or why there is none."""
        key = (module.lang, module.deps)
        try:
            known = self._known.get(key) or self._look_up(module.lang, module.deps)
        except EnvironmentFailed as error:
            found(error)
            return
        if known is None:
            self._make(module, found)
            return
        self._known[key] = known
        found(known)

    def _look_up(self, lang: str, deps: tuple[str, ...]) -> Interpreter | None:
        if not deps:
            return interpreter(lang)
        if lang not in MANAGED:
            raise EnvironmentFailed(f"{lang!r} modules cannot have dependencies here; those of {', '.join(MANAGED)} can")
        known = locked(lang, deps)
        return interpreter(lang, known["hash"], known["directory"]) if known else None

    def _make(self, module: Module, found: Found) -> None:
        name = wanted(module.lang, module.deps)
        if name not in self._making:
            self._making[name] = Making(self._loop, module, self._tell, lambda error: self._made(name, error))
        self._making[name].waiting.append((module, found))

    def _made(self, name: str, error: str) -> None:
        for module, found in self._making.pop(name).waiting:
            known = None if error else locked(module.lang, module.deps)
            if known is None:
                found(EnvironmentFailed(error or f"the environment of {module.name!r} vanished while it was made; try again"))
            else:
                self.find(module, found)

    def close(self) -> None:
        """Give up whatever is being made."""
        for making in self._making.values():
            making.kill()


class Making:
    """A process that makes one environment."""

    def __init__(self, loop: Loop, module: Module, tell: Tell, done: Callable[[str], None]) -> None:
        self.waiting: list[tuple[Module, Found]] = []
        self._loop, self._tell, self._done = loop, tell, done
        self._what = f"dependencies of {module.name}: {' '.join(module.deps)}"
        self._text, self._rest, self._error = "starting", "", ""
        self._told = False
        out, err = os.pipe(), os.pipe()
        command = [sys.executable, "-m", "floe_jupyter.runner.make_environment", module.lang, *module.deps]
        self._process: subprocess.Popen[bytes] = spawn(command, os.environ, out[1], err[1])
        os.close(out[1])
        os.close(err[1])
        self._outputs = [Output(loop, out[0], self._said), Output(loop, err[0], _ignore)]
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.watch(self._pidfd, self._ended)
        self._timer = loop.after(TELL_AFTER, self._tell_now)

    def kill(self) -> None:
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
        self._timer.cancel()
        for output in self._outputs:
            output.drain()
        if self._told:
            self._tell(self._what, "done" if code == 0 else "failed", done=True)
        unexplained = " / ".join(self._outputs[1].last_lines(3)) or f"exit code {code}"
        self._done("" if code == 0 else self._error or f"making the environment failed: {unexplained}")


def _ignore(text: str, cut: int) -> None:
    """The end of it is kept by `Output`."""
