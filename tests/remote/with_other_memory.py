"""A dispatcher whose local runner takes itself for one of another machine: ``python -m tests.remote.with_other_memory``."""

from __future__ import annotations

import os
import sys

from floe_jupyter.dispatcher import __main__ as program
from floe_jupyter.dispatcher.runners.launchers.local import RunnerProcess, inherited_pipe, log_of, runner_arguments, spawn
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.dispatcher.runners.launchers.registry import LAUNCHERS


class OtherMemory(RunnerProcess):
    """A runner with which no memory is shared."""

    same_memory = False


def launch(order: LaunchOrder) -> OtherMemory:
    ours, theirs = inherited_pipe()
    command = [sys.executable, "-P", "-m", "floe_jupyter.runner", *runner_arguments(order, memory="none")]
    return OtherMemory(spawn([*command, "--lifeline", str(theirs)], order.url, log_of(order), os.environ), ours, log_of(order))


if __name__ == "__main__":
    LAUNCHERS["local"] = launch
    sys.exit(program.main(sys.argv[1:]))
