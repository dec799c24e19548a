"""Process contexts of modules: folder, environment variables, interpreter and import path of a notebook's kernel.

The present context travels with every started run and flow, so files, imports, ``%cd`` and ``%env`` behave in a module as in
the cell beside the module. A change leads to new runtimes and never changes running ones.

No msgspec here: a runner needs this module before its first runtime starts, and imports as little as possible until then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple

KERNEL_ONLY = frozenset(
    {
        "JPY_PARENT_PID",
        "JPY_SESSION_NAME",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "GIT_PAGER",
        "PAGER",
        "TERM",
        "PYDEVD_USE_FRAME_EVAL",
        "PYDEVD_DISABLE_FILE_VALIDATION",
        "_",
    }
)
"""Variables that a kernel or a shell sets for itself: a module has neither a kernel's pipe to Jupyter nor a shell's terminal."""


class ProcessContext(NamedTuple):
    """Folder, environment variables and interpreter of a process. An empty context means the runner's own."""

    folder: str = ""
    variables: Mapping[str, str] = {}
    interpreter: str = ""
    """Path of the Python interpreter."""
    path_before: tuple[str, ...] = ()
    """Entries of the import path in front of the interpreter's own entries."""
    path_after: tuple[str, ...] = ()
    """Entries of the import path behind the interpreter's own entries."""

    def __repr__(self) -> str:
        """Return a text without the variables, which may hold secrets."""
        return f"ProcessContext({self.folder!r}, {self.interpreter!r}, {len(self.variables)} variables)"

    @property
    def key(self) -> str:
        """Name for everything that makes a difference to a module; empty for the runner's own context."""
        if self == INHERITED:
            return ""
        import hashlib

        parts = (self.folder, self.interpreter, sorted(self.variables.items()), self.path_before, self.path_after)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


INHERITED = ProcessContext()
"""Context of the runner."""


def current_context(folder: str = "", interpreter: str = "") -> ProcessContext:
    """Return the present context of this process, with another *folder* or *interpreter* if given."""
    before, after = _added(sys.path, _own_paths())
    return ProcessContext(folder or _folder(), handed_on(os.environ), interpreter or sys.executable or "", before, after)


def handed_on(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a module, without variables that only mean something to a kernel."""
    return {
        name: value
        for name, value in variables.items()
        if name not in KERNEL_ONLY and not _is_inline(name, value) and not _is_odd(name) and not _is_odd(value)
    }


def _is_inline(name: str, value: str) -> bool:
    """Return whether a variable makes Matplotlib draw into the cell, by a module that only kernels have."""
    return name == "MPLBACKEND" and value.startswith("module://")


def _is_odd(text: str) -> bool:
    """Return whether a text holds bytes that are no UTF-8 and cannot be written as text."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # the folder was removed under the process; a run reports the error with this name
        return os.readlink("/proc/self/cwd").removesuffix(" (deleted)")


def _own_paths() -> frozenset[str]:
    """Return the directories that the interpreter puts on the import path by itself."""
    import site
    import sysconfig

    paths = sysconfig.get_paths()
    own = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    extensions = (os.path.join(paths[name], "lib-dynload") for name in ("stdlib", "platstdlib"))
    return frozenset({*own, *extensions, *site.getsitepackages(), site.getusersitepackages()})


def _added(path: list[str], own: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the entries of *path* besides the interpreter's *own*, in front of the first own entry and behind it."""
    before: list[str] = []
    after: list[str] = []
    seen_own = False
    for entry in path:
        if not isinstance(entry, str) or not entry or _is_odd(entry):
            continue
        if entry in own or entry.endswith(".zip"):
            seen_own = True
        else:
            (after if seen_own else before).append(entry)
    return tuple(before), tuple(after)
