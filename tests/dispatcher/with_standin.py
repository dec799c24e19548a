"""A dispatcher whose local runner is the stand-in: ``python -m tests.dispatcher.with_standin`` with the usual options."""

from __future__ import annotations

import sys

from floe_jupyter.dispatcher import __main__ as program
from floe_jupyter.dispatcher.runners import launchers
from floe_jupyter.wire.process_context import INHERITED, ProcessContext


def launch_standin(url: str, endpoint: str, directory: str, _: ProcessContext = INHERITED) -> launchers.Process:
    return launchers.start([sys.executable, "-m", "tests.dispatcher.standin"], url, endpoint, directory)


if __name__ == "__main__":
    launchers.LAUNCHERS["local"] = launch_standin
    sys.exit(program.main(sys.argv[1:]))
