"""Check of a runner's hello: version, protocol and memory."""

from __future__ import annotations

from floe_jupyter._version import __version__
from floe_jupyter.dispatcher.runners.launchers.model import LaunchedRunner
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.runner_messages import PROTOCOL, RunnerHello


def problem_of(hello: RunnerHello, launched: LaunchedRunner) -> str:
    """Return why a runner cannot be used, with the cure; empty if it can."""
    if (hello.version, hello.protocol) != (__version__, PROTOCOL):
        return (
            f"it runs floe-jupyter {hello.version or '(unknown)'} with protocol {hello.protocol}, and this is {__version__} with "
            f"protocol {PROTOCOL}: {launched.version_cure}"
        )
    if launched.same_memory and hello.memory != shared_memory.identity():
        return (
            f"its shared memory ({hello.memory or 'none'}) is not that of the dispatcher ({shared_memory.identity() or 'none'}): "
            f"mount /dev/shm of this machine there, or start the runner as one of another machine"
        )
    return ""
