"""What a user's module did wrong, as values with the module's own trace at its cell and line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from floe_jupyter.core.events import Failure
from floe_jupyter.errors import RunFailed


class ModuleError(msgspec.Struct, frozen=True):
    """A module failed on a message: which node, what it said, and where in the notebook."""

    node: str
    message: str
    cell: int = 0
    line: int = 0
    trace: str = ""
    kind: str = "raised"
    id: str = ""
    input: Any = None
    """The value of the message, where it is small."""
    state: dict[str, Any] | None = None
    """What ``ctx.state`` was."""
    attempts: int = 1

    @classmethod
    def of(cls, failure: Failure) -> ModuleError:
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
        """``Cell In[3], line 4``, or empty."""
        if not self.line:
            return ""
        return f"Cell In[{self.cell}], line {self.line}" if self.cell else f"line {self.line}"


def errors_of(failures: Sequence[Failure]) -> list[ModuleError]:
    return [ModuleError.of(failure) for failure in failures]


PASSED_OVER = ("skipped", "dropped")
"""Kinds of errors that end no run."""


def run_failed(ref: str, failures: Sequence[Failure], run: Any = None) -> RunFailed:
    """The error of a failed run: one line that names node (if any), cause and place; behind it the module's own trace."""
    errors = errors_of(failures)
    if not errors:
        return RunFailed(f"run {ref} failed", run=run)
    first = next((error for error in errors if error.kind not in PASSED_OVER), errors[0])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    place = f" ({first.place})" if first.place else ""
    node = f" in {first.node!r}" if first.node else ""  # the time of a run runs out in no node
    return RunFailed(f"run {ref} failed{node}: {first.message}{place}{more}", run=run, trace=first.trace)
