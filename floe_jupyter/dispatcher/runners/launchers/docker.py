"""The launcher of ``docker:IMAGE[@ENGINE]``: a runner in a container, kept by a helper process that speaks to the engine."""

from __future__ import annotations

import os

from floe_jupyter.containers.hardening import SOCKETS
from floe_jupyter.core.flow.container_address import parse
from floe_jupyter.dispatcher.runners.launchers.helper import HelpedRunner, start_helper
from floe_jupyter.dispatcher.runners.launchers.local import runner_arguments
from floe_jupyter.dispatcher.runners.launchers.model import LaunchOrder

LEASE = 15.0
"""Seconds without a word of the dispatcher after which a runner in a container ends itself, if its lifeline has not ended it."""


def launch(order: LaunchOrder) -> HelpedRunner:
    """Start the helper of a runner in a container. Raises `DefinitionError` for a wrong URL, `EnvironmentFailed`."""
    parse(order.url)
    arguments = runner_arguments(order, f"ipc://{SOCKETS}/{os.path.basename(order.endpoint)}", memory="none")
    given = ["--sockets", order.directory, "--lease", f"{LEASE:g}", *arguments]
    cure = "build the image anew with `floe images build`"
    return start_helper("floe_jupyter.containers", order, "a container", given, version_cure=cure)
