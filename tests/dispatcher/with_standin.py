"""A dispatcher whose local runner is the stand-in: ``python -m tests.dispatcher.with_standin`` with the usual options."""

from __future__ import annotations

import sys

from floe_jupyter.dispatcher import __main__ as program
from floe_jupyter.dispatcher.runners.launchers.local import RunnerProcess, start
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.dispatcher.runners.launchers.registry import LAUNCHERS


def launch_standin(order: LaunchOrder) -> RunnerProcess:
    return start([sys.executable, "-m", "tests.dispatcher.standin"], order)


if __name__ == "__main__":
    LAUNCHERS["local"] = launch_standin
    sys.exit(program.main(sys.argv[1:]))
