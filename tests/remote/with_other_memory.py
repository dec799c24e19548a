"""A dispatcher whose local runner has shared memory of its own: ``python -m tests.remote.with_other_memory``, as root."""

from __future__ import annotations

import os
import sys

from floe_jupyter.dispatcher import __main__ as program
from floe_jupyter.dispatcher.runners.launchers.local import RunnerProcess, inherited_pipe, log_of, runner_arguments, spawn
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.dispatcher.runners.launchers.registry import LAUNCHERS
from tests.remote.machine import which

APART = 'mount --make-rprivate / && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"'


class OtherMemory(RunnerProcess):
    """A runner with which no memory is shared."""

    same_memory = False


def launch(order: LaunchOrder) -> OtherMemory:
    ours, theirs = inherited_pipe()
    command = [str(which("unshare")), "--mount", "sh", "-c", APART, "sh"]
    command += [sys.executable, "-P", "-m", "floe_jupyter.runner", *runner_arguments(order, memory="none")]
    return OtherMemory(spawn([*command, "--lifeline", str(theirs)], order.url, log_of(order), os.environ), ours, log_of(order))


if __name__ == "__main__":
    LAUNCHERS["local"] = launch
    sys.exit(program.main(sys.argv[1:]))
