"""Failures of users' modules as values, with the module's own trace at its cell and line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from floe_jupyter.core.machine.events import Failure
from floe_jupyter.errors import RunFailed
from floe_jupyter.wire.unseen import cure_of


class ModuleError(msgspec.Struct, frozen=True):
    """Failure of a module on a message: the node, the error text, and the position in the notebook."""

    node: str
    message: str
    cell: int = 0
    line: int = 0
    trace: str = ""
    kind: str = "raised"
    id: str = ""
    input: Any = None
    """Value of the message, if small."""
    state: dict[str, Any] | None = None
    """Value of ``ctx.state`` at the failure."""
    attempts: int = 1

    @classmethod
    def of(cls, failure: Failure) -> ModuleError:
        """Return the error of a recorded failure."""
        return cls(
            failure.node,
            failure.message,
            failure.cell,
            failure.line,
            failure.trace,
            failure.kind,
            failure.id,
            failure.input,
            failure.state,
            failure.attempts,
        )

    def __repr__(self) -> str:
        return f"ModuleError({self.node!r}, {self.message!r}{self._at()})"

    def _at(self) -> str:
        return f", cell={self.cell}, line={self.line}" if self.line else ""

    @property
    def place(self) -> str:
        """Position as ``Cell In[3], line 4``, or empty."""
        if not self.line:
            return ""
        return f"Cell In[{self.cell}], line {self.line}" if self.cell else f"line {self.line}"


def errors_of(failures: Sequence[Failure]) -> list[ModuleError]:
    """Return the errors of recorded failures, in order."""
    return [ModuleError.of(failure) for failure in failures]


PASSED_OVER = ("skipped", "dropped")
"""Kinds of errors that end no run."""


def notebook_hint(message: str) -> str:
    """Return the cure if a module used a notebook variable that was defined after the module; else an empty text."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return cure_of(message, shell.user_ns) if shell is not None else ""


def run_failed(ref: str, failures: Sequence[Failure], run: Any = None, hint: str = "") -> RunFailed:
    """Return the error of a failed run: a line with node (if any), cause and place, then the module's own trace."""
    errors = errors_of(failures)
    if not errors:
        return RunFailed(f"run {ref} failed", run=run)
    first = next((error for error in errors if error.kind not in PASSED_OVER), errors[0])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    place = f" ({first.place})" if first.place else ""
    node = f" in {first.node!r}" if first.node else ""  # a timeout of the run belongs to no node
    text = first.message + notebook_hint(first.message)
    return RunFailed(f"run {ref} failed{node}: {text}{place}{more}{hint}", run=run, trace=first.trace)
