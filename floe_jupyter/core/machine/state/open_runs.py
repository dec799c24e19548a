"""Records of runs: open, and cancelled with messages still at work."""

from __future__ import annotations

from floe_jupyter.core.machine.events import Ended, Failure

FAILURES = 100
"""Maximum number of failures kept per run."""


REMEMBERED = 1_000
"""Maximum number of ended runs, and of dead letters, remembered."""


class OpenRun:
    """Run that is not over."""

    __slots__ = ("closed", "cut", "dropped", "ending_as", "failures", "fed", "opened", "pilled")

    def __init__(self, opened: float) -> None:
        self.opened = opened
        """Start of the run, on the clock that stands still while messages are held."""
        self.closed = False
        self.failures: list[Failure] = []
        self.pilled: set[str] = set()
        """Nodes whose pill was passed on: one pill per node and run."""
        self.ending_as = ""
        """Status with which the run ends as soon as stepping is over; the run's messages go no further."""
        self.cut = ""
        """Name of the `end` node that ended the run."""
        self.fed = 0
        self.dropped: dict[tuple[str, str, str, str], int] = {}
        """(node, name, reason, text) -> messages, see `floe_jupyter.core.machine.unprocessed`."""


class Ending:
    """Cancelled run with messages still at work: the delayed `Ended`, and the awaited calls."""

    __slots__ = ("calls", "said")

    def __init__(self, said: Ended, calls: set[int]) -> None:
        self.said, self.calls = said, calls
