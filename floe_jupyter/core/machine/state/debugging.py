"""State of debugging: breakpoints, held messages, recorded steps and waiting requests, as plain data."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from floe_jupyter.core.machine.events import Back, Break, Pause, Step
from floe_jupyter.core.machine.state.recorder import Dropped, Recorder
from floe_jupyter.core.machine.state.records import Work

if TYPE_CHECKING:
    from floe_jupyter.core.expressions.language import Expression


class ActiveBreakpoint:
    """A breakpoint and the number of messages which met its condition."""

    def __init__(self, given: Break) -> None:
        self.given = given
        self.count = 0
        self.condition: Expression | None = None
        if given.when:
            from floe_jupyter.core.expressions.language import compile_expression

            self.condition = compile_expression(given.when)
        if given.log:
            from floe_jupyter.core.expressions.language import compile_template

            compile_template(given.log)  # report a mistake in the text to the caller

    def at(self, node: str, side: str, port: str) -> bool:
        """Return True if the breakpoint is enabled and set at this node, side and port."""
        given = self.given
        return given.enabled and given.node == node and given.side == side and given.port in {"", port}

    def as_dict(self) -> dict[str, Any]:
        """Return the breakpoint with its count, as the client shows breakpoints."""
        given = self.given
        return {
            "id": given.id,
            "node": given.node,
            "side": given.side,
            "port": given.port,
            "when": given.when,
            "hits": given.hits,
            "log": given.log,
            "enabled": given.enabled,
            "count": self.count,
        }


class Stepping:
    """A step in progress."""

    def __init__(self, token: Any, group: int) -> None:
        self.token, self.group = token, group


class DebugState:
    """Debugging of one instance: on while a client asks for it, a breakpoint is enabled, or the instance is paused."""

    def __init__(self, *, requested: bool, hold_errors: bool) -> None:
        self.requested, self.hold_errors = requested, hold_errors
        self.on = requested
        self.stale = False
        """True if `on` has to be determined again after this event."""
        self.paused = self.stepped = False
        self.idle = False
        """True if the last report said ``idle``."""
        self.refusals: dict[str, str] = {}
        """Load errors as last reported with ``idle``."""
        self.breaks: dict[str, ActiveBreakpoint] = {}
        self.held = 0
        """Number of messages held by a breakpoint or an error."""
        self.miscounted = False
        """True if `held` has to be counted again after this event."""
        self.recorder = Recorder()
        self.current: Work | None = None
        """Call whose outputs are being recorded."""
        self.dropped: dict[str, Dropped] = {}
        """Dropped messages which can be put back, by ``id@node``, the newest last."""
        self.copies = 0
        """Number of messages duplicated by hand."""
        self.requests: deque[Pause | Step | Back] = deque()
        """Requests waiting until no module is at work."""
        self.stepping: Stepping | None = None
        self.group = 0
        """Number of the step begun last."""

    @property
    def has_work(self) -> bool:
        """True if debugging may have a report or a task after an event."""
        return self.paused or self.held > 0 or self.idle or self.miscounted or self.stale or self.stepping is not None

    def new_group(self) -> int:
        """Return the number of a new step."""
        self.group += 1
        return self.group

    def step_group(self) -> int:
        """Return the number of the step in progress; without one, of a new step."""
        return self.stepping.group if self.stepping is not None else self.new_group()

    def forget_run(self, run: int) -> None:
        """Forget a finished run."""
        if self.dropped:
            self.dropped = {name: gone for name, gone in self.dropped.items() if gone.item.batch.run != run}
        if self.recorder.undone:
            self.recorder.forget(run)
            self.stale = not self.recorder.undone
