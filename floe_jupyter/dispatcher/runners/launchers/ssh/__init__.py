"""The launcher of ``ssh:[USER@]HOST[:FOLDER]``: a runner on another machine, by the system's ssh.

The user's configuration holds: keys, jump hosts, ports.

One login serves for all: the program `boot` is given on the command line of the remote Python, looks what is there, takes the
packages that are missing, and runs the runner. The dispatcher's socket is forwarded to a private directory there; no port is
opened. The runner's lifeline is its standard input, which ends with the connection.
"""

from __future__ import annotations

import re

from floe_jupyter.dispatcher.runners.launchers.helper import HelpedRunner, start_helper
from floe_jupyter.dispatcher.runners.launchers.local import runner_arguments
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder
from floe_jupyter.errors import DefinitionError

_URL = re.compile(r"ssh:((?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9_.-]*)(?::([^\0\n]+))?\Z")
"""Host and folder; a host that began with a dash would be an option of ssh."""


def launch(order: LaunchOrder) -> HelpedRunner:
    """Start the helper of a runner on another machine. Raises `DefinitionError` for a URL without a host."""
    found = _URL.match(order.url)
    if found is None:
        raise DefinitionError(
            f"{order.url!r} names no host: write ssh:HOST, ssh:USER@HOST or ssh:HOST:FOLDER, with a host as `ssh` knows it; "
            "other options, such as a port, belong into ~/.ssh/config"
        )
    host, folder = found[1], found[2] or ""
    arguments = ["--host", host, "--folder", folder, "--directory", order.directory]
    return start_helper(
        "floe_jupyter.dispatcher.runners.launchers.ssh.helper",
        order,
        host.rpartition("@")[2],
        [*arguments, *runner_arguments(order, memory="none")],
        version_cure=f"remove ~/.cache/floe-jupyter/runners on {host}; the next run copies it anew",
    )
