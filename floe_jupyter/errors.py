"""The tree of errors: whose fault is it, and what now?

::

    FloeError
     ├─ DefinitionError    the user's cell, notation, expression, option or value is wrong; shown without a traceback
     │   ├─ NotationError      with line, column and a caret
     │   ├─ ExpressionError
     │   ├─ ValueRefused       a value that cannot travel (cyclic, too large, not JSON)
     │   └─ UnknownName        with the nearest valid name; also a KeyError
     ├─ ModuleFailed       a user's function raised; carries the language's own trace at its cell and line
     ├─ RunFailed          a run ended as failed; shows its first module error
     ├─ EnvironmentFailed  something the machine lacks: an interpreter, a package, a directory that can be written
     ├─ PeerError          another process of ours is gone, silent or speaks nonsense
     │   ├─ PeerGone
     │   ├─ PeerSilent         a wait ran out; says what it waited for
     │   └─ ProtocolError      a frame that breaks the rules
     └─ BugError           an invariant of ours does not hold; please report it

Every message names the cause and the cure.
"""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any

HERE = __file__.rpartition("/")[0] + "/"
LIBRARY = contextlib.__file__.rpartition("/")[0] + "/"


class FloeError(Exception):
    """The root of all errors of this package. ``kind`` is its name on the wire."""

    kind = "error"

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: where the user called us, and not how we came to say no."""
        return without_engine(self)


class DefinitionError(FloeError):
    """What the user typed cannot be right. ``cure`` says what to type instead."""

    kind = "definition"


class NotationError(DefinitionError):
    """A mistake in the text of a flow, with its place (both counted from 1)."""

    kind = "notation"

    def __init__(self, message: str, *, line: int = 0, column: int = 0, source: str = "") -> None:
        self.message, self.line, self.column, self.source = message, line, column, source
        super().__init__(self._render())

    def _render(self) -> str:
        lines = self.source.splitlines()
        if not 1 <= self.line <= len(lines):
            return self.message
        text, column = _window(lines[self.line - 1], self.column)
        caret = "".join("\t" if c == "\t" else " " for c in text[: column - 1]) + "^"
        return f"line {self.line}, column {self.column}: {self.message}\n  {text}\n  {caret}"


def _window(text: str, column: int, width: int = 120) -> tuple[str, int]:
    """The part of a very long line around a column, and the column in it."""
    if len(text) <= 2 * width:
        return text, column
    start = min(max(0, column - width // 2), len(text))
    return text[start : start + width], column - start


class ExpressionError(DefinitionError):
    """A condition or an edit that does not parse, is not allowed, or takes too long."""

    kind = "expression"


class ValueRefused(DefinitionError):
    """A value that cannot become a message: says which part, and what to send instead."""

    kind = "value"


class UnknownName(DefinitionError, KeyError):
    """A name nobody defined. The message ends with the nearest valid one."""

    kind = "unknown"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ModuleFailed(FloeError):
    """A user's function raised; ``trace`` is the language's own, at the notebook's cell and line."""

    kind = "module"


class RunFailed(FloeError):
    """A run ended as failed. ``run`` is that run where the client knows it; a notebook shows ``trace``, the module's own."""

    kind = "run"

    def __init__(self, message: str, *, run: Any = None, trace: str = "") -> None:
        self.run, self.trace = run, trace
        super().__init__(message)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of the frames of the engine."""
        return [*([self.trace.rstrip()] if self.trace else []), f"RunFailed: {self}"]


class EnvironmentFailed(FloeError):
    """The machine lacks something; the message says what, and how to get it."""

    kind = "environment"


class PeerError(FloeError):
    """Another process of ours did not do its part."""

    kind = "peer"


class PeerGone(PeerError):
    """The other process ended."""

    kind = "gone"


class PeerSilent(PeerError, TimeoutError):
    """A wait ran out; the message says for what, of whom, and how long."""

    kind = "silent"


class ProtocolError(PeerError):
    """A frame that breaks the protocol."""

    kind = "protocol"


class BugError(FloeError):
    """An invariant of this package does not hold. Please report it with the text."""

    kind = "bug"


def _tree(root: type[FloeError]) -> Iterable[type[FloeError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def from_wire(kind: str, message: str) -> FloeError:
    """The error that a peer reported as *kind* and *message*; an unknown kind is a plain FloeError."""
    cls = next((c for c in _tree(FloeError) if c.kind == kind), FloeError)
    return cls(message)


def from_user(error: Exception) -> None:
    """Code that a user handed over (an expression, an iterable) raised this: a notebook shows it without our frames."""
    if not hasattr(error, "_render_traceback_"):
        with contextlib.suppress(AttributeError, TypeError):  # of a class that takes no attributes: then with them
            error._render_traceback_ = lambda: without_engine(error)  # type: ignore[attr-defined]


def without_engine(error: BaseException) -> list[str]:
    """An error as IPython shows it, with the user's frames alone."""
    ipython, frames = sys.modules.get("IPython"), _users(error.__traceback__)  # which asks for this; a runner has none
    shell = ipython.get_ipython() if ipython else None
    if shell is None or frames is None:
        return [f"{type(error).__name__}: {error}"]
    return list(shell.InteractiveTB.structured_traceback(type(error), error, frames, tb_offset=0))


def _users(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames of this package and of IPython, and of the standard library where these called it."""
    found, inside = [], True
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        inside = _ours(file) or (inside and file.startswith(LIBRARY) and "-packages" not in file)
        found += [] if inside else [trace]
        trace = trace.tb_next
    for frame in reversed(found):
        trace = TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trace


def _ours(file: str) -> bool:
    return file.startswith(HERE) or "/IPython/core/" in file or "/ipykernel/" in file


def does_not_load(node: str, module: str, error: str) -> str:
    """What people are told of a node whose module does not load, with the cure."""
    return f"node {node!r} does not load ({error}): mend module {module!r} and define it again"


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint like ``did you mean 'clean'?`` or ``known: a, b``; empty when nothing is known.

    >>> nearest("claen", ["clean", "parse"])
    "did you mean 'clean'?"
    """
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names[:12])}" if names else ""


def unknown(what: str, name: str, valid: Iterable[str]) -> UnknownName:
    """``UnknownName("no flow 'co3'; did you mean 'co2'?")``."""
    hint = nearest(name, valid)
    return UnknownName(f"no {what} {name!r}" + (f"; {hint}" if hint else f"; no {what} is defined yet"))
