"""Roles of launchers. Imports no heavy module: the first runner is started before most of the dispatcher is imported.

Starting never blocks the dispatcher. A launcher whose start is slow (a login, a copy, calls of an engine) starts a helper process
for it (see `helper`), which is a child of the dispatcher like a local runner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from floe_jupyter.wire.process_context import INHERITED, ProcessContext

if TYPE_CHECKING:
    from floe_jupyter.dispatcher.runners.connections import RunnerConnection


class LaunchOrder(NamedTuple):
    """Order to start one runner."""

    url: str
    endpoint: str
    """Address at which the dispatcher awaits this runner alone: ``ipc://`` and the path of a socket in `directory`. Empty for a
    runner that comes another way.
    """
    directory: str
    """Directory for sockets and logs, private to the user; of this launch alone unless the runner is a local process."""
    epoch: int = 0
    """Number of this launch, which the runner repeats in its hello: a former launch of the same runner is refused."""
    context: ProcessContext = INHERITED
    """Process context of the runner's first runtime."""


class LaunchedRunner(Protocol):
    """One started runner, as its launcher knows it."""

    pid: int
    """Id of the local process: the runner's own, or that of its helper. A runner without one gets a number above all ids."""
    descriptor: int
    """Descriptor that becomes readable when the runner has ended."""
    news: int
    """Descriptor that becomes readable when `progress` has news; -1 for a launcher without progress."""
    where: str
    """Host of the runner, for users; empty for this machine."""
    same_memory: bool
    """True if shared memory may be shared with the runner, whose hello must then name the same memory."""
    same_files: bool
    """True if modules see this machine's files: they run in the workspace's folder, variables and interpreter."""
    leased: bool
    """True if the runner ends itself when it hears nothing for a while: the dispatcher then speaks also without need."""
    hello_within: float
    """Maximum seconds from the start, or from the last progress, to the hello."""
    version_cure: str
    """Cure for a runner of another version of floe-jupyter, for users."""

    @property
    def connection(self) -> RunnerConnection | None:
        """Connection that the launcher made; None: the runner connects to the order's endpoint."""

    def ended(self) -> str:
        """Return how the runner ended, with cause and cure, for users; empty while it runs."""

    def progress(self) -> list[str]:
        """Return the lines of progress that have arrived since the last call; `news` is readable then. Never blocks.

        Raises EOFError when no more can follow.
        """

    def stop(self) -> None:
        """Shut the lifeline: the runner ends itself, with all its processes and files."""

    def kill(self) -> None:
        """End the runner at once, without its help where possible."""

    def tail(self) -> str:
        """Return the last lines printed by the runner."""

    def close(self) -> None:
        """Kill what is left, and release descriptors and files."""


Launcher = Callable[[LaunchOrder], LaunchedRunner]
"""Start of a runner. Returns at once. Raises `EnvironmentFailed` or `DefinitionError`, with cause and cure."""
