"""The tree of errors, by fault and cure.

::

    FloeError
     ├─ DefinitionError    the user's cell, notation, expression, option or value is wrong; shown without a traceback
     │   ├─ NotationError      with line, column and a caret
     │   ├─ ExpressionError
     │   ├─ ValueRefused       a value that cannot travel (cyclic, too large, not JSON)
     │   └─ UnknownName        with the nearest valid name; also a KeyError
     ├─ ModuleFailed       a user's function raised; carries the language's own trace at its cell and line
     ├─ RunFailed          a run ended as failed; shows its first module error
     ├─ EnvironmentFailed  the machine lacks a resource: an interpreter, a package, a writable directory
     ├─ PeerError          another process of this package is gone, silent or sends invalid data
     │   ├─ PeerGone
     │   ├─ PeerSilent         a wait ran out; names the awaited event
     │   └─ ProtocolError      a frame which breaks the rules
     └─ BugError           an invariant of this package does not hold; please report it

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
    """Base class of all errors of this package. ``kind`` is its name on the wire."""

    kind = "error"

    def _render_traceback_(self) -> list[str]:
        """Return the traceback for IPython: the user's call, without the frames of the engine."""
        return without_engine(self)


class DefinitionError(FloeError):
    """A wrong definition typed by the user. The message names the correction."""

    kind = "definition"


class NotationError(DefinitionError):
    """A mistake in the text of a flow, with its line and column (both counted from 1)."""

    kind = "notation"

    def __init__(self, message: str, *, line: int = 0, column: int = 0, source: str = "", where: str = "") -> None:
        self.message, self.line, self.column, self.source = message, line, column, source
        self.where = where
        """Position as ``Cell In[3], line 4``: the line as the reader counts lines."""
        super().__init__(self._render())

    def within(self, where: str) -> NotationError:
        """Return the same mistake with its position in a cell or a file."""
        return NotationError(self.message, line=self.line, column=self.column, source=self.source, where=where)

    def _render(self) -> str:
        lines = self.source.splitlines()
        if not 1 <= self.line <= len(lines):
            return self.message
        text, column = _window(lines[self.line - 1], self.column)
        caret = "".join("\t" if c == "\t" else " " for c in text[: column - 1]) + "^"
        return f"{self.where or f'line {self.line}'}, column {self.column}: {self.message}\n  {text}\n  {caret}"


def _window(text: str, column: int, width: int = 120) -> tuple[str, int]:
    """Return the part of a very long line around a column, and the column in the part."""
    if len(text) <= 2 * width:
        return text, column
    start = min(max(0, column - width // 2), len(text))
    return text[start : start + width], column - start


class ExpressionError(DefinitionError):
    """A condition or an edit which does not parse, is not allowed, or takes too long."""

    kind = "expression"


class ValueRefused(DefinitionError):
    """A value which cannot become a message; the message names the faulty part and a value to send instead."""

    kind = "value"


class UnknownName(DefinitionError, KeyError):
    """An undefined name. The message ends with the nearest valid name."""

    kind = "unknown"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ModuleFailed(FloeError):
    """An exception of a user's function; ``trace`` is the language's own, at the notebook's cell and line."""

    kind = "module"


class RunFailed(FloeError):
    """The end of a run as failed.

    ``run`` is the run where the client knows the run; a notebook shows ``trace``, the module's own.
    """

    kind = "run"

    def __init__(self, message: str, *, run: Any = None, trace: str = "") -> None:
        self.run, self.trace = run, trace
        super().__init__(message)

    def _render_traceback_(self) -> list[str]:
        """Return the module's trace for IPython, instead of the frames of the engine."""
        return [*([self.trace.rstrip()] if self.trace else []), f"RunFailed: {self}"]


class EnvironmentFailed(FloeError):
    """A lack of the machine; the message names the missing part and how to get the part."""

    kind = "environment"


class PeerError(FloeError):
    """A failure of another process of this package."""

    kind = "peer"


class PeerGone(PeerError):
    """The end of the other process."""

    kind = "gone"


class PeerSilent(PeerError, TimeoutError):
    """The end of a wait; the message names the awaited event, the peer and the seconds waited."""

    kind = "silent"


class ProtocolError(PeerError):
    """A frame which breaks the protocol."""

    kind = "protocol"


class BugError(FloeError):
    """A broken invariant of this package. Please report the error with its text."""

    kind = "bug"


def _tree(root: type[FloeError]) -> Iterable[type[FloeError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def from_wire(kind: str, message: str) -> FloeError:
    """Return the error reported by a peer as *kind* and *message*; a plain FloeError for an unknown kind."""
    cls = next((c for c in _tree(FloeError) if c.kind == kind), FloeError)
    return cls(message)


def from_user(error: Exception) -> None:
    """Hide the frames of this package in a notebook for an error raised by user code (an expression, an iterable)."""
    if not hasattr(error, "_render_traceback_"):
        with contextlib.suppress(AttributeError, TypeError):  # the class takes no attributes: the frames stay visible
            error._render_traceback_ = lambda: without_engine(error)  # type: ignore[attr-defined]


def without_engine(error: BaseException) -> list[str]:
    """Return an error as IPython shows errors, with the user's frames alone."""
    ipython, frames = sys.modules.get("IPython"), _users(error.__traceback__)  # a runner has no IPython
    shell = ipython.get_ipython() if ipython else None
    if shell is None or frames is None:
        return [f"{type(error).__name__}: {error}"]
    return list(shell.InteractiveTB.structured_traceback(type(error), error, frames, tb_offset=0))


def _users(trace: TracebackType | None) -> TracebackType | None:
    """Return the trace without the frames of this package and of IPython, and of the standard library where called by these."""
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
    """Return the message about a node whose module does not load, with the cure."""
    return f"node {node!r} does not load ({error}): mend module {module!r} and define it again"


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a hint like ``did you mean 'clean'?`` or ``known: a, b``; empty when no name is known.

    >>> nearest("claen", ["clean", "parse"])
    "did you mean 'clean'?"
    """
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names[:12])}" if names else ""


def unknown(what: str, name: str, valid: Iterable[str]) -> UnknownName:
    """Return ``UnknownName("no flow 'co3'; did you mean 'co2'?")``."""
    hint = nearest(name, valid)
    return UnknownName(f"no {what} {name!r}" + (f"; {hint}" if hint else f"; no {what} is defined yet"))
