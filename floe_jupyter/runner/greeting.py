"""The hello of this runner."""

from __future__ import annotations

import os
import sys

from floe_jupyter._version import __version__
from floe_jupyter.wire import shared_memory
from floe_jupyter.wire.runner_messages import PROTOCOL, RunnerHello


def hello(url: str, epoch: int) -> RunnerHello:
    """Return the hello of this process, which runs as the runner *url* in the launch *epoch*."""
    system = os.uname()
    platform = f"{sys.implementation.cache_tag}-{sys.platform}-{system.machine}"
    return RunnerHello(url, os.getpid(), __version__, PROTOCOL, epoch, system.nodename, platform, shared_memory.identity())
